"""The Matrix panel: every text against every other, as a heatmap."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from rag_core.similarity import METRICS, clustered_order, more_is_alike, similarity_matrix
from ui.figure import draw
from ui.similarity_lab.charts import FONT, heat_colours
from ui.similarity_lab.view import View
from ui.text import plain

_WITH_VALUES = 12  # texts; the numbers of more would not fit into the cells on a phone
_WITH_LABELS = 60


def show(view: View) -> None:
    """Draw the heatmap by the chosen metric, in the chosen order."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        metric = st.segmented_control(
            "Metric", list(METRICS), default="cosine", required=True, key="metric",
            bind="query-params",
        )  # fmt: skip
        grouped = st.toggle(
            "Group alike ones", key="grouped", bind="query-params",
            help="Puts texts that are alike side by side: average linkage, leaves turned so that "
            "neighbours are as alike as they can be.",
        )  # fmt: skip
    order = clustered_order(view.matrix) if grouped else list(range(len(view.texts)))
    # The texts beside the chart and not along its axis: a phone has no room for both.
    left, right = st.columns([5, 3])
    with left:
        draw(heatmap(view, metric or "cosine", order), key="matrix", alt=described(view))
    with right.container(height=560 if len(order) > _WITH_VALUES else "content", border=False):
        st.markdown("\n".join(_listed(view, place) for place in order))
    if metric != "cosine":
        st.caption(
            "This model's vectors all have length 1, so the three metrics rank alike. Panel "
            "Metrics shows what happens when one vector is longer."
        )


def heatmap(view: View, metric: str, order: list[int]) -> go.Figure:
    """Return the matrix with a row and a column a text, by their numbers, in the given order."""
    matrix = similarity_matrix(view.vectors, metric=metric)[order][:, order]
    few = len(order) <= _WITH_VALUES
    hover = [view.hover(place) for place in order]
    tiles = go.Heatmap(
        z=matrix, zmin=min(0.0, float(matrix.min())), zmax=max(1.0, float(matrix.max())),
        colorscale=heat_colours(reverse=not more_is_alike(metric)), xgap=2 if few else 0,
        ygap=2 if few else 0, text=[[short(value) for value in row] for row in matrix],
        texttemplate="%{text}" if few else None, textfont={"size": 14}, showscale=not few,
        colorbar={"thickness": 12}, customdata=[[(one, two) for two in hover] for one in hover],
        hovertemplate="%{customdata[0]}<br><b>%{z:.3f}</b><br>%{customdata[1]}<extra></extra>",
    )  # fmt: skip
    figure = go.Figure(tiles)
    numbers = {
        "tickvals": list(range(len(order))), "ticktext": [str(place + 1) for place in order],
        "showgrid": False, "showticklabels": len(order) <= _WITH_LABELS,
    }  # fmt: skip
    figure.update_xaxes(side="top", **numbers)
    figure.update_yaxes(autorange="reversed", **numbers)
    figure.update_layout(
        height=max(330, min(640, 60 + 46 * len(order))),
        margin={"t": 30, "b": 10, "l": 30, "r": 10}, font=FONT,
    )  # fmt: skip
    return figure


def short(value: float) -> str:
    """Return a number of the matrix as short as it can be read: .71, 1, -.07, 12.4."""
    if abs(value) >= 9.95:
        return f"{value:.1f}"
    return f"{value:.2f}".replace("0.", ".", 1) if abs(value) < 0.995 else f"{value:.2g}"


def _listed(view: View, place: int) -> str:
    return f"{place + 1}. {plain(view.texts[place], limit=110)}"


def described(view: View) -> str:
    """Return the heatmap in words, for those who do not see it."""
    count = len(view.texts)
    if count < 2:
        return f"Heatmap of {count} text"
    apart = view.matrix[~np.eye(count, dtype=bool)]
    return (
        f"Heatmap of {count} texts by {count}; cosines between different ones go from "
        f"{apart.min():.2f} to {apart.max():.2f}"
    )
