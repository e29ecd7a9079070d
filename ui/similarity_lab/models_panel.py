"""The Models panel: the same texts in the eyes of two models."""

from __future__ import annotations

from dataclasses import replace

import plotly.graph_objects as go
import streamlit as st

from rag_core.similarity import similarity_matrix
from rag_core.similarity_lab.pairs import disagreements, rank_correlation
from ui.chunk_lab.tables import chart_colours
from ui.figure import draw
from ui.similarity_lab import matrix_panel, work
from ui.similarity_lab.charts import FONT
from ui.similarity_lab.view import View
from ui.text import plain

WORDS = "words:1024"
_LISTED = 8
_DRAWN = 5_000


def show(view: View) -> None:
    """Draw both matrices, how far they agree, and the pairs where they do not."""
    name = st.selectbox(
        "Second model",
        [WORDS, "openai:text-embedding-3-small", "openai:text-embedding-3-large",
         "cohere:embed-v4.0"],
        key="second_model", bind="query-params", accept_new_options=True,
        help="words:1024 counts words and knows no meaning; it is always there. The others need "
        "their key and a network. Any sentence-transformers model can be typed, by name or folder.",
    )  # fmt: skip
    if len(view.texts) < 3:
        st.info("Comparing models needs at least three texts.", icon=":material/help:")
        return
    other = work.other_model(name or WORDS)
    theirs = work.embedded(other, view.texts)
    second = replace(view, model=other.name, vectors=theirs, matrix=similarity_matrix(theirs))
    for column, each in zip(st.columns(2), (view, second), strict=True):
        with column:
            st.subheader(plain(each.model), anchor=False)
            draw(
                matrix_panel.heatmap(each, "cosine", list(range(len(each.texts)))),
                key=f"model-{'second' if each is second else 'first'}",
                alt=matrix_panel.described(each),
            )  # fmt: skip
    _disagreement(view, second)


def _disagreement(view: View, second: View) -> None:
    agreed = rank_correlation(view.matrix, second.matrix)
    apart = disagreements(view.matrix, second.matrix)
    left, right = st.columns([2, 3])
    with left:
        st.metric(
            "Rank correlation of all pairs", f"{agreed:.2f}", border=True,
            help="Spearman's: 1 when both models put all pairs into the same order, 0 when the "
            "orders have nothing in common. The cosines themselves do not compare.",
        )  # fmt: skip
        draw(
            scatter(view, second, apart), key="agreement",
            alt="Every pair by its cosine in both models",
        )  # fmt: skip
    with right:
        st.subheader("Where they disagree most", anchor=False)
        st.dataframe(
            [
                {
                    "More alike for": view.model if difference > 0 else second.model,
                    "First model": float(view.matrix[one, two]),
                    "Second model": float(second.matrix[one, two]),
                    "First": f"{one + 1} {view.texts[one]}",
                    "Second": f"{two + 1} {view.texts[two]}",
                }
                for one, two, difference in apart[:_LISTED]
            ],
            hide_index=True, key="disagreements",
            column_config={
                name: st.column_config.NumberColumn(format="%.2f", width=100)
                for name in ("First model", "Second model")
            },
            alt="The pairs that the two models rank most apart",
        )  # fmt: skip


def scatter(view: View, second: View, apart: list[tuple[int, int, float]]) -> go.Figure:
    """Return every pair as a point by its cosine in both models."""
    some = apart[:_DRAWN]
    figure = go.Figure(
        go.Scattergl(
            x=[float(view.matrix[one, two]) for one, two, _ in some],
            y=[float(second.matrix[one, two]) for one, two, _ in some],
            mode="markers",
            marker={"size": 9, "color": chart_colours()[0]},
            hovertext=[f"{view.hover(one)}<br>{view.hover(two)}" for one, two, _ in some],
            hovertemplate="%{hovertext}<br><b>%{x:.2f} and %{y:.2f}</b><extra></extra>",
        )
    )
    figure.update_xaxes(title_text="first model")
    figure.update_yaxes(title_text="second model")
    figure.update_layout(height=300, font=FONT, margin={"t": 10, "b": 50, "l": 50, "r": 10})
    return figure
