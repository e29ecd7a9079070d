"""What a sweep found: the headline, and the panels below it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from rag_core.evaluation.table import SweepTable
from ui.evaluation_lab import board_panel, charts_panel, keep_panel, questions_panel
from ui.evaluation_lab.found import Found
from ui.text import number, plain

__all__ = ["PANELS", "Found", "headline", "show"]

_SHOW: dict[str, Callable[[Found], None]] = {
    "Leaderboard": board_panel.show,
    "Cost": charts_panel.cost,
    "Chunk size": charts_panel.sizes,
    "Questions": questions_panel.show,
    "Keep": keep_panel.show,
}
PANELS = tuple(_SHOW)


def headline(table: SweepTable, metric: str) -> None:
    """Say what is best, and what ties with it."""
    rows = table.leaderboard(metric)
    best, ties = rows[0], [row for row in rows[1:] if row.tied]
    st.markdown(f"**{plain(best.label)}** is best: {metric} {best.interval.mean:.3f}.")
    if ties:
        cheapest = min([best, *ties], key=lambda row: row.report.mean("tokens"))
        st.caption(
            f"{number(len(ties), 'setting')} {'tie' if len(ties) > 1 else 'ties'} with it: these "
            "questions do not tell them apart. "
            f"The cheapest of them costs {cheapest.report.mean('tokens'):,.0f} tokens a question: "
            f"{plain(cheapest.label)}."
        )


def show(found: Found) -> None:
    """Ask which panel is open; only that one runs."""
    chosen = st.segmented_control(
        "Panel", PANELS, default=PANELS[0], required=True, key="panel", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    _SHOW[chosen or PANELS[0]](found)
