"""The Tokens panel: two texts, token by token."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from rag_core.similarity_lab.tokens import MOST_TOKENS, TokenTable
from ui.figure import draw
from ui.similarity_lab import controls, work
from ui.similarity_lab.charts import FONT, heat_colours
from ui.similarity_lab.matrix_panel import short
from ui.similarity_lab.view import View
from ui.text import chart

_WITH_VALUES = 12
_LISTED = 8


def show(view: View) -> None:
    """Draw which token of one text matches which of the other."""
    first, second = controls.two_texts(view)
    table = work.tokens(view.collection, view.texts[first], view.texts[second])
    if not table.rows or not table.columns:
        st.info("One of the texts has no token. Choose another.", icon=":material/help:")
        return
    draw(
        heatmap(table), key="token_chart",
        alt=f"Heatmap of {len(table.rows)} tokens by {len(table.columns)}",
    )  # fmt: skip
    if table.cut:
        st.caption(f"The first {MOST_TOKENS} tokens of each text.")
    st.dataframe(
        [
            {
                "Token": table.rows[match.first],
                "Its match": table.columns[match.second],
                "Cosine": match.similarity,
            }
            for match in table.matches()[:_LISTED]
        ],
        hide_index=True, key="token_matches",
        column_config={"Cosine": st.column_config.NumberColumn(format="%.3f")},
        alt="The best matches, token by token",
    )  # fmt: skip
    st.caption(
        "A token's vector depends on the sentence around it: the same word has another one "
        "elsewhere. Late interaction, the reranker, adds up each row's best match."
    )


def heatmap(table: TokenTable) -> go.Figure:
    """Return the tokens of the first text down, of the second across."""
    few = max(len(table.rows), len(table.columns)) <= _WITH_VALUES
    rows = [chart(token, limit=18) for token in table.rows]
    columns = [chart(token, limit=18) for token in table.columns]
    tiles = go.Heatmap(
        z=table.matrix, zmin=min(0.0, float(table.matrix.min())), zmax=1.0,
        colorscale=heat_colours(), xgap=2, ygap=2, texttemplate="%{text}" if few else None,
        text=[[short(value) for value in row] for row in table.matrix],
        textfont={"size": 12}, showscale=not few, colorbar={"thickness": 12},
        customdata=[[(one, two) for two in columns] for one in rows],
        hovertemplate="%{customdata[0]} · %{customdata[1]}<br><b>%{z:.3f}</b><extra></extra>",
    )  # fmt: skip
    figure = go.Figure(tiles)
    figure.update_xaxes(
        tickvals=list(range(len(columns))), ticktext=columns, side="top", showgrid=False,
        tickangle=-50,
    )  # fmt: skip
    figure.update_yaxes(
        tickvals=list(range(len(rows))), ticktext=rows, autorange="reversed", showgrid=False
    )
    figure.update_layout(
        height=max(330, min(950, 130 + 30 * len(rows))),
        margin={"t": 90, "b": 10, "l": 10, "r": 10},
        font=FONT,
    )
    return figure
