"""The Pairs panel: which texts are close, which only share words, and which surprise."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from rag_core.similarity_lab.pairs import Pair, beyond_words, only_words
from ui.chunk_lab.tables import chart_colours
from ui.figure import draw
from ui.similarity_lab import controls, work
from ui.similarity_lab.charts import FONT
from ui.similarity_lab.view import View
from ui.text import plain

_LISTED = 5
_DRAWN = 5_000  # points; 200 texts have 19,900 pairs
_KEY = "pairs_chart"


def show(view: View) -> None:
    """Draw meaning against words, and list the pairs at the ends."""
    pairs = work.pairs(view.texts, view.matrix, view.model)
    beyond, words = beyond_words(pairs, _LISTED), only_words(pairs, _LISTED)
    left, right = st.columns([5, 3])
    with left:
        draw(
            scatter(view, pairs, beyond, words), key=_KEY, on_select="rerun",
            selection_mode="points",
            alt=f"{len(pairs)} pairs by share of common words and cosine of their vectors",
        )  # fmt: skip
    with right:
        _picked(view, pairs)
    lists = (
        ("Strongest", pairs[:_LISTED]),
        ("Weakest", pairs[::-1][:_LISTED]),
        ("Close in meaning, not in words", beyond),
        ("Close in words, not in meaning", words),
    )
    for row in (lists[:2], lists[2:]):
        for column, (title, some) in zip(st.columns(2), row, strict=True):
            with column:
                _list(view, title, some)


def scatter(
    view: View, pairs: Sequence[Pair], beyond: Sequence[Pair], words: Sequence[Pair]
) -> go.Figure:
    """Return every pair as a point, the surprising ones in colours of their own."""
    colours = chart_colours()
    step = max(1, len(pairs) // _DRAWN)
    special = [*beyond, *words]
    reach = max([0.1, *(pair.overlap for pair in pairs)])
    plain = [pair for pair in pairs[::step] if pair not in special]
    figure = go.Figure()
    for name, some, colour, size in (
        ("pairs", plain, colours[0], 8),
        ("beyond words", beyond, colours[1], 13),
        ("only words", words, colours[3], 13),
    ):
        figure.add_trace(
            go.Scattergl(
                x=[pair.overlap for pair in some],
                y=[pair.similarity for pair in some],
                mode="markers",
                name=name,
                marker={"color": colour, "size": size},
                customdata=[(pair.first, pair.second) for pair in some],
                hovertext=[f"{view.hover(p.first)}<br>{view.hover(p.second)}" for p in some],
                hovertemplate="%{hovertext}<br><b>cosine %{y:.3f}, words %{x:.2f}</b>"
                "<extra></extra>",
            )
        )
    figure.update_xaxes(title_text="words in common", range=[-0.03 * reach, 1.08 * reach])
    figure.update_yaxes(title_text="cosine")
    figure.update_layout(
        height=430, font=FONT, margin={"t": 10, "b": 50, "l": 50, "r": 10},
        legend={"orientation": "h", "y": 1.08, "x": 0},
    )  # fmt: skip
    return figure


def _picked(view: View, pairs: Sequence[Pair]) -> None:
    chart = st.session_state.get(_KEY)
    points = chart.selection.points if chart else []
    place = points[0].get("customdata") if points else None
    if not isinstance(place, list) or max(place[:2]) >= len(view.texts):
        st.caption(
            "Across: the share of words two texts have in common, stemmed and without function "
            "words. Up: what the model says. A click on a point shows its pair here."
        )
        return
    first, second = int(place[0]), int(place[1])
    pair = next((p for p in pairs if (p.first, p.second) == (first, second)), None)
    if pair is None:
        return
    with st.container(border=True, key="picked_pair"):
        st.markdown(f"**Cosine {pair.similarity:.3f}, words {pair.overlap:.2f}**")
        st.text(view.texts[first])
        st.text(view.texts[second])
        st.button(
            "Token by token", key="open_tokens", icon=":material/grid_on:",
            on_click=controls.open_pair, args=(first, second, "Tokens"),
        )  # fmt: skip


def _list(view: View, title: str, pairs: Sequence[Pair]) -> None:
    st.subheader(title, anchor=False)
    if not pairs:
        st.caption("None among these texts.")
        return
    st.markdown("\n".join(f"- {_said(view, pair)}" for pair in pairs))


def _said(view: View, pair: Pair) -> str:
    first, second = (
        f"{place + 1} {plain(view.texts[place], limit=90)}" for place in (pair.first, pair.second)
    )
    numbers = f"**{pair.similarity:.3f}** :small[words {pair.overlap:.2f}]"
    return f"{numbers}  \n  {first}  \n  {second}"
