"""What is chosen for all panels, and which panel is open."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ui.similarity_lab.view import View, numbered

PANELS = ("Matrix", "Pairs", "Metrics", "Predict", "Tokens", "Models", "Map", "Keep")


def panel() -> str:
    """Ask which panel is open; only that one runs."""
    chosen = st.segmented_control(
        "Panel", PANELS, default=PANELS[0], required=True, key="panel", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    return chosen or PANELS[0]


def two_texts(view: View) -> tuple[int, int]:
    """Ask for two texts and return their places; the link carries their numbers."""
    left, right = st.columns(2)
    with left:
        first = text("First text", view.texts, "first", 0)
    with right:
        second = text("Second text", view.texts, "second", 1)
    return first, second


def text(label: str, texts: Sequence[str], key: str, default: int) -> int:
    """Ask for one text and return its place.

    Not bound: Streamlit would put the text into the link, where its number says it all.
    """
    numbers = [str(place + 1) for place in range(len(texts))]
    usual = numbers[min(default, len(numbers) - 1)]
    if st.session_state.get(key) not in numbers:  # the first time, or other texts than before
        linked = st.query_params.get(key)
        st.session_state[key] = linked if linked in numbers else usual
    chosen = st.selectbox(label, numbers, key=key, format_func=lambda number: _shown(texts, number))
    place = int(chosen or usual) - 1
    if chosen == usual:
        st.query_params.pop(key, None)
    else:
        st.query_params[key] = str(chosen)
    return place


def _shown(texts: Sequence[str], number: str) -> str:
    place = int(number) - 1 if number.isdigit() else -1
    return numbered(place, texts[place]) if 0 <= place < len(texts) else number


def open_pair(first: int, second: int, panel: str) -> None:
    """Show two texts in a panel; for callbacks."""
    st.session_state["first"] = str(first + 1)
    st.session_state["second"] = str(second + 1)
    st.session_state["panel"] = panel
