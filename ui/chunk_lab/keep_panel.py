"""The Keep panel: take the chunks along, or make them the collection's own."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import streamlit as st

from rag_core.chunk_lab.export import as_csv, as_jsonl, as_python
from rag_core.errors import RagError
from ui import access, services
from ui.chunk_lab import work
from ui.chunk_lab.view import View
from ui.errors import boundary
from ui.text import number, plain


def show(view: View) -> None:
    """Offer files, a script, and the collection's setting, for one of the chunkings."""
    titles = [column.title for column in view.columns]
    title = st.selectbox("Chunking", titles, key="keep", bind="query-params")
    place = titles.index(title) if title in titles else 0
    choice, column = view.choices[place], view.columns[place]
    settings = work.settings(view.collection, choice)
    _downloads(view, place)
    st.subheader("As Python", anchor=False)
    st.caption("This script makes exactly these chunks, with the same ids.")
    st.code(as_python(view.document, choice, settings, view.path), language="python")
    st.subheader("For this collection", anchor=False)
    if access.may_edit():
        st.caption(
            f"From then on, files uploaded to {plain(view.collection)} are cut by "
            f"{column.title}, {column.size}."
        )
        st.button(
            "Use for this collection", key="use_chunker", type="primary",
            icon=":material/done_all:",
            on_click=_use, args=(view.collection, choice.strategy, settings),
        )  # fmt: skip
    show_cut_differently(view.collection)


def _downloads(view: View, place: int) -> None:
    column = view.columns[place]
    stem = PurePath(view.document.name).stem or "document"
    given = (view.document, column.chunks, column.report.counts)
    with st.container(horizontal=True):
        # Called when clicked: the files are not made with every run of the page.
        st.download_button(
            "JSONL", lambda: as_jsonl(*given), f"{stem}-chunks.jsonl", "application/jsonl",
            key="save_jsonl", icon=":material/download:", on_click="ignore",
        )  # fmt: skip
        st.download_button(
            "CSV", lambda: as_csv(*given), f"{stem}-chunks.csv", "text/csv",
            key="save_csv", icon=":material/download:", on_click="ignore",
            help="Cells that a spreadsheet could take for a formula begin with an apostrophe.",
        )  # fmt: skip


def _use(collection: str, strategy: str, settings: dict[str, Any]) -> None:
    with boundary():
        services.pipeline(collection).chunking.use(strategy, **settings)
        st.toast("New uploads are cut this way.", icon=":material/done_all:")


def show_cut_differently(collection: str) -> None:
    """Say how the collection cuts, and which of its documents were cut in another way."""
    chunking = services.pipeline(collection).chunking
    settings = chunking.settings()
    said = ", ".join(
        f"{name} {' '.join(value) if isinstance(value, list) else value}"
        for name, value in settings.items()
        if name != "name"
    )
    st.markdown(f"New uploads are cut as **{plain(settings['name'])}**: {plain(said, limit=300)}")
    others = chunking.cut_differently()
    if not others:
        return
    with st.container(border=True, key="cut_differently"):
        st.markdown(f"**{number(len(others), 'document')} cut differently**")
        for info in others:
            st.markdown(
                f":material/content_cut: {plain(info.name)} · {plain(_as_cut(info.chunker))}"
            )
        if access.may_edit():
            st.button(
                "Cut them again", key="cut_again", icon=":material/refresh:",
                on_click=_cut_again, args=(collection,),
                help="Reads the kept originals again; progress is on the Upload page.",
            )  # fmt: skip


def _as_cut(chunker: Any) -> str:  # noqa: ANN401 - a mapping of whatever the chunker has
    size = chunker.get("size", chunker.get("maximum", ""))
    return " ".join(str(part) for part in (chunker.get("name", "?"), size, chunker.get("unit", "")))


def _cut_again(collection: str) -> None:
    with boundary():
        pipeline = services.pipeline(collection)
        files = []
        for info in pipeline.chunking.cut_differently():
            try:
                files.append((info.name, pipeline.original(info.id)))
            except RagError as error:
                st.toast(plain(error.message, limit=300), icon=":material/error:")
        services.queue(collection).submit(files)
        st.toast("They are being cut again; see Upload.", icon=":material/sync:")
