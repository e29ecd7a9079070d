"""The Care panel: verify, repair, back up."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path

import streamlit as st

from rag_core.errors import HomeError
from rag_core.index_manager import IndexManager, Problem, RepairReport, VerifyReport, backup
from ui import access, services
from ui.errors import boundary
from ui.index_lab import following
from ui.index_lab.words import size
from ui.text import number, plain

_LISTED = 500
_MOST = 200 * 2**20  # bytes of a backup that goes through the browser


def show(collection: str) -> None:
    """Draw the three, one below the other."""
    _verify(collection)
    st.divider()
    _backup(collection)


def _verify(collection: str) -> None:
    st.subheader("Verify and repair", anchor=False)
    st.caption(
        "Compares catalog, originals and index, record by record. Repair puts back from the texts "
        "and the originals what is missing or damaged, and removes what should not be there."
    )
    checked, mended = f"verify-{collection}", f"repair-{collection}"
    with st.container(horizontal=True):
        st.button(
            "Verify", key="verify", type="primary", icon=":material/fact_check:",
            on_click=_begin_verify, args=(collection, checked, mended),
        )  # fmt: skip
        if access.may_edit():
            st.button(
                "Repair", key="repair", icon=":material/build:",
                on_click=_begin_repair, args=(collection, checked, mended),
            )  # fmt: skip
    found: VerifyReport | None = following.show(checked, "Verifying")
    if found is not None:
        _show_verified(found)
    report: RepairReport | None = following.show(mended, "Repairing")
    if report is not None:
        _show_repaired(report)


def _begin_verify(collection: str, checked: str, mended: str) -> None:
    with boundary():
        following.forget(mended)
        following.begin(checked, IndexManager(services.pipeline(collection)).verify)


def _begin_repair(collection: str, checked: str, mended: str) -> None:
    with boundary():
        following.forget(checked)
        following.begin(mended, IndexManager(services.pipeline(collection)).repair)


def _show_verified(found: VerifyReport) -> None:
    looked = f"{number(found.documents, 'document')}, {number(found.chunks, 'chunk')}"
    if found.clean:
        st.success(f"{looked}: nothing is wrong.", icon=":material/check_circle:")
    else:
        st.warning(
            f"{looked}: {number(len(found.problems), 'problem')}. Repair mends what it can.",
            icon=":material/warning:",
        )
        problems(found.problems, "verify_problems")
    if found.unfinished:
        st.caption(f"{number(found.unfinished, 'accepted file')} still to be indexed.")


def _show_repaired(report: RepairReport) -> None:
    left = report.after.problems
    said = (
        f"{number(report.mended, 'problem')} mended, {number(report.embedded, 'chunk')} put in "
        f"anew, {len(left):,} left."
    )
    if left:
        st.warning(said, icon=":material/warning:")
        problems(left, "repair_problems")
    else:
        st.success(said, icon=":material/check_circle:")
    if report.set_aside:
        st.caption(f"The damaged store is kept as {plain(report.set_aside, limit=300)}.")


def problems(found: tuple[Problem, ...], key: str) -> None:
    """Draw a table of what is wrong."""
    st.dataframe(
        [
            {"Kind": problem.kind, "What": problem.detail, "Id": problem.subject}
            for problem in found[:_LISTED]
        ],
        hide_index=True, key=key, alt=f"{number(len(found), 'problem')}",
    )  # fmt: skip


def _backup(collection: str) -> None:
    st.subheader("Back up and restore", anchor=False)
    st.caption(
        "One zip of the whole data folder, every collection, taken while it is in use, with a "
        "checksum of every file. Keys are not in it."
    )
    name = "backup"
    if access.role() == "admin":
        st.button(
            "Make a backup", key="backup", icon=":material/archive:",
            on_click=_begin_backup, args=(collection, name),
        )  # fmt: skip
    made: tuple[str, bytes, str] | None = following.show(name, "Backing up")
    if made is not None:
        file, data, said = made
        st.caption(said)
        st.download_button(
            f"Save {file}", data, file, "application/zip", key="save_backup",
            icon=":material/download:", on_click="ignore",
        )  # fmt: skip
    st.caption("On the command line; restoring needs the app to be stopped:")
    st.code(
        "python -m rag_core backup ragscope.zip\npython -m rag_core restore ragscope.zip --replace",
        language="bash",
    )


def _begin_backup(collection: str, name: str) -> None:
    with boundary():
        home = services.pipeline(collection).home.path
        following.begin(name, lambda _: _made(home))


def _made(home: Path) -> tuple[str, bytes, str]:
    file = f"ragscope-{date.today():%Y-%m-%d}.zip"
    with tempfile.TemporaryDirectory() as folder:
        done = backup(home, Path(folder) / file)
        if done.size > _MOST:
            raise HomeError(
                f"The backup is {size(done.size)}, too much to go through a browser.",
                hint="Make it on the command line, as below.",
            )
        said = f"{number(done.files, 'file')}, {size(done.bytes)}; the zip is {size(done.size)}."
        return file, done.path.read_bytes(), said
