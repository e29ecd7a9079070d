"""The library table: what is indexed, with preview and delete."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import streamlit as st

from rag_core.catalog import DocumentInfo
from ui import access, services
from ui.document_view import show_whole
from ui.errors import boundary
from ui.text import number, plain

_EVERY = 1.0  # seconds between two looks at what other instances do
_ELSEWHERE = "From elsewhere."


def rows(documents: list[DocumentInfo], foreign: Collection[str] = ()) -> list[dict[str, Any]]:
    """Return the table's rows; `foreign` are the ids of what other instances brought."""
    return [
        {
            "Document": info.name,
            "Pages": info.pages or None,
            "Characters": info.characters,
            "Chunks": info.chunks,
            "Size": f"{max(1, round(info.size / 1024)):,} KB",
            "Added": datetime.fromtimestamp(info.added_at),
            "Notes": " ".join([*([_ELSEWHERE] if info.id in foreign else []), *info.notes]),
        }
        for info in documents
    ]


def extent(info: DocumentInfo) -> str:
    """Return how much a document is, in words."""
    pages = [number(info.pages, "page")] if info.pages else []
    return " · ".join([*pages, number(info.characters, "character"), number(info.chunks, "chunk")])


def show(collection: str) -> None:
    """Show the table; chosen rows can be previewed and deleted."""
    pipeline = services.pipeline(collection)
    documents = pipeline.documents()
    st.subheader("Library", anchor=False)
    if pipeline.shares:
        shown = pipeline.home.catalog.generation(collection)
        st.fragment(run_every=_EVERY)(_pulse)(collection, shown)
    if not documents:
        st.caption("Nothing is indexed in this collection yet. Add files above.")
        return
    chosen = st.dataframe(
        rows(documents, pipeline.writers()),
        # A new key with every change of the library: row numbers must not outlive their rows.
        key=f"library-{pipeline.home.catalog.generation(collection)}",
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        column_config={
            "Document": st.column_config.TextColumn(width="large"),
            "Characters": st.column_config.NumberColumn(format="localized"),
            "Chunks": st.column_config.NumberColumn(format="localized"),
            "Added": st.column_config.DatetimeColumn(format="distance"),
        },
        placeholder="",  # most formats have no pages
        alt=f"Table of {number(len(documents), 'document')}",
    )
    picked = [documents[row] for row in chosen.selection.rows if row < len(documents)]
    if not picked:
        able = "preview or delete documents" if access.may_edit() else "preview a document"
        st.caption(f"Choose rows to {able}.")
        return
    with st.container(horizontal=True):
        if len(picked) == 1:
            st.button(
                "Preview", key="preview", icon=":material/visibility:",
                on_click=preview, args=(collection, picked[0]),
            )  # fmt: skip
        if access.may_edit():
            st.button(
                f"Delete {number(len(picked), 'document')}", key="delete", icon=":material/delete:",
                on_click=confirm_delete, args=(collection, picked),
            )  # fmt: skip


def _pulse(collection: str, shown: int) -> None:
    """Draw the page again when another instance has changed the library."""
    now = services.pipeline(collection).home.catalog.generation(collection)
    if now != shown and not services.queue(collection).busy:  # the queue's panel follows its own
        st.rerun()


@st.dialog("Document", width="large")
def preview(collection: str, info: DocumentInfo) -> None:
    """Show a document and what is known of it."""
    with boundary():
        document = services.pipeline(collection).document(info.id)
        st.markdown(f"**{plain(info.name)}** · {extent(info)}")
        known = [f"{key}: {value}" for key, value in document.metadata.items()]
        st.caption(plain(" · ".join(known), limit=400))
        for note in document.notes:
            st.caption(f":material/info: {plain(note, limit=300)}")
        show_whole(document, None, key=f"preview-{info.id}")


@st.dialog("Delete documents?")
def confirm_delete(collection: str, documents: list[DocumentInfo]) -> None:
    """Name what would be deleted, and do it only on the second click."""
    for info in documents:
        st.markdown(f":material/description: {plain(info.name)}")
    st.caption("Their chunks, vectors and original files are removed. This cannot be undone.")
    with st.container(horizontal=True):
        if st.button("Delete", key="confirm_delete", type="primary"):
            with boundary():
                services.pipeline(collection).delete([info.id for info in documents])
                st.rerun()
        if st.button("Keep them", key="keep"):
            st.rerun()
