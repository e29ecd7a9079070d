"""The pictures: recall against latency, building time, memory."""

from __future__ import annotations

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from rag_core.ann import Comparison, Measurement
from rag_core.ann.compare import RECALL
from ui.ann_lab.words import label, milliseconds, name, percent

_LINE = "#8b8f97"  # reads on paper and on slate
_MEGABYTE = 1e6
# 1 and 3: in a logarithm about half-way, and few enough for a phone
_TICKS = [float(f"{digit}e{power}") for power in range(-4, 4) for digit in (1, 3)]
_NEAR, _NEAR_RECALL = 0.08, 0.03  # of the width, of recall: two labels would touch
_SYMBOLS = ("star", "circle", "square", "diamond")


def methods(results: Sequence[Measurement]) -> list[str]:
    """Return the methods, in order, each once."""
    return list(dict.fromkeys(one.method for one in results))


def curve(comparison: Comparison, colours: Sequence[str]) -> go.Figure:
    """Return recall over the latency of a query, one line a method, its settings beside it."""
    figure = go.Figure()
    for place, method in enumerate(methods(comparison.results)):
        some = [one for one in comparison.results if one.method == method]
        figure.add_trace(
            go.Scatter(
                x=[one.p50 * 1e3 for one in some],
                y=[one.recall for one in some],
                mode="lines+markers+text",
                name=name(method),
                text=point_labels(some, comparison.results),
                # IVF below its line, HNSW above: where they meet, both can be read.
                textposition="bottom right" if method == "ivf" else "top left",
                cliponaxis=False,
                marker={"size": 12, "symbol": _SYMBOLS[place % len(_SYMBOLS)]},
                line={"color": colours[place % len(colours)], "width": 3},
                customdata=[
                    [label(one), percent(one.recall), milliseconds(one.p50), milliseconds(one.p95)]
                    for one in some
                ],
                hovertemplate="<b>%{customdata[0]}</b><br>recall %{customdata[1]}<br>"
                "p50 %{customdata[2]}, p95 %{customdata[3]}<extra></extra>",
            )
        )
    figure.add_hline(y=RECALL, line_dash="dash", line_color=_LINE)
    figure.update_xaxes(
        title_text="milliseconds a query, median", type="log", tickvals=_TICKS,
        ticktext=[f"{tick:g}" for tick in _TICKS],
    )  # fmt: skip
    # From the worst up: what is over 90 % is told apart where all is good.
    lowest = min(one.recall for one in comparison.results)
    figure.update_yaxes(
        title_text="recall@10", tickformat=".0%",
        range=[max(-0.04, min(lowest, RECALL) - 0.1), 1.06],
        tickvals=_recall_ticks(lowest),
    )  # fmt: skip
    figure.update_layout(
        height=460, font={"size": 14}, margin={"t": 85, "b": 60, "l": 60, "r": 30},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )  # fmt: skip
    return figure


def point_labels(some: Sequence[Measurement], all_of_them: Sequence[Measurement]) -> list[str]:
    """Return what stands at the points of one line: its settings, or nothing.

    Where points lie upon each other the first speaks for all; pointing at them tells the others.
    """
    places = [math.log10(one.p50) for one in all_of_them]
    near = max(max(places) - min(places), 0.1) * _NEAR
    said: list[str] = []
    last: Measurement | None = None
    for one in some:
        covered = (
            last is not None
            and abs(math.log10(one.p50 / last.p50)) < near
            and abs(one.recall - last.recall) < _NEAR_RECALL
        )
        said.append("" if one.setting is None or covered else f"{one.setting:,}")
        last = last if covered else one
    return said


def _recall_ticks(lowest: float) -> list[float]:
    """Return marks up to 100 %, closer together where all is good."""
    step = 5 if lowest > 0.7 else 10 if lowest > 0.4 else 20
    return [share / 100 for share in range(0, 101, step)]


def bars(comparison: Comparison, colours: Sequence[str], *, memory: bool) -> go.Figure:
    """Return what every index costs: seconds to build, or megabytes."""
    built = {}
    for one in comparison.results:
        if one.build_seconds is not None and one.memory_bytes is not None:
            built[one.method] = one.memory_bytes / _MEGABYTE if memory else one.build_seconds
    order = methods(comparison.results)
    figure = go.Figure(
        go.Bar(
            x=list(built.values()), y=[name(method) for method in built], orientation="h",
            marker={"color": [colours[order.index(method) % len(colours)] for method in built]},
            text=[f"{value:,.1f} MB" if memory else f"{value:,.2f} s" for value in built.values()],
            textposition="outside", cliponaxis=False, hoverinfo="skip",
        )
    )  # fmt: skip
    figure.update_xaxes(
        title_text="megabytes" if memory else "seconds to build",
        range=[0, 1.3 * max(built.values(), default=1)],
    )
    figure.update_yaxes(autorange="reversed")
    figure.update_layout(
        height=110 + 50 * len(built), font={"size": 14}, margin={"t": 10, "b": 60, "l": 70, "r": 10}
    )
    return figure
