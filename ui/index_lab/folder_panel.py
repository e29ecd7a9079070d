"""The Folder panel: keep the collection like a folder of the server; a dry run comes first."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from rag_core.access import require
from rag_core.errors import SettingsError
from rag_core.index_manager import IndexManager, SyncPlan, SyncReport
from ui import services
from ui.errors import boundary
from ui.errors import show as show_error
from ui.index_lab import following
from ui.text import number, plain

_LISTED = 500


def show(collection: str) -> None:
    """Ask for the folder, show what would change, and do it on request."""
    require("admin", "read a folder of the server")
    known = IndexManager(services.pipeline(collection)).folders()
    st.caption(
        "New files are added, changed ones replaced, and documents that came from the folder and "
        "are gone there are removed. What came otherwise stays."
    )
    with st.form("folder_form", border=False):
        typed = st.text_input(
            "Folder on this server", str(known[0]) if known else "", key="folder",
            placeholder="/path/to/documents",
        )  # fmt: skip
        empty = st.checkbox("An empty folder may remove everything that came from it", key="empty")
        asked = st.form_submit_button("Dry run", key="dry_run", icon=":material/preview:")
    if len(known) > 1:
        st.caption("Followed so far: " + ", ".join(plain(str(folder)) for folder in known))
    name, done = f"plan-{collection}", f"sync-{collection}"
    if asked:
        following.forget(done)
        _plan(collection, typed, name)
    plan: SyncPlan | None = following.show(name, "Reading the folder")
    if plan is not None:
        _show_plan(plan)
        if plan.added or plan.replaced or plan.removed:
            st.button(
                "Do this", key="apply_sync", type="primary", icon=":material/sync:",
                on_click=_apply, args=(collection, plan, empty, name, done),
            )  # fmt: skip
    report: SyncReport | None = following.show(done, "Syncing")
    if report is not None:
        _show_report(report)
    st.caption("On the command line, for a scheduler:")
    st.code(f"python -m rag_core sync DIR --collection {collection}", language="bash")


def _plan(collection: str, typed: str, name: str) -> None:
    if not typed:
        raise SettingsError("No folder is given.", hint="Type its path as the server sees it.")
    manager = IndexManager(services.pipeline(collection))
    following.begin(name, lambda _: manager.plan_sync(Path(typed).expanduser()))


def _apply(collection: str, plan: SyncPlan, empty: bool, name: str, done: str) -> None:
    with boundary():
        manager = IndexManager(services.pipeline(collection))
        following.forget(name)
        following.begin(
            done, lambda report: manager.sync(plan.folder, empty=empty, on_progress=report)
        )


def _show_plan(plan: SyncPlan) -> None:
    rows = [
        {"File": name, "Would be": word}
        for word, names in (
            ("added", plan.added),
            ("replaced", plan.replaced),
            ("removed", plan.removed),
        )
        for name in names
    ]
    rows += [{"File": name, "Would be": f"skipped: {why}"} for name, why in plan.skipped]
    st.markdown(
        f"**{plain(str(plan.folder))}**: {len(plan.added):,} to add, {len(plan.replaced):,} to "
        f"replace, {len(plan.removed):,} to remove, {len(plan.unchanged):,} as they were."
    )
    if rows:
        st.dataframe(
            rows[:_LISTED], hide_index=True, key="sync_plan",
            alt=f"{number(len(rows), 'file')} and what would be done",
        )  # fmt: skip


def _show_report(report: SyncReport) -> None:
    plan = report.plan
    st.success(
        f"{len(plan.added):,} added, {len(plan.replaced):,} replaced, {len(plan.removed):,} "
        f"removed, {len(plan.unchanged):,} as they were.", icon=":material/check_circle:",
    )  # fmt: skip
    for file in report.failed:
        show_error(f"{file.name}: {file.error}", file.hint)
