"""Showing the background queue: progress while it works, a row a file, what is unfinished."""

from __future__ import annotations

from typing import Any

import streamlit as st

from rag_core import LOADERS, FileProgress, FileReport, IngestQueue
from rag_core.costs import estimate, said
from ui import access, services, state
from ui.errors import boundary, show
from ui.text import number, plain

STAGES = ("reading", "chunking", "embedding", "storing")
# How the time of one file is usually shared: embedding is nearly all of it.
_SHARES = {"reading": (0.0, 0.15), "chunking": (0.15, 0.05), "embedding": (0.2, 0.75),
           "storing": (0.95, 0.05)}  # fmt: skip
_SAID = {"added": "Added", "replaced": "Replaced", "unchanged": "Unchanged", "failed": "Failed",
         "cancelled": "Cancelled"}  # fmt: skip
_MANY = 8  # from here on the list scrolls in a box of its own
_LISTED = 60  # rows drawn of a long list, twice a second
_ICONS = {"added": ":material/check_circle:", "replaced": ":material/published_with_changes:",
          "unchanged": ":material/task_alt:", "failed": ":material/error:",
          "cancelled": ":material/cancel:"}  # fmt: skip


def share_done(file: FileProgress) -> float:
    """Return how much of a file's work is done, 0 to 1."""
    if file.state == "done":
        return 1.0
    if file.state == "waiting" or file.stage not in _SHARES:
        return 0.0
    start, width = _SHARES[file.stage]
    return start + width * (file.done / file.total if file.total else 0.0)


def progress_of(files: list[FileProgress]) -> float:
    """Return how much of the whole queue's work is done, 0 to 1."""
    return min(1.0, sum(share_done(file) for file in files) / max(1, len(files)))


def summary(files: list[FileProgress]) -> str:
    """Return one line about the whole queue."""
    done = sum(file.state == "done" for file in files)
    working = next((file for file in files if file.state == "working"), None)
    text = f"{done} of {number(len(files), 'file')} done"
    if working:
        text += f" · {plain(working.upload.name, limit=50)}: {step(working)}"
    return text


def ordered(files: list[FileProgress]) -> list[FileProgress]:
    """Return the files as a reader wants them: failed, in work, waiting, done (newest first)."""

    def place(numbered: tuple[int, FileProgress]) -> tuple[int, int]:
        number, file = numbered
        if file.report:
            return (0, -number) if file.report.status == "failed" else (3, -number)
        return (1 if file.state == "working" else 2, number)

    return [file for _, file in sorted(enumerate(files), key=place)]


def step(file: FileProgress) -> str:
    """Return the stage of a file in words, with its numbers where there are any."""
    if file.state == "waiting":
        return "waiting"
    counted = f" {file.done:,}/{file.total:,}" if file.total > 1 else ""
    return f"{file.stage}{counted}"


def details(report: FileReport) -> str:
    """Return the numbers of a finished file, in words."""
    parts = [number(report.pages, "page")] if report.pages else []
    parts += [
        number(report.characters, "character"),
        number(report.chunks, "chunk"),
        f"{report.seconds:.1f} s",
    ]
    return " · ".join(parts)


def panel(collection: str, *, by_file: bool = True) -> None:
    """Show the queue, following it while it works and standing still when it is done."""
    queue = services.queue(collection)
    if queue.files():
        follow = st.fragment(run_every=0.5 if queue.busy else None)(_panel)
        follow(collection, queue.busy, by_file)


def pulse(collection: str) -> None:
    """Show in one line how far the queue is, and nothing when it has nothing to do."""
    queue = services.queue(collection)
    if queue.busy:
        st.fragment(run_every=1.0)(_pulse)(queue)


def _pulse(queue: IngestQueue) -> None:
    files = queue.files()
    if not queue.busy:
        st.rerun()  # the counts above are out of date
    done = sum(file.state == "done" for file in files)
    st.progress(progress_of(files), text=f"Indexing, {done:,} of {number(len(files), 'file')}")


def _panel(collection: str, was_busy: bool, by_file: bool) -> None:
    with boundary():
        queue = services.queue(collection)
        files = queue.files()
        if was_busy and not queue.busy:
            st.rerun()  # the tables around this panel show what is new
        if queue.busy:
            st.progress(progress_of(files), text=summary(files))
            if access.may_edit():
                st.button(
                    "Cancel all", key="cancel_all", icon=":material/stop_circle:",
                    on_click=_cancel, args=(queue, None),
                )  # fmt: skip
        else:
            _finished(files, queue)
        if by_file:
            with st.container(height=380 if len(files) > _MANY else "content", border=True):
                for file in ordered(files)[:_LISTED]:
                    _row(file, queue)
                if len(files) > _LISTED:
                    st.caption(f"And {number(len(files) - _LISTED, 'file')} more.")


def _finished(files: list[FileProgress], queue: IngestQueue) -> None:
    reports = [file.report for file in files if file.report]
    failed = sum(report.status == "failed" for report in reports)
    with st.container(horizontal=True, vertical_alignment="center"):
        text = f"{number(len(reports) - failed, 'file')} done"
        st.markdown(f"**{text}**" + (f" · {failed} failed" if failed else ""), width="content")
        if access.may_edit():  # everybody sees the same list
            st.button(
                "Clear this list", key="clear_list", type="tertiary", icon=":material/clear_all:",
                on_click=_clear, args=(queue,),
            )  # fmt: skip


def _row(file: FileProgress, queue: IngestQueue) -> None:
    name = plain(file.upload.name, limit=70)
    report = file.report
    if report is None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f":material/hourglass_empty: {name} · {step(file)}", width="stretch")
            if access.may_edit():
                st.button(
                    "Cancel", key=f"cancel-{file.upload.id}", type="tertiary",
                    on_click=_cancel, args=(queue, file.upload.id),
                )  # fmt: skip
        return
    if report.status in ("failed", "cancelled"):
        with st.container(border=report.status == "failed"):
            st.markdown(f"{_ICONS[report.status]} **{_SAID[report.status]}** · {name}")
            if report.status == "failed":
                st.markdown(plain(report.error, limit=600))
                st.caption(plain(report.hint, limit=600))
        return
    lines = [f"{_ICONS[report.status]} **{name}** · {_SAID[report.status]} · {details(report)}"]
    lines += [f":small[{plain(remark, limit=300)}]" for remark in remarks(report)]
    st.markdown("  \n".join(lines))


def remarks(report: FileReport) -> list[str]:
    """Return what a reader should know of a finished file besides its numbers."""
    said = list(report.notes)
    if report.status == "unchanged":
        said.append("This file was indexed already; nothing had to be done.")
    if report.same_as:
        said.append(f"Same content as {', '.join(report.same_as)}: both stay in the collection.")
    return said


def _clear(queue: IngestQueue) -> None:
    with boundary():
        queue.clear()


def _cancel(queue: IngestQueue, upload_id: int | None) -> None:
    with boundary():
        queue.cancel(upload_id)


def unfinished(collection: str) -> None:
    """List files that an earlier run accepted and did not finish, with the two ways out."""
    queue = services.queue(collection)
    left = queue.unfinished()
    if not left:
        return
    with st.container(border=True, key="unfinished"):
        st.markdown(f"**{number(len(left), 'file')} unfinished**")
        st.caption("Ragscope was stopped while it was indexing them. They are kept safely.")
        for upload in left:
            st.markdown(f":material/pending: {plain(upload.name)}")
        if access.may_edit():
            with st.container(horizontal=True):
                st.button(
                    "Finish them", key="finish", type="primary", on_click=_resume,
                    args=(collection,),
                )  # fmt: skip
                st.button("Discard them", key="discard", on_click=_discard, args=(collection,))


def _resume(collection: str) -> None:
    with boundary():
        queue = services.queue(collection)
        queue.resume(queue.unfinished())


def _discard(collection: str) -> None:
    with boundary():
        for upload in services.queue(collection).unfinished():
            services.pipeline(collection).discard(upload)


def form(collection: str) -> None:
    """Ask for files, and hand them on."""
    with st.form("upload_form", clear_on_submit=True):
        files = st.file_uploader(
            "Documents", accept_multiple_files=True, key="files",
            help="They are kept on this machine, in the data folder.",
        )  # fmt: skip
        st.caption(f"Formats: {', '.join(sorted(LOADERS))}")
        submitted = st.form_submit_button(
            "Add to the collection", key="add_files", type="primary", icon=":material/add:"
        )
    if submitted:
        submit(collection, files)


def submit(collection: str, files: list[Any]) -> None:
    """Hand uploaded files to the queue, or ask first when embedding them costs money.

    Once this returns without asking, they are not forgotten.
    """
    if not files:
        show("No file was chosen.", "Drop files on the field above, or browse for them.")
        return
    given = [(file.name, file.getvalue()) for file in files]
    if services.pipeline(collection).embedder.remote:
        state.offer_files(collection, given)
    else:
        services.queue(collection).submit(given)
    st.rerun()  # the sidebar, drawn before, shows the progress too


def price(collection: str) -> None:
    """Show what embedding the offered files would cost, with the two ways out."""
    files = state.offered_files(collection)
    if not files:
        return
    pipeline = services.pipeline(collection)
    with st.container(border=True, key="price"):
        st.markdown(f"**{number(len(files), 'file')} would be sent to a paid model**")
        with st.spinner("Counting", show_time=True):
            found = estimate(pipeline, files)
        if found:
            st.markdown(plain(said(found, pipeline.embedder.name), limit=300))
        st.caption("Counted from the text as it would be cut. What is in the cache costs nothing.")
        with st.container(horizontal=True):
            st.button("Index them", key="pay", type="primary", on_click=_pay, args=(collection,))
            st.button("Do not", key="do_not_pay", on_click=state.offer_files, args=(collection, []))


def _pay(collection: str) -> None:
    with boundary():
        services.queue(collection).submit(state.offered_files(collection))
        state.offer_files(collection, [])
