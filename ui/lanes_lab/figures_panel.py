"""What the two answers took: passages, time, tokens, price."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from rag_core.two_lanes import LaneReport
from ui.lanes_lab.answers_panel import title


def show(reports: Sequence[LaneReport], blind: bool) -> None:
    """Draw a row a measure and a column a lane."""
    st.subheader("What it took", anchor=False)
    st.dataframe(
        [
            {"": name, **{title(place, blind): say(one) for place, one in enumerate(reports)}}
            for name, say in _ROWS.items()
        ],
        hide_index=True, key="lanes_figures",
        alt="Passages, times, tokens and price of the two answers",
    )  # fmt: skip
    st.caption(
        "The lanes run one after the other, and each has searched once before: models are loaded, "
        "passages are read. Tokens are estimated, rather too many than too few."
    )


def _milliseconds(seconds: float | None) -> str:
    return "—" if seconds is None else f"{1000 * seconds:,.0f} ms"


def _price(report: LaneReport) -> str:
    if report.answer is None:
        return "—"
    if report.price_usd is None:
        return "not known"
    return f"${report.price_usd:,.6f}" if report.price_usd else "nothing"


_ROWS: dict[str, Callable[[LaneReport], str]] = {
    "Answered by": lambda one: one.answer.model if one.answer else "—",
    "Passages found": lambda one: f"{len(one.hits):,}",
    "Passages in the prompt": lambda one: f"{len(one.sources):,}" if one.answer else "—",
    "Passages cited": lambda one: f"{_cited(one):,}" if one.answer else "—",
    "Searching took": lambda one: _milliseconds(one.searching),
    "First words after": lambda one: _milliseconds(one.first),
    "Whole answer after": lambda one: _milliseconds(one.seconds if one.answer else None),
    "Tokens of the prompt": lambda one: f"{one.answer.prompt.tokens:,}" if one.answer else "—",
    "Tokens of the answer": lambda one: f"{one.answer.tokens:,}" if one.answer else "—",
    "Price": _price,
}


def _cited(report: LaneReport) -> int:
    citations = report.answer.citations if report.answer else ()
    return len({citation.hit.chunk.id for citation in citations})
