"""The Text panel: the columns, and below them what became of the picked chunk's place."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from rag_core import Span
from rag_core.chunk_lab.marks import holds_token
from rag_core.chunk_report import judge
from ui.chunk_lab import controls
from ui.chunk_lab.places import MAX_SHOWN, Utf16, note, payload, shown
from ui.chunk_lab.tables import share_column
from ui.chunk_lab.text_map import text_map
from ui.chunk_lab.view import View


def show(view: View) -> None:
    """Draw the text map and what was picked in it."""
    reveal = view.mark.start if view.mark else None
    picked = text_map(
        payload(view.document, view.columns, mark=view.mark, reveal=reveal),
        key="map",
        on_mark=marker(view),
    )
    st.caption(
        "Each chunk has its tint and its number; hatched text stands in two chunks; a line marks "
        "where a chunk begins; struck out is what the model never reads."
    )
    if len(view.document.text) > MAX_SHOWN:
        st.caption(f"Drawn are the first {MAX_SHOWN:,} characters; the numbers count all.")
    if picked and picked[0] < len(view.columns):
        column = view.columns[picked[0]]
        if picked[1] < len(column.chunks):
            _same_place(view, *picked)


def marker(view: View) -> Callable[[tuple[int, int] | None], None]:
    """Return what to do when a place is marked in the browser's own offsets."""
    units = Utf16(shown(view.document.text))

    def mark(place: tuple[int, int] | None) -> None:
        span = place and Span(view.document.id, units.back(place[0]), units.back(place[1]))
        controls.set_mark(span or None)

    return mark


def _same_place(view: View, number: int, index: int) -> None:
    chunk = view.columns[number].chunks[index]
    st.markdown(f"**Where chunk {index + 1} of {view.columns[number].title} went**")
    if not holds_token(chunk.span, view.tokens):
        st.caption("No token of the model stands in it.")
        return
    rows = []
    for column in view.columns:
        verdict = judge(column.chunks, chunk.span, view.tokens)
        if verdict.chunk is None:
            continue
        found = column.chunks[verdict.chunk]
        rows.append(
            {
                "Strategy": column.title,
                "Best chunk": verdict.chunk + 1,
                "Characters": found.end - found.start,
                "Tokens": column.report.counts[verdict.chunk],
                "Holds of it": verdict.recall,
                "Of that chunk": verdict.precision,
                "Metadata": note(view.document, found),
            }
        )
    st.dataframe(
        rows, hide_index=True, key="same_place",
        column_config={
            "Holds of it": share_column(),
            "Of that chunk": share_column(),
        },
        alt="The picked chunk's place in the chunks of every strategy",
    )  # fmt: skip
