"""The Flow panel: how each chunk climbs or falls from stage to stage, and where time goes."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from rag_core import SearchResult
from rag_core.rank_flow import Flow, rank_flow
from rag_core.search_lab.lanes import Lane
from ui.chunk_lab.tables import chart_colours
from ui.figure import draw
from ui.search_lab.view import View
from ui.similarity_lab.charts import FONT
from ui.text import chart

_GREY = "#8b8f97"
_DEEPEST = 20  # ranks drawn; what is deeper leaves at the bottom


def show(view: View) -> None:
    """Draw the flow of one lane, and the milliseconds of all."""
    names = [lane.method for lane in view.found]
    usual = len(names) - 1
    chosen = st.selectbox("Method", names, usual, key="flow", bind="query-params")
    lane = next((lane for lane in view.found if lane.method == chosen), view.found[usual])
    if lane.result is None or not lane.result.hits:
        st.info("This method found nothing.", icon=":material/search_off:")
        return
    draw(
        rank_chart(rank_flow(lane.result, top=lane.options.k), lane.options.k),
        key="rank_flow",
        alt=flow_text(lane),
    )
    st.caption(
        f"Each line is a chunk that some stage has among its first {lane.options.k}; coloured are "
        "the hits. A line that ends was not found by the next stage, or fell off its list."
    )
    draw(
        time_chart(view.found), key="times",
        alt="Milliseconds of every stage of every method",
    )  # fmt: skip
    st.caption("The query is embedded once; every method after the first finds it in the cache.")


def rank_chart(flows: Sequence[Flow], k: int) -> go.Figure:
    """Return one line a chunk, rank 1 on top, a column a stage."""
    colours = chart_colours()
    figure = go.Figure()
    stages = [name for name, _ in flows[0].ranks] if flows else []
    hits = [flow for flow in flows if (flow.ranks[-1][1] or k + 1) <= k]
    for flow in [*[flow for flow in flows if flow not in hits], *hits]:
        place = hits.index(flow) if flow in hits else None
        colour = _GREY if place is None else colours[place % len(colours)]
        ranks = [None if rank is None or rank > _DEEPEST else rank for _, rank in flow.ranks]
        name = chart(str(flow.chunk.metadata.get("name", "")), limit=28)
        figure.add_trace(
            go.Scatter(
                x=stages,
                y=ranks,
                mode="lines+markers+text",
                line={"color": colour, "width": 2 if place is None else 4},
                marker={"size": 8 if place is None else 22, "color": colour},
                text=["" if place is None or rank is None else str(rank) for rank in ranks],
                textfont={"color": "#ffffff", "size": 13},
                opacity=0.5 if place is None else 1.0,
                name=f"{name} {flow.chunk.index + 1}",
                showlegend=place is not None,
                hovertext=chart(flow.chunk.text, limit=160, width=60),
                hovertemplate="<b>%{fullData.name}</b>, rank %{y} in %{x}<br>%{hovertext}"
                "<extra></extra>",
            )
        )
    deepest = max(
        [k, *(rank for flow in flows for _, rank in flow.ranks if rank and rank <= _DEEPEST)]
    )
    figure.update_yaxes(
        range=[deepest + 0.6, 0.4], title_text="rank", dtick=1 if deepest <= 12 else 5,
        tick0=1 if deepest <= 12 else 0, zeroline=False,
    )  # fmt: skip
    figure.update_xaxes(side="top", type="category", range=[-0.15, len(stages) - 0.85])
    figure.update_layout(
        height=430, font=FONT, margin={"t": 40, "b": 10, "l": 55, "r": 10},
        legend={"orientation": "h", "y": -0.03, "yanchor": "top"},
    )  # fmt: skip
    return figure


def time_chart(lanes: Sequence[Lane]) -> go.Figure:
    """Return a waterfall of each method's stages in milliseconds, one method a row."""
    colours = chart_colours()
    names = list(dict.fromkeys(stage.name for lane in lanes for stage in _result(lane).stages))
    figure = go.Figure()
    for place, name in enumerate(names):
        starts, widths, rows = [], [], []
        for lane in lanes:
            begun = 0.0
            for stage in _result(lane).stages:
                if stage.name == name:
                    starts.append(1000 * begun)
                    widths.append(1000 * stage.seconds)
                    rows.append(lane.method)
                begun += stage.seconds
        figure.add_trace(
            go.Bar(
                x=widths,
                y=rows,
                base=starts,
                orientation="h",
                name=name,
                marker={"color": colours[place % len(colours)]},
                hovertemplate="%{fullData.name}: %{x:.1f} ms<extra></extra>",
            )
        )
    figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=[lane.method for lane in lanes][::-1]
    )
    figure.update_xaxes(title_text="milliseconds")
    figure.update_layout(
        height=120 + 42 * len(lanes), barmode="overlay", font=FONT,
        margin={"t": 10, "b": 50, "l": 10, "r": 10},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )  # fmt: skip
    return figure


def flow_text(lane: Lane) -> str:
    """Return the flow in words, for those who do not see it."""
    hits = _result(lane).hits
    stages = ", ".join(stage.name for stage in _result(lane).stages if stage.hits)
    return f"Ranks of {len(hits)} hits through {stages}"


def _result(lane: Lane) -> SearchResult:
    return lane.result or SearchResult("", ())
