"""Charts with their words and their numbers: no page draws a figure in any other way.

A figure says what it shows to who cannot see it (`alt`), and keeps its numbers as a table behind
it. The table is read off the figure itself, so that the two cannot differ.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from ui.text import number

# The picture button is the export as PNG: it works in the browser, without a network.
CHART_CONFIG: dict[str, Any] = {
    "displaylogo": False,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d"],
    "toImageButtonOptions": {"format": "png", "scale": 2, "filename": "ragscope"},
}
_MOST = 2_000  # rows of a table: nobody reads more, and every one is sent to the browser
_TAG = re.compile(r"<[^>]*>")

Row = dict[str, object]


def draw(figure: go.Figure, *, key: str, alt: str, table: bool = True, **options: Any) -> Any:  # noqa: ANN401
    """Draw a figure and its numbers; returns what `st.plotly_chart` does.

    Args:
        figure: with titles on its axes, which head the columns of the table.
        key: of the chart; the table's is made from it.
        alt: what the figure shows, in words.
        table: False where the page shows the same numbers beside it.
        options: more for `st.plotly_chart`, such as `on_select`.
    """
    drawn = st.plotly_chart(figure, key=key, alt=alt, **{"config": CHART_CONFIG, **options})
    if table:
        _numbers(figure, key, alt)
    return drawn


def _numbers(figure: go.Figure, key: str, alt: str) -> None:
    behind = st.expander(
        "The numbers", icon=":material/table_rows:", key=f"{key}-numbers", type="compact",
        on_change="rerun",
    )  # fmt: skip
    if not behind.open:  # sent only to who opens it
        return
    rows = rows_of(figure)
    behind.dataframe(rows[:_MOST], hide_index=True, key=f"{key}-rows", alt=f"Table: {alt}")
    if len(rows) > _MOST:
        behind.caption(f"The first {number(_MOST, 'row')} of {len(rows):,}.")


def rows_of(figure: go.Figure) -> list[Row]:
    """Return what a figure shows as rows: one a point or a bar, or one a line of a heatmap."""
    return [row for trace in figure.data for row in _rows(figure, trace)]


def _rows(figure: go.Figure, trace: Any) -> Iterator[Row]:  # noqa: ANN401
    if trace.type == "heatmap":
        yield from _lines(figure, trace)
        return
    across = _axis_name(figure, trace, "x")
    down = _axis_name(figure, trace, "y")
    texts = next((each for each in (trace.hovertext, trace.text) if _many(each)), None)
    columns = {across: trace.x, down: trace.y, "z": getattr(trace, "z", None)}
    known = {name: list(values) for name, values in columns.items() if values is not None}
    for place in range(max(map(len, known.values()), default=0)):
        row: Row = {"Series": readable(trace.name)} if trace.name else {}
        row |= {name: _value(values[place]) for name, values in known.items()}
        said = _said(texts, trace.customdata, place)
        told = {str(value) for value in row.values()}
        yield {**row, "Text": said} if said and said not in told else row


def _lines(figure: go.Figure, trace: Any) -> Iterator[Row]:  # noqa: ANN401
    """Yield the rows of a matrix; a heatmap of single cells is told by the marks upon it."""
    if not len(trace.z) or not _many(trace.z[0]):
        return
    across = _ticks(figure.layout.xaxis, trace.x, len(trace.z[0]))
    down = _ticks(figure.layout.yaxis, trace.y, len(trace.z))
    for name, values in zip(down, trace.z, strict=True):
        cells = {label: _value(value) for label, value in zip(across, values, strict=True)}
        yield {"Row": name, **cells}


def _ticks(axis: Any, values: Any, count: int) -> list[str]:  # noqa: ANN401
    given = next((each for each in (axis.ticktext, values) if _many(each)), range(1, count + 1))
    named = [readable(str(each)) for each in given]
    unique = len(set(named)) == count
    return named if unique else [f"{place} {name}" for place, name in enumerate(named, start=1)]


def _axis_name(figure: go.Figure, trace: Any, letter: str) -> str:  # noqa: ANN401
    """Return the title of a trace's axis, in a figure with several axes too ("x2")."""
    which = getattr(trace, f"{letter}axis", None) or letter
    axis = getattr(figure.layout, f"{letter}axis{which[1:]}", None)
    title = axis.title.text if axis is not None else None
    return readable(title) if title else {"x": "across", "y": "down"}[letter]


def _said(texts: Any, more: Any, place: int) -> str:  # noqa: ANN401
    if texts is not None:
        return readable(str(texts[place]))
    entry = more[place] if _many(more) and place < len(more) else ""
    parts = [entry] if isinstance(entry, str) else entry if _many(entry) else []
    return " · ".join(readable(part) for part in parts if isinstance(part, str))


def _many(value: object) -> bool:
    return hasattr(value, "__len__") and not isinstance(value, str)


def _value(value: Any) -> object:  # noqa: ANN401
    plain = value.item() if hasattr(value, "item") else value
    return readable(plain) if isinstance(plain, str) else plain


def readable(text: str) -> str:
    """Return Plotly's little HTML as plain text."""
    return html.unescape(_TAG.sub("", text.replace("<br>", " · ")))
