"""What the person chooses: strategies, sizes, the question; all of it is in the link."""

from __future__ import annotations

from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from rag_core import CHUNKERS, Document, Span
from rag_core.chunk_lab.cutting import (
    DEFAULTS,
    SENTENCES,
    SIZES,
    UNITS,
    Choice,
    fitting,
    needs_model,
    overlaps,
)
from rag_core.chunk_lab.marks import find_mark, mark_text
from rag_core.chunkers.drift import METHODS
from ui.text import plain

PANELS = ("Text", "Numbers", "Question", "Survival", "Unseen", "Keep")
_BEGIN_WITH = ("recursive", "fixed", "sentence")
_LEAST, _MOST = 2, 6


def strategies() -> list[str]:
    """Ask for the strategies; return none while there are too few, or too many."""
    chosen = st.pills(
        "Strategies", list(CHUNKERS), selection_mode="multi", default=list(_BEGIN_WITH),
        key="strategies", bind="query-params", wrap=True,
        help="Two to six. The semantic strategy loads the embedding model.",
    )  # fmt: skip
    return [name for name in CHUNKERS if name in chosen] if _fits(len(chosen)) else []


def _fits(count: int) -> bool:
    return _LEAST <= count <= _MOST


def choices(names: list[str]) -> list[Choice]:
    """Ask how large chunks are to be: the same for all, or for each strategy by itself."""
    places = st.columns([6, 5, 5, 3], vertical_alignment="bottom")
    unit = places[0].segmented_control(
        "Size in", UNITS, default=UNITS[0], required=True, key="unit", bind="query-params"
    )
    own = places[3].toggle("Each its own", key="own", bind="query-params")
    if own:
        columns = st.columns(len(names))
        found = []
        for column, name in zip(columns, names, strict=True):
            with column:
                found.append(_own(name, unit or UNITS[0]))
    else:
        size, overlap = _equal(unit or UNITS[0], *places[1:3])
        found = [Choice(name, size, overlap, unit or UNITS[0]) for name in names]
    fitted = [fitting(choice) for choice in found]
    held = [c for c, f in zip(found, fitted, strict=True) if c != f and overlaps(c.strategy)]
    if held:
        st.caption(":material/info: An overlap is held at half of the size.")
    return fitted


def _equal(unit: str, left: DeltaGenerator, right: DeltaGenerator) -> tuple[int, int]:
    # The unit stands in the keys: a number of another unit must not be taken over.
    low, high, step = SIZES[unit]
    size, overlap = DEFAULTS[unit]
    wide = left.slider("Size", low, high, size, step, key=f"size-{unit}", bind="query-params")
    again = right.slider(
        "Overlap", 0, high // 4, overlap, max(1, step // 2),
        key=f"overlap-{unit}", bind="query-params",
        help="How much of a chunk's end is repeated in the next one. Paragraph and semantic "
        "chunks never overlap.",
    )  # fmt: skip
    return int(wide), int(again)


def _own(name: str, shared_unit: str) -> Choice:
    unit = SENTENCES if name == "sentence" else shared_unit
    low, high, step = SIZES[unit]
    size, overlap = DEFAULTS[unit]
    st.markdown(f"**{name}**")
    wide = st.number_input(
        f"Size in {unit}", low, high, size, step, key=f"size-{name}-{unit}", bind="query-params"
    )
    again = 0
    if overlaps(name):
        again = st.number_input(
            "Overlap", 0, high // 2, overlap, max(1, step // 2),
            key=f"overlap-{name}-{unit}", bind="query-params",
        )  # fmt: skip
    method = "percentile"
    if needs_model(name):
        method = st.selectbox("Method", list(METHODS), key="method", bind="query-params")
    return Choice(name, int(wide), int(again), unit, method)


def panel() -> str:
    """Ask which panel is open; only that one runs."""
    chosen = st.segmented_control(
        "Panel", PANELS, default=PANELS[0], required=True, key="panel", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    return chosen or PANELS[0]


def question_and_answer(
    document: Document, known: tuple[dict[str, Any], ...]
) -> tuple[str, Span | None]:
    """Ask for a question and the place of its answer; return both, the place if it was found."""
    place = st.container()
    if known:
        side, place = st.columns([4, 9], vertical_alignment="bottom")
        by_text = {entry["question"]: entry for entry in known}
        side.selectbox(
            "Known questions", list(by_text), index=None, key="known",
            placeholder="Choose one", on_change=_known_chosen, args=(by_text,),
            help="Questions to this sample whose answer is known: both fields are filled.",
        )  # fmt: skip
    with place, st.form("question_form", border=False):
        left, right, submit = st.columns([5, 4, 2], vertical_alignment="bottom")
        question = left.text_input("Question", key="question", bind="query-params")
        typed = right.text_input(
            "Answer in the text", key="gold", bind="query-params",
            placeholder="its words, or 120-180",
            help="Its words, or its offsets. You can also select it with the mouse in the Text "
            "panel.",
        )  # fmt: skip
        submit.form_submit_button("Ask", key="ask_all", type="primary", width="stretch")
    mark = find_mark(document, typed or "")
    if typed and mark is None:
        st.warning(
            f"“{plain(typed)}” does not stand in {plain(document.name)}.",
            icon=":material/search_off:",
        )
    return (question or "").strip(), mark


def _known_chosen(by_text: dict[str, dict[str, Any]]) -> None:
    entry = by_text.get(str(st.session_state.get("known")))
    if entry:
        span = entry["spans"][0]
        st.session_state["question"] = entry["question"]
        st.session_state["gold"] = f"{span['start']}-{span['end']}"


def set_mark(span: Span | None) -> None:
    """Mark another place as the answer, or none; for callbacks."""
    st.session_state["gold"] = mark_text(span) if span else ""


def open_chunking(choice: Choice) -> None:
    """Show all strategies at this choice's size, in the Text panel; for callbacks."""
    _set_size(choice.unit, choice.size, choice.overlap)
    st.session_state["panel"] = "Text"


def show_large() -> None:
    """Choose a size at which much goes past what the model reads; for callbacks."""
    unit = st.session_state.get("unit") or UNITS[0]
    _set_size(unit, SIZES[unit][1] // 2, 0)


def _set_size(unit: str, size: int, overlap: int) -> None:
    st.session_state["own"] = False
    st.session_state["unit"] = unit
    st.session_state[f"size-{unit}"] = size
    st.session_state[f"overlap-{unit}"] = overlap
