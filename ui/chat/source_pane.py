"""The source beside the answer: the document at the cited place, and a PDF's page as it looks."""

from __future__ import annotations

import streamlit as st

from rag_core import Document, Span
from rag_core.errors import RagError, UnknownDocumentError
from rag_core.page_image import page_image
from rag_core.turns import CitedPlace
from ui import services
from ui.chat import talk
from ui.chat.talk import Talk
from ui.document_view import marked_html, place_of, show_passage
from ui.errors import show as show_error
from ui.text import plain


def cited(open_: Talk) -> tuple[int, int] | None:
    """Return the open citation as (turn, citation); None if none is, or it is there no more."""
    at = talk.opened_source()
    if at is None or at[0] >= len(open_.turns):
        return None
    return at if at[1] < len(open_.turns[at[0]].said.citations) else None


def show(open_: Talk, turn: int, number: int) -> None:
    """Draw the source of a citation, with the ways to the one before and after."""
    places = open_.turns[turn].said.citations
    place = places[number]
    with st.container(border=True, key="source"):
        _steps(turn, number, len(places))
        span = Span(place.document_id, place.start, place.end)
        try:
            document = services.pipeline(open_.collection).document(place.document_id)
        except UnknownDocumentError:
            _gone(place)
            return
        st.markdown(f"**\\[{place.number}\\] {plain(document.name)}**")
        st.caption(place_of(document, span))
        page = document.page_at(span.start)
        if page and document.name.lower().endswith(".pdf"):
            looks = st.segmented_control(
                "Show", ("Text", "Page"), default="Text", required=True, key="source_looks",
                label_visibility="collapsed",
            )  # fmt: skip
            if looks == "Page":
                _page(open_.collection, document, page, document.text[span.start : span.end])
                return
        show_passage(document, span, key=f"source-{turn}-{number}")


def _steps(turn: int, number: int, count: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Previous", key="source_previous", icon=":material/chevron_left:",
            disabled=number == 0, on_click=talk.open_source, args=(turn, number - 1),
        )  # fmt: skip
        st.button(
            "Next", key="source_next", icon=":material/chevron_right:",
            disabled=number == count - 1, on_click=talk.open_source, args=(turn, number + 1),
        )  # fmt: skip
        st.caption(f"{number + 1} of {count}", width="content")
        st.space("stretch")
        st.button(
            "Close", key="source_close", icon=":material/close:", type="tertiary",
            on_click=talk.close_source,
        )  # fmt: skip


def _gone(place: CitedPlace) -> None:
    st.markdown(f"**\\[{place.number}\\] {plain(place.document)}**")
    st.caption("This document is not in the collection any more. What was cited of it:")
    st.html(marked_html(place.text))


def _page(collection: str, document: Document, page: int, text: str) -> None:
    try:
        with st.spinner("Drawing the page"):
            picture = _drawn(collection, document.id, page, text)
    except RagError as error:
        show_error(error.message, error.hint)
        return
    st.image(
        picture, caption=f"Page {page}, as it looks", width="stretch",
        alt=f"Page {page} as a picture; its text stands beside it",
    )  # fmt: skip


@st.cache_data(show_spinner=False, max_entries=32)
def _drawn(collection: str, document_id: str, page: int, text: str) -> bytes:
    return page_image(services.pipeline(collection).original(document_id), page, text)
