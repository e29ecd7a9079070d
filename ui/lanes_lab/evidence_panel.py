"""What the two answers rest on: passages that both lanes found, and those of one alone."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from rag_core.two_lanes import Evidence, LaneReport, Seen, compare
from ui.lanes_lab.answers_panel import title
from ui.search_lab.results_panel import marked_text
from ui.search_lab.view import title as place_of
from ui.text import reachable


def show(question: str, reports: Sequence[LaneReport], blind: bool) -> None:
    """Draw the passages of both lanes, each with what the other lane made of it."""
    found = compare(reports[0].hits, reports[1].hits)
    st.subheader("What it rests on", anchor=False)
    st.markdown(_summary(found, blind))
    for place, (column, seen) in enumerate(
        zip(st.columns(2), (found.first, found.second), strict=True)
    ):
        with column:
            st.markdown(f"**{title(place, blind)}**")
            if not seen:
                st.caption("Nothing found.")
            for one in seen:
                _hit(question, place, one, title(1 - place, blind))


def _summary(found: Evidence, blind: bool) -> str:
    whole = found.both + found.only_first + found.only_second
    if not whole:
        return "Neither lane found anything."
    return (
        f"Of {whole:,} characters of evidence, **{found.both / whole:.0%}** were found by both, "
        f"**{found.only_first / whole:.0%}** by {title(0, blind)} alone and "
        f"**{found.only_second / whole:.0%}** by {title(1, blind)} alone."
    )


def _hit(question: str, place: int, seen: Seen, other: str) -> None:
    key = f"evidence-{place}-{seen.hit.rank}"
    with st.container(border=True, key=key):
        st.markdown(f"**{seen.hit.rank}** · {place_of(seen.hit, limit=40)}")
        st.caption(_said(seen, other))
        with st.container(height=120, border=False, key=f"{key}-text"):
            st.html(reachable(marked_text(seen.hit.chunk.text, question)))


def _said(seen: Seen, other: str) -> str:
    if seen.rank_there is None:
        return f":material/flag: {other} did not find it"
    there = f"there at rank {seen.rank_there}"
    if seen.share > 0.999:
        return f":material/join_inner: {other} found it too, {there}"
    return f":material/join_left: {other} found {seen.share:.0%} of it, {there}"
