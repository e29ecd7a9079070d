"""The Results panel: the hits of every method, side by side."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from rag_core import SearchHit
from rag_core.rank_flow import overlaps
from rag_core.search_lab.highlights import matched_words
from rag_core.search_lab.lanes import Lane, ranks_elsewhere
from ui import access
from ui.document_view import marked_html
from ui.errors import show as show_error
from ui.search_lab import thumbs
from ui.search_lab.view import View, title
from ui.text import number, reachable

_ABREAST = 4
_BEFORE = 110  # characters shown before the first matched word
_SHORT = {"keyword": "kw", "vector": "vec", "hybrid": "hyb", "late interaction": "late",
          "cross-encoder": "cross"}  # fmt: skip


def show(view: View) -> None:
    """Draw a column a method."""
    good = thumbs.given(view.collection) if access.may_edit() else None
    for first in range(0, len(view.lanes), _ABREAST):
        some = view.lanes[first : first + _ABREAST]
        for place, lane in zip(st.columns(len(some)), some, strict=True):
            with place:
                _lane(view, lane, good)
    _overlap(view)


def _lane(view: View, lane: Lane, good: set[str] | None) -> None:
    seconds = f"{1000 * lane.result.seconds:,.0f} ms" if lane.result else ""
    st.markdown(f"**{lane.method}** :small[{seconds}]")
    if lane.result is None:
        show_error(lane.error, lane.hint)
        return
    if not lane.result.hits:
        st.caption("Nothing found.")
    for hit in lane.result.hits:
        with st.container(border=True, key=f"hit-{lane.method}-{hit.rank}"):
            st.markdown(f"**{hit.rank}** · {title(hit, limit=30)}")
            st.caption(f"{score_text(lane, hit)} · {elsewhere(view.lanes, lane, hit)}")
            with st.container(height=170, border=False, key=f"text-{lane.method}-{hit.rank}"):
                st.html(reachable(marked_text(hit.chunk.text, view.query)))
            if good is not None:
                thumbs.button(view, hit, good, key=f"{lane.method}-{hit.rank}")


def marked_text(text: str, query: str) -> str:
    """Return a hit's text as HTML, its matched words marked, begun where the first one is seen."""
    marks = matched_words(text, query)
    low = text.find(" ", marks[0][0] - _BEFORE) + 1 if marks and marks[0][0] > _BEFORE else 0
    shown = marked_html(text[low:], [(start - low, end - low) for start, end in marks])
    return f"…{shown}" if low else shown


def score_text(lane: Lane, hit: SearchHit) -> str:
    """Return the score in the terms of its method: a fused one as its ranks, never as a share."""
    if lane.options.mode == "hybrid" and lane.options.rerank is None:
        kind = "RRF" if lane.options.fusion == "rrf" else "fused"
        return f"{kind} {hit.score:.4f}"
    name = {"keyword": "BM25", "vector": "cosine"}.get(lane.method, "score")
    return f"{name} {hit.score:.3f}"


def elsewhere(lanes: Sequence[Lane], lane: Lane, hit: SearchHit) -> str:
    """Return the hit's rank in the other columns, in a few letters."""
    ranks = ranks_elsewhere(lanes, lane, hit.chunk.id)
    return " · ".join(f"{_SHORT[name]} {rank or '—'}" for name, rank in ranks.items())


def _overlap(view: View) -> None:
    found = view.found
    if len(found) < 2:
        return
    k = max(lane.options.k for lane in found)
    shared = overlaps({lane.method: lane.ids for lane in found}, k)
    st.subheader("In common", anchor=False)
    st.dataframe(
        [
            {"Methods": f"{one.first} and {one.second}", f"Of the first {k}": one.share}
            for one in shared
        ],
        hide_index=True, key="overlaps",
        column_config={
            f"Of the first {k}": st.column_config.ProgressColumn(
                min_value=0.0, max_value=1.0, format="percent"
            )
        },
        alt=f"The share of hits that every two of {number(len(found), 'method')} have in common",
    )  # fmt: skip
