"""The Unseen panel: what stands past the model's limit, and a search that shows the loss."""

from __future__ import annotations

import streamlit as st

from rag_core import KeywordIndex, SearchHit
from rag_core.chunk_lab.unseen import Miss, Unseen, plainest, queries, search_both, unseen
from ui import services
from ui.chunk_lab import controls, work
from ui.chunk_lab.chunk_html import chunk_html
from ui.chunk_lab.places import Column, payload
from ui.chunk_lab.tables import share_column
from ui.chunk_lab.text_map import text_map
from ui.chunk_lab.text_panel import marker
from ui.chunk_lab.view import View
from ui.text import number

SHOWN = 5


def show(view: View) -> None:
    """Draw the shares, the ghosted text, and the two searches."""
    losses = [unseen(column.chunks, view.tokens) for column in view.columns]
    _shares(view, losses)
    lossy = [
        (column, loss) for column, loss in zip(view.columns, losses, strict=True) if loss.spans
    ]
    if not lossy:
        st.info(
            "At these sizes the model reads every chunk to its end.",
            icon=":material/visibility:",
        )
        st.button(
            "Choose a size that goes past it",
            key="show_large",
            type="primary",
            on_click=controls.show_large,
        )
        return
    _search(view, dict((column.title, (column, loss)) for column, loss in lossy))
    st.subheader("Ghosted in place", anchor=False)
    first = min(loss.spans[0].start for _, loss in lossy)
    data = payload(view.document, view.columns, mark=view.mark, ghost=True, reveal=first)
    text_map(data, key="ghost_map", on_mark=marker(view))


def _shares(view: View, losses: list[Unseen]) -> None:
    rows = [
        {
            "Strategy": column.title,
            "Size": column.size,
            "Chunks past the limit": column.report.past_limit,
            "Tokens never seen": loss.tokens,
            "Of the document": loss.share,
        }
        for column, loss in zip(view.columns, losses, strict=True)
    ]
    st.dataframe(
        rows, hide_index=True, key="losses",
        column_config={
            "Of the document": share_column(),
        },
        alt="Chunks past the limit and share of the document the model never saw, a row a strategy",
    )  # fmt: skip
    _library(view.collection)


def _library(collection: str) -> None:
    pipeline = services.pipeline(collection)
    infos = pipeline.documents()
    if not infos:
        st.caption("Nothing is indexed in this collection yet, so there is no library to measure.")
        return
    large = sum(info.characters for info in infos) > work.QUICK_LIBRARY
    if large and not st.button("Measure the library", key="measure_library"):
        return
    generation = pipeline.home.catalog.generation(collection)
    lost, stored, documents = work.cached_library_loss(collection, generation)
    share = lost / stored if stored else 0.0
    st.markdown(
        f"Of the library as it is indexed, **{share:.1%}** was never seen: {lost:,} of "
        f"{number(stored, 'token')} in {number(documents, 'document')}."
    )


def _search(view: View, lossy: dict[str, tuple[Column, Unseen]]) -> None:
    st.subheader("A search that only the unseen text answers", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        title = st.selectbox("Chunks of", list(lossy), key="lossy", width=220)
        column, loss = lossy.get(title) or next(iter(lossy.values()))
        find = st.button("Find such a query", key="find_probe", type="primary")
    if find:
        found = _plainest(view, column, loss)
        if found is None:
            st.caption("All words of the unseen text stand in seen text too.")
        else:
            st.session_state["probe"] = found.query
    with st.form("probe_form", border=False):
        left, right = st.columns([6, 1], vertical_alignment="bottom")
        probe = left.text_input("Query", key="probe", bind="query-params")
        right.form_submit_button("Search", key="search_probe", width="stretch")
    if probe and probe.strip():
        _rankings(view, column, probe.strip())


def _plainest(view: View, column: Column, loss: Unseen) -> Miss | None:
    candidates = queries(view.document.text, column.chunks, loss)
    keywords = KeywordIndex(column.chunks)
    misses = []
    for query, chunk in candidates:
        [hits] = work.rank(view.collection, query, [column.chunks])
        misses.append(search_both(query, chunk, keywords, hits, SHOWN))
    return plainest(misses)


def _rankings(view: View, column: Column, probe: str) -> None:
    [vector_hits] = work.rank(view.collection, probe, [column.chunks])
    keywords = KeywordIndex(column.chunks)
    best = keywords.search(probe, 1)
    if not best:
        st.caption("No chunk holds a word of this query.")
        return
    miss = search_both(probe, best[0].chunk, keywords, vector_hits, SHOWN)
    left, right = st.columns(2)
    with left:
        _ranking("Keyword search", miss.keyword, miss, miss.keyword_rank, column)
    with right:
        _ranking("Vector search", miss.vector, miss, miss.vector_rank, column)


def _ranking(
    name: str, hits: tuple[SearchHit, ...], miss: Miss, rank: int | None, column: Column
) -> None:
    holder = f"chunk {miss.chunk.index + 1}"
    found = f"finds {holder} at rank {rank}" if rank else f"does not find {holder}"
    missed = rank is None or rank > 1
    st.markdown(f"**{name}** {':orange' if missed else ':green'}-badge[{found}]")
    for hit in hits:
        mine = hit.chunk.id == miss.chunk.id
        with st.expander(
            f"{hit.rank} · score {hit.score:.3f} · chunk {hit.chunk.index + 1}"
            + (" · holds the words" if mine else ""),
            expanded=mine, key=f"{name}-{hit.rank}",
        ):  # fmt: skip
            lost = column.report.unseen[hit.chunk.index]
            st.html(chunk_html(hit.chunk, lost=lost, seek=lost))
