"""The What-if panel: other fusion settings on the lists that were fetched already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import plotly.graph_objects as go
import streamlit as st

from rag_core import SearchHit
from rag_core.explain import placing
from rag_core.retrieval import FUSIONS, SearchOptions, fused
from rag_core.search_lab.lanes import Lane
from rag_core.tipping import Reign, tipping_points
from ui.chunk_lab.tables import chart_colours
from ui.figure import draw
from ui.search_lab import controls
from ui.search_lab.view import View
from ui.similarity_lab.charts import FONT
from ui.text import chart


def show(view: View) -> None:
    """Move the fusion's settings; nothing is searched again."""
    lane = view.hybrid
    if lane is None or lane.result is None:
        st.info("Choose a hybrid method above: it is what fuses.", icon=":material/merge:")
        return
    options = _settings(lane.options)
    sides = [stage for stage in lane.result.stages if stage.name in ("vector", "keyword")]
    hits = fused(sides, options)
    if not hits:
        st.info("Neither side found anything.", icon=":material/search_off:")
        return
    _table(lane, hits, options)
    points = tipping_points(lane.result, options)
    names = {hit.chunk.id: label(hit) for hit in hits}
    colours = coloured([*points.weight, *points.rrf_k])
    st.subheader("Who wins, and where that tips", anchor=False)
    if points.weight:
        now = options.weights[0] / sum(options.weights)
        draw(
            bands(points.weight, names, colours, now, "weight of the vector side"),
            key="tip_weight", alt=said(points.weight, names, "weight"),
        )  # fmt: skip
    if points.rrf_k:
        draw(
            bands(points.rrf_k, names, colours, options.rrf_k, "RRF constant"),
            key="tip_k",
            alt=said(points.rrf_k, names, "RRF constant"),
        )
    st.caption(
        "Each colour is the chunk that stands first. The line is where the sliders are. A winner "
        "that fills the whole bar does not depend on the setting at all."
    )


def _settings(given: SearchOptions) -> SearchOptions:
    left, middle, right = st.columns([2, 3, 3], vertical_alignment="bottom")
    fusion = left.segmented_control(
        "Fusion", FUSIONS, default=given.fusion, required=True, key="if_fusion"
    )
    rrf_k = middle.slider(
        "RRF constant", 0, 200, int(given.rrf_k), key="if_k", disabled=fusion != "rrf"
    )
    usual = given.weights[0] / sum(given.weights)
    share = right.slider("Weight of the vector side", 0.0, 1.0, usual, 0.01, key="if_share")
    return replace(given, fusion=fusion, rrf_k=float(rrf_k), weights=controls.weights(share))


def _table(lane: Lane, hits: Sequence[SearchHit], options: SearchOptions) -> None:
    if lane.result is None:
        return
    before = {hit.chunk.id: hit.rank for hit in fused_as_searched(lane)}
    stages = tuple(
        replace(stage, hits=tuple(hits)) if stage.name == "fusion" else stage
        for stage in lane.result.stages
        if stage.name in ("embed", "vector", "keyword", "fusion")
    )
    result = replace(lane.result, stages=stages)
    rows = []
    for hit in hits[: options.k]:
        story = placing(result, hit.chunk.id, options).fusion
        rows.append(
            {
                "Rank": hit.rank,
                "Was": before.get(hit.chunk.id),
                "Chunk": label(hit),
                "Sum": story.written if story else "",
            }
        )
    st.dataframe(rows, hide_index=True, key="if_table", alt="The fused ranking and its sums")


def fused_as_searched(lane: Lane) -> Sequence[SearchHit]:
    """Return the fusion's own hits, before any reranker."""
    stages = lane.result.stages if lane.result else ()
    return next((stage.hits for stage in stages if stage.name == "fusion"), ())


def label(hit: SearchHit) -> str:
    """Return a chunk's document and number."""
    return f"{hit.chunk.metadata.get('name', '')} {hit.chunk.index + 1}"


def coloured(reigns: Sequence[Reign]) -> dict[str, str]:
    """Return a colour for every winner, the same in all charts."""
    colours = chart_colours()
    winners = list(dict.fromkeys(reign.winner for reign in reigns))
    return {winner: colours[place % len(colours)] for place, winner in enumerate(winners)}


def bands(
    reigns: Sequence[Reign], names: dict[str, str], colours: dict[str, str], now: float, axis: str
) -> go.Figure:
    """Return one bar whose parts are the winners, with a line where the setting is."""
    figure = go.Figure()
    seen: set[str] = set()
    for reign in reigns:
        figure.add_trace(
            go.Bar(
                x=[reign.high - reign.low],
                y=[""],
                base=[reign.low],
                orientation="h",
                marker={"color": colours[reign.winner]},
                name=chart(names.get(reign.winner, reign.winner), limit=40),
                showlegend=reign.winner not in seen,
                hovertemplate=f"%{{fullData.name}}<br>{reign.low:.3g} to {reign.high:.3g}"
                "<extra></extra>",
            )
        )
        seen.add(reign.winner)
    figure.add_vline(x=now, line_width=4, line_color="#d1335b")
    figure.update_xaxes(title_text=axis, range=[reigns[0].low, reigns[-1].high])
    figure.update_yaxes(showticklabels=False)
    figure.update_layout(
        height=175, barmode="overlay", font=FONT, margin={"t": 10, "b": 50, "l": 10, "r": 20},
        legend={"orientation": "h", "y": 1.05, "yanchor": "bottom"}, showlegend=True,
    )  # fmt: skip
    return figure


def said(reigns: Sequence[Reign], names: dict[str, str], what: str) -> str:
    """Return the winners in words, for those who do not see them."""
    parts = [
        f"{names.get(reign.winner, reign.winner)} from {reign.low:.3g} to {reign.high:.3g}"
        for reign in reigns
    ]
    return f"The winner by {what}: {'; '.join(parts)}"
