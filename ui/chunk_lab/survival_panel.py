"""The Survival panel: does the answer survive, at which size and overlap, and who finds it?"""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from rag_core.chunk_lab.cutting import Choice, overlaps
from rag_core.chunk_lab.marks import holds_token
from rag_core.chunk_lab.survival import OUTCOMES, Cell, cell, grid, with_rank
from ui.chunk_lab import controls, work
from ui.chunk_lab.view import View
from ui.figure import draw

_COLOURS = {"whole": "#1f7a5c", "drowned": "#3f6f9f", "beyond": "#9a6700", "cut": "#b3363e",
            "missing": "#5f6770"}  # fmt: skip
_WHITE = "#ffffff"  # on each of these colours it stands out at 4.5 to 1 or more
_KEY = "survival"


def show(view: View) -> None:
    """Draw the sweep, or say what it needs."""
    if view.mark is None or not holds_token(view.mark, view.tokens):
        st.info(
            "Mark an answer first: choose a known question, type the answer above, or select it "
            "in the Text panel.", icon=":material/ink_highlighter:",
        )  # fmt: skip
        return
    first = view.choices[0]
    unit = first.unit if first.unit != "sentences" else "characters"
    size = first.size if first.unit != "sentences" else 900
    swept = grid([choice.strategy for choice in view.choices], size, unit)
    columns = [work.column(view.collection, view.document, choice) for choice in swept]
    cells = [
        cell(choice, column.chunks, view.mark, view.tokens)
        for choice, column in zip(swept, columns, strict=True)
    ]
    if _wants_ranks(view, [chunk.text for column in columns for chunk in column.chunks]):
        hits = work.rank(view.collection, view.question, [column.chunks for column in columns])
        cells = [with_rank(one, found) for one, found in zip(cells, hits, strict=True)]
    draw(
        heatmap(cells, unit), key=_KEY, on_select=lambda: _open(swept), selection_mode="points",
        config={"displayModeBar": False}, alt=described(cells),
    )  # fmt: skip
    st.caption(
        " · ".join(f"**{name}**: {means}" for name, means in OUTCOMES.items())
        + ". A click on a cell opens that chunking."
    )


def _wants_ranks(view: View, texts: Sequence[str]) -> bool:
    if not view.question:
        st.caption("With a question, each cell also tells at which rank it finds the answer.")
        return False
    new = len(work.shared_vectors(view.collection).missing(texts))
    wanted = st.toggle(
        "Show at which rank the question finds it", key="ranks", bind="query-params",
        help="Embeds every chunk of the sweep once; it may take a minute.",
    )  # fmt: skip
    if new and not wanted:
        st.caption(f"{new:,} chunks of the sweep have not been embedded yet.")
    return wanted


def _open(swept: Sequence[Choice]) -> None:
    points = st.session_state[_KEY].selection.points
    number = points[0].get("customdata") if points else None
    if isinstance(number, list):
        number = number[0] if number else None
    if isinstance(number, int) and number < len(swept):
        controls.open_chunking(swept[number])


def heatmap(cells: Sequence[Cell], unit: str) -> go.Figure:
    """Return strategy and overlap down, size across; a cell says its outcome and its rank."""
    rows = list(dict.fromkeys(_row(one) for one in cells))
    names = list(OUTCOMES)
    figure = go.Figure()
    steps = [
        (edge / len(names), colour)
        for index, colour in enumerate(_COLOURS.values())
        for edge in (index, index + 1)
    ]
    sizes = [f"{one.choice.size:,}" for one in cells]
    across, down = sizes, [_row(one) for one in cells]
    tiles = go.Heatmap(
        x=across, y=down, z=[names.index(one.outcome) + 0.5 for one in cells], zmin=0,
        zmax=len(names), colorscale=steps, showscale=False, xgap=3, ygap=3, hoverinfo="skip",
    )  # fmt: skip
    # A heatmap cannot be selected in Streamlit; unseen markers with the text in each cell can.
    white = {"marker": {"opacity": 0}, "textfont": {"color": _WHITE}}
    labels = go.Scatter(
        x=across, y=down, mode="markers+text", text=[_label(one) for one in cells],
        customdata=list(range(len(cells))), textfont={"color": _WHITE, "size": 13},
        marker={"size": 30, "opacity": 0, "symbol": "square"}, selected=white, unselected=white,
        hovertext=[_hover(one) for one in cells], hoverinfo="text", showlegend=False,
    )  # fmt: skip
    figure.add_traces([tiles, labels])
    figure.update_xaxes(
        title_text=f"size in {unit}", type="category", showgrid=False,
        categoryorder="array", categoryarray=list(dict.fromkeys(sizes)),
        range=[-0.5, len(set(sizes)) - 0.5],
    )  # fmt: skip
    figure.update_yaxes(
        type="category",
        categoryorder="array",
        categoryarray=rows[::-1],
        showgrid=False,
        range=[-0.5, len(rows) - 0.5],
    )
    figure.update_layout(
        height=90 + 36 * len(rows), margin={"t": 10, "b": 50, "l": 10, "r": 10}, dragmode=False
    )
    return figure


def described(cells: Sequence[Cell]) -> str:
    """Return the heatmap in words, for those who do not see it."""
    kept = sum(one.outcome in ("whole", "drowned") for one in cells)
    return (
        f"Heatmap of {len(cells)} chunkings by strategy, overlap and size; "
        f"{kept} keep the answer in one chunk that the model reads"
    )


def _row(one: Cell) -> str:
    if not overlaps(one.choice.strategy):
        return one.choice.strategy
    share = round(100 * one.choice.overlap / one.choice.size)
    # Whole numbers of overlap make 14 % of a wished 15 %: the nearest step is what is meant.
    step = min((0, 15, 30), key=lambda wished: abs(wished - share))
    return f"{one.choice.strategy} {step} %"


def _label(one: Cell) -> str:
    return one.outcome if one.rank is None else f"{one.outcome} #{one.rank}"


def _hover(one: Cell) -> str:
    found = "" if one.rank is None else f"<br>found at rank {one.rank}"
    return f"{one.choice}<br>{OUTCOMES[one.outcome]}{found}"
