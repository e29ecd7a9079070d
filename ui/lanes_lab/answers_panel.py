"""The answers, side by side, as far as they have come."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from rag_core.two_lanes import LaneReport
from ui.document_view import answer_html, citation_label
from ui.errors import show as show_error


def title(place: int, blind: bool) -> str:
    """Return what the lane on this place is called, with its name hidden or not."""
    return "AB"[place] if blind else f"Lane {place + 1}"


def show(reports: Sequence[LaneReport], blind: bool, names: tuple[str, str] | None = None) -> None:
    """Draw two columns; a lane that is not begun waits in its own. `names` say which is which."""
    for place, column in enumerate(st.columns(2)):
        with column.container(border=True, key=f"answer-{place}"):
            st.subheader(title(place, blind), anchor=False)
            if names is not None:
                st.caption(names[place])
            if place < len(reports):
                _report(reports[place])
            else:
                st.caption("Waits for its turn.")


def _report(report: LaneReport) -> None:
    if report.text:
        st.html(answer_html(report.text, report.sources))
    elif not report.error:
        st.caption("Working.")
    if report.error:
        show_error(report.error, report.hint)
    if report.answer is None:
        return
    for citation in {one.number: one for one in report.answer.citations}.values():
        page = citation.hit.chunk.metadata.get("page")
        st.caption(citation_label(citation, page if isinstance(page, int) else None))
