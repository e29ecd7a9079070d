"""The Cost and Chunk size panels: a metric against what it costs, and against how texts are cut."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from rag_core.evaluation import EvaluationReport
from ui.chunk_lab.tables import chart_colours
from ui.evaluation_lab.found import Found
from ui.figure import draw
from ui.similarity_lab.charts import FONT
from ui.text import chart

_COSTS = {"tokens": "context tokens a question", "latency": "median milliseconds of a search"}


def cost(found: Found) -> None:
    """Draw quality against a cost, with the front that nothing beats."""
    table, metric = found.table, found.metric
    by = (
        st.segmented_control(
            "Cost", list(_COSTS), default="tokens", required=True, key="cost_by",
            bind="query-params",
        )
        or "tokens"
    )  # fmt: skip
    front = table.pareto(metric, by)
    figure = go.Figure()
    colours = chart_colours()
    for name, some, size in (("settings", table.reports, 10), ("nothing beats these", front, 15)):
        figure.add_trace(
            go.Scatter(
                x=[_price(each, by) for each in some], y=[each.mean(metric) for each in some],
                mode="markers" if size == 10 else "lines+markers", name=name,
                marker={"size": size, "color": colours[0 if size == 10 else 1],
                        "symbol": "circle" if size == 10 else "diamond-open"},
                hovertext=[chart(str(each.settings.get("label"))) for each in some],
                hovertemplate="%{hovertext}<br>%{x:,.1f}, %{y:.3f}<extra></extra>",
            )
        )  # fmt: skip
    figure.update_xaxes(title_text=_COSTS[by], rangemode="tozero")
    _draw(figure, metric, "cost", f"{metric} against {_COSTS[by]}")
    st.caption("Settings off the line are beaten: another one is better and costs no more.")


def _price(report: EvaluationReport, by: str) -> float:
    return 1000 * report.latency_p50 if by == "latency" else report.mean("tokens")


def sizes(found: Found) -> None:
    """Draw quality against chunk size, a line for each way of searching."""
    lines: dict[str, list[tuple[int, EvaluationReport]]] = {}
    for report in found.table.reports:
        chunking = dict(report.settings["chunker"])
        size = chunking.get("size", chunking.get("maximum"))
        if size is not None:
            lines.setdefault(_line(report, chunking), []).append((int(size), report))
    if not lines:
        st.info("These chunkers have no size to draw by.", icon=":material/straighten:")
        return
    figure = go.Figure()
    colours, dashes = chart_colours(), ("solid", "dash", "dot", "dashdot")
    for place, (name, points) in enumerate(sorted(lines.items())):
        points.sort(key=lambda point: point[0])
        spread = [report.interval(found.metric) for _, report in points]
        figure.add_trace(
            go.Scatter(
                x=[size for size, _ in points], y=[each.mean for each in spread],
                mode="lines+markers", name=chart(name, limit=60),
                line={"color": colours[place % len(colours)],
                      "dash": dashes[place // len(colours) % len(dashes)]},
                error_y={
                    "type": "data", "symmetric": False, "thickness": 1,
                    "array": [each.high - each.mean for each in spread],
                    "arrayminus": [each.mean - each.low for each in spread],
                },
                hovertemplate="%{x} %{y:.3f}<extra>%{fullData.name}</extra>",
            )
        )  # fmt: skip
    units = {str(report.settings["chunker"].get("unit", "")) for report in found.table.reports}
    unit = units.pop() if len(units) == 1 else ""
    figure.update_xaxes(title_text=f"chunk size{f' in {unit}' if unit else ''}", rangemode="tozero")
    _draw(figure, found.metric, "by_size", f"{found.metric} against chunk size")
    st.caption("Bars are 95 per cent intervals: where they overlap, more questions may decide.")


def _line(report: EvaluationReport, chunking: dict[str, object]) -> str:
    settings = report.settings
    parts = [chunking["name"], f"k {settings['k']}", settings["mode"], settings["rerank"]]
    return ", ".join(str(part) for part in parts if part)


def _draw(figure: go.Figure, metric: str, key: str, alt: str) -> None:
    figure.update_yaxes(title_text=metric)
    figure.update_layout(
        height=500, font=FONT, margin={"t": 10, "b": 50, "l": 60, "r": 10},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )  # fmt: skip
    draw(figure, key=key, alt=alt)
