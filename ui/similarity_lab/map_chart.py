"""The chart of the Map panel: points in groups, a query, and lines to its true neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from rag_core.protocols import FloatArray
from rag_core.similarity_lab.maps import Map, Neighbour
from ui.chunk_lab.tables import chart_colours
from ui.similarity_lab.work import Atlas
from ui.text import chart, number

_IN_LEGEND = 12  # groups with a colour of their own; smaller ones share a grey
_MORE = ("#2f4858", "#e08e45", "#5aa469", "#9c3848")  # the theme has eight
_GREY = "#8b8f97"
_QUERY = "#d1335b"


def figure(
    known: Atlas,
    drawn: Map,
    groups: Sequence[str],
    found: Sequence[Neighbour],
    landed: FloatArray | None,
) -> go.Figure:
    """Return the map; every point carries its row, so that picking it shows its chunk."""
    made = go.Figure()
    size = 7 if len(groups) < 2_000 else 4
    for name, rows, colour in _grouped(groups):
        made.add_trace(
            _points(
                drawn.points[rows],
                mode="markers",
                name=chart(name, limit=26),
                marker={"size": size, "color": colour, "opacity": 0.8},
                customdata=rows.tolist(),
                hovertext=[_hover(known, row) for row in rows.tolist()],
                hovertemplate="%{hovertext}<extra></extra>",
            )
        )
    if landed is not None:
        for one in found:
            made.add_trace(_line(landed, drawn.points[one.row], one))
        made.add_trace(
            _points(
                landed[None, :],
                mode="markers",
                name="query",
                marker={
                    "size": 16,
                    "color": _QUERY,
                    "symbol": "diamond" if len(landed) == 3 else "star",
                },
                hovertemplate="the query<extra></extra>",
            )
        )
    made.update_layout(
        height=620, margin={"t": 10, "b": 10, "l": 10, "r": 10}, dragmode="pan",
        legend={"orientation": "h", "y": -0.04, "yanchor": "top", "itemsizing": "constant"},
    )  # fmt: skip
    made.update_xaxes(showticklabels=False, zeroline=False)
    made.update_yaxes(showticklabels=False, zeroline=False)
    return made


def _grouped(groups: Sequence[str]) -> list[tuple[str, Any, str]]:
    """Return (name, rows, colour) of each group, the largest first."""
    names, inverse, counts = np.unique(list(groups), return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    colours = [*chart_colours(), *_MORE]
    found: list[tuple[str, Any, str]] = []
    for place, group in enumerate(order[:_IN_LEGEND].tolist()):
        rows = np.flatnonzero(inverse == group)
        found.append((str(names[group]), rows, colours[place % len(colours)]))
    others = np.flatnonzero(np.isin(inverse, order[_IN_LEGEND:]))
    if len(others):
        found.append((number(len(order) - _IN_LEGEND, "other"), others, _GREY))
    return found


def _points(points: FloatArray, **look: Any) -> Any:  # noqa: ANN401 - Plotly's traces
    axes = dict(zip("xyz", points.T, strict=False))
    if points.shape[1] == 3:
        look["marker"] = {**look["marker"], "size": max(2, look["marker"]["size"] // 2)}
        return go.Scatter3d(**axes, **look)
    return go.Scattergl(**axes, **look)


def _line(landed: FloatArray, point: FloatArray, one: Neighbour) -> Any:  # noqa: ANN401
    axes = {name: [a, b] for name, a, b in zip("xyz", landed, point, strict=False)}
    look: dict[str, Any] = {
        "mode": "lines+text", "line": {"color": _QUERY, "width": 1.5}, "showlegend": False,
        "text": ["", str(one.rank)], "textposition": "top center", "hoverinfo": "skip",
        "textfont": {"size": 15, "color": _QUERY},
    }  # fmt: skip
    return go.Scatter3d(**axes, **look) if len(landed) == 3 else go.Scatter(**axes, **look)


def _hover(known: Atlas, row: int) -> str:
    chunk = known.chunks[row]
    name = chart(str(chunk.metadata.get("name", "")), limit=60)
    return f"<b>{name}</b>, chunk {chunk.index + 1}<br>{chart(chunk.text, limit=120, width=60)}"
