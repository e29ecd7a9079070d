"""The Rebuild panel: a new index beside the one that answers, the swap, and the way back."""

from __future__ import annotations

import streamlit as st

from rag_core.embedders import DEFAULT_EMBEDDER
from rag_core.errors import SettingsError
from rag_core.index_manager import IndexManager, Rebuild, RebuildProgress
from rag_core.indexes import IndexInfo
from ui import access, services
from ui.errors import boundary
from ui.errors import show as show_error
from ui.index_lab.versions_panel import cost
from ui.index_lab.words import cut, lasting, size, when
from ui.text import plain

_EVERY = 0.5  # seconds
_MODELS = (
    DEFAULT_EMBEDDER,
    "words:1024",
    "openai:text-embedding-3-small",
    "openai:text-embedding-3-large",
    "cohere:embed-v4.0",
)
_STATES = {"live": "answers", "kept": "kept, to go back to", "building": "unfinished"}


def show(collection: str) -> None:
    """Draw what is at work, what there is, and what can be begun."""
    manager = IndexManager(services.pipeline(collection))
    running = manager.running()
    if running is not None and running.busy:
        follow(running)
    else:
        if running is not None:
            _ended(running.progress)
        if not access.may_edit():
            st.caption("Rebuilding takes the role of an admin.")
        else:
            _begin(collection)
    _indexes(collection, manager, busy=running is not None and running.busy)


def start(collection: str, model: str | None = None) -> None:
    """Begin a rebuild, with another model or as the collection is; say so if it cannot begin.

    Raises:
        RagError: as `IndexManager.rebuild`; SettingsError for a name that no provider knows.
    """
    try:
        IndexManager(services.pipeline(collection)).rebuild(model)
    except ValueError as error:
        raise SettingsError(
            f"This is no model: {error}.", hint="Choose one of the list."
        ) from error


def follow(running: Rebuild) -> None:
    """Show how far a rebuild is, with pause and cancel; the page is drawn anew when it is over."""
    st.fragment(run_every=_EVERY)(_pulse)(running)


def _begin(collection: str) -> None:
    pipeline = services.pipeline(collection)
    now = pipeline.embedder.name
    model = st.selectbox(
        "Model", list(dict.fromkeys((now, *_MODELS))), key="rebuild_model",
        accept_new_options=True,
        help="Any sentence-transformers model by name or folder, openai:MODEL, cohere:MODEL, or "
        "words:DIMENSION, which counts words and needs nothing.",
    )  # fmt: skip
    st.caption(
        f"Documents are cut as the collection is set: {plain(cut(pipeline.chunking.settings()))}."
    )
    st.page_link(
        "pages/chunking_page.py", label="Choose another chunking", icon=":material/content_cut:",
        query_params={"panel": "Keep"},
    )  # fmt: skip
    if st.button("Rebuild", key="rebuild", type="primary", icon=":material/autorenew:"):
        with st.spinner("Loading the model"):
            start(collection, None if model == now else model)
        st.rerun()
    cost(collection, model or now)


def _pulse(running: Rebuild) -> None:
    progress = running.progress
    if not running.busy:
        st.rerun()
    left = "" if progress.left is None else f" · about {lasting(progress.left)} left"
    share = min(1.0, progress.done / progress.total) if progress.total else 0.0
    counted = f" {progress.done:,}/{progress.total:,} chunks" if progress.total else ""
    paused = progress.state == "paused"
    st.progress(share, text="Paused" if paused else f"{progress.stage}{counted}{left}")
    st.caption(
        "Searches, uploads and deletes go on; the new index takes them over before it answers."
    )
    with st.container(horizontal=True):
        if paused:
            st.button(
                "Go on", key="resume", icon=":material/play_arrow:", on_click=running.resume,
                disabled=not access.may_edit(),
            )  # fmt: skip
        else:
            st.button(
                "Pause", key="pause", icon=":material/pause:", on_click=running.pause,
                disabled=not access.may_edit(),
            )  # fmt: skip
        st.button(
            "Cancel", key="cancel_rebuild", icon=":material/stop_circle:",
            on_click=running.cancel, disabled=not access.may_edit(),
        )  # fmt: skip


def _ended(progress: RebuildProgress) -> None:
    if progress.state == "done":
        st.success(
            f"Checked and swapped in {lasting(progress.seconds)}: every open page searches the new "
            "index.", icon=":material/check_circle:",
        )  # fmt: skip
    elif progress.state == "cancelled":
        st.info("Cancelled; nothing of it is left.", icon=":material/stop_circle:")
    else:
        show_error(progress.error, progress.hint)


def _indexes(collection: str, manager: IndexManager, *, busy: bool) -> None:
    found = manager.indexes()
    if not found:
        return
    st.subheader("Indexes of this collection", anchor=False)
    st.dataframe(
        [_row(index) for index in found], hide_index=True, key="indexes",
        alt=f"{len(found)} indexes: which one answers, its model, how it was cut",
    )  # fmt: skip
    states = {index.state for index in found}
    if busy or not access.may_edit():
        return
    with st.container(horizontal=True):
        if "kept" in states:
            back = st.button(
                "Go back", key="rollback", icon=":material/undo:",
                help="What has changed since is taken over first; then the older index answers.",
            )  # fmt: skip
            if back:
                with st.spinner("Loading the model"):
                    manager.rollback()
                st.rerun()
            st.button(
                "Reclaim its space", key="reclaim", icon=":material/delete_sweep:",
                on_click=_reclaim, args=(collection,),
                help="Removes the older index for good; going back is over then.",
            )  # fmt: skip
        if "building" in states:
            st.button(
                "Remove what is unfinished", key="forget_unfinished",
                icon=":material/delete:", on_click=_forget, args=(collection,),
                help="Or begin a rebuild with the same model and chunking: it goes on from there.",
            )  # fmt: skip


def _row(index: IndexInfo) -> dict[str, object]:
    return {
        "State": _STATES.get(index.state, index.state),
        "Model": index.model.name if index.model else "",
        "Fingerprint": index.model.fingerprint if index.model else "",
        "Dimension": index.model.dimension if index.model else None,
        "Cut": cut(index.chunker),
        "Documents": index.documents,
        "Chunks": index.chunks,
        "Begun": when(index.made_at) if index.made_at else "with the collection",
    }


def _reclaim(collection: str) -> None:
    with boundary():
        given = IndexManager(services.pipeline(collection)).forget_kept()
        st.toast(f"{size(given)} given back.", icon=":material/delete_sweep:")


def _forget(collection: str) -> None:
    with boundary():
        given = IndexManager(services.pipeline(collection)).forget_unfinished()
        st.toast(f"{size(given)} given back.", icon=":material/delete:")
