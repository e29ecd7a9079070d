"""The Numbers panel: sizes, repeats, and what stands past the model's limit."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st
from plotly.subplots import make_subplots

from rag_core.chunk_report import READABLE
from ui.chunk_lab.chunk_html import chunk_html
from ui.chunk_lab.places import Column
from ui.chunk_lab.tables import chart_colours, share_column
from ui.chunk_lab.view import View
from ui.figure import draw
from ui.text import number, reachable

_LISTED = 12  # chunks past the limit that are shown in full
_LIMIT = "#8b8f97"  # reads on paper and on slate


def table(columns: tuple[Column, ...]) -> list[dict[str, object]]:
    """Return one row a strategy."""
    return [
        {
            "Strategy": column.title,
            "Size": column.size,
            "Chunks": column.report.chunks,
            "Min": column.report.minimum,
            "Mean": round(column.report.mean, 1),
            "Max": column.report.maximum,
            "Std": round(column.report.deviation, 1),
            "Stored twice": column.report.repeated,
            "Past the limit": column.report.past_limit,
            "Tokens unseen": column.report.unseen_tokens,
        }
        for column in columns
    ]


def histogram(columns: tuple[Column, ...], colours: Sequence[str]) -> go.Figure:
    """Return the spread of sizes, one strip a strategy on a common scale."""
    figure = make_subplots(
        rows=len(columns), shared_xaxes=True, vertical_spacing=0.35 / (len(columns) + 1),
        subplot_titles=[column.title for column in columns],
    )  # fmt: skip
    most = max([READABLE, *(column.report.maximum for column in columns)])
    bins = {"start": 0, "end": most + 1, "size": max(1, round(most / 40))}
    for row, column in enumerate(columns, start=1):
        bars = go.Histogram(
            x=list(column.report.counts), xbins=bins, showlegend=False,
            marker={"color": colours[(row - 1) % len(colours)]},
            hovertemplate="%{x} tokens: %{y} chunks<extra></extra>",
        )  # fmt: skip
        figure.add_trace(bars, row=row, col=1)
        figure.add_vline(
            x=READABLE, line_dash="dash", line_width=2, line_color=_LIMIT, row=row, col=1
        )
    figure.update_annotations(x=0, xanchor="left")
    figure.update_xaxes(range=[0, most + 1])
    figure.update_xaxes(title_text="tokens in a chunk", row=len(columns), col=1)
    figure.update_yaxes(title_text="chunks")
    figure.update_layout(
        height=70 + 130 * len(columns), bargap=0.05, margin={"t": 30, "b": 50, "l": 50, "r": 10}
    )
    return figure


def show(view: View) -> None:
    """Draw the table, the plot, and the chunks whose end the model never reads."""
    st.dataframe(
        table(view.columns), hide_index=True, key="numbers",
        column_config={
            "Stored twice": share_column(),
            "Min": st.column_config.NumberColumn(help="Sizes are in the model's tokens."),
        },
        alt="Sizes in tokens, share stored twice and unseen tokens of every strategy",
    )  # fmt: skip
    st.caption(
        f"Sizes are in tokens of all-MiniLM-L6-v2. It reads {READABLE} of a chunk, and two marks "
        "of its own: the dashed line."
    )
    draw(
        histogram(view.columns, chart_colours()), key="histogram", config={"displayModeBar": False},
        alt="Histograms of chunk sizes in tokens, one a strategy, with the model's limit",
    )  # fmt: skip
    _past_limit(view)


def _past_limit(view: View) -> None:
    st.subheader("Past the model's limit", anchor=False)
    longer = [column for column in view.columns if column.report.past_limit]
    if not longer:
        st.caption("Every chunk is read to its end. A larger size would show chunks that are not.")
        return
    titles = [column.title for column in longer]
    title = st.selectbox("Strategy", titles, key="past_limit")
    column = next((each for each in longer if each.title == title), longer[0])
    found = [
        (chunk, span)
        for chunk, span in zip(column.chunks, column.report.unseen, strict=True)
        if span is not None
    ]
    with st.container(height=460, border=True, key="past_limit_chunks"):
        for chunk, span in found[:_LISTED]:
            count = column.report.counts[chunk.index]
            lost = f"{count - READABLE:,} of its {number(count, 'token')} unseen"
            st.caption(f"Chunk {chunk.index + 1}: {lost}")
            st.html(reachable(chunk_html(chunk, lost=span)))
    if len(found) > _LISTED:
        st.caption(f"And {number(len(found) - _LISTED, 'more chunk')}.")
