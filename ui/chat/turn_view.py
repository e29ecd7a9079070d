"""One turn: the question, the checked answer, its citations, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ui import access, services, state
from ui.chat import checking, glass_box, talk
from ui.chat.answer_text import answer_text
from ui.chat.asking import PERSON, SCOPE
from ui.chat.marks import checked_html, legend
from ui.chat.talk import Shown, Talk
from ui.document_view import answer_html, marked_html
from ui.errors import boundary
from ui.errors import show as show_error
from ui.text import plain


def show(open_: Talk, place: int) -> None:
    """Draw a turn of the conversation."""
    shown = open_.turns[place]
    with st.chat_message("user", avatar=PERSON):
        st.html(marked_html(shown.said.question))
    with st.chat_message("assistant", avatar=SCOPE):
        if not shown.whole:
            _broken(open_, place)
            return
        if shown.said.standalone and shown.said.standalone != shown.said.question:
            asked = plain(shown.said.standalone, limit=300)
            st.caption(f":material/subdirectory_arrow_right: Asked as: {asked}")
        if shown.note:
            st.caption(plain(shown.note, limit=300))
        _text(open_, place)
        if not shown.said.found:
            st.caption("Ask in other words, or add documents that answer it.")
        _citations(open_, place)
        _tools(open_, place)
        if shown.said.making is not None:
            glass_box.show(shown.said.making, shown.said.model, place)
        else:
            st.caption(f"Answered by {plain(shown.said.model)} in {shown.said.seconds:.2f} s.")


def _broken(open_: Talk, place: int) -> None:
    shown = open_.turns[place]
    if shown.said.text:
        st.html(marked_html(shown.said.text))
    if shown.said.error:
        show_error(shown.said.error, shown.hint)
    else:
        st.caption("Stopped before the answer was whole.")
    with st.container(horizontal=True):
        st.button(
            "Ask again", key=f"retry-{place}", icon=":material/refresh:",
            on_click=_again, args=(open_.collection, place, shown.said.question),
        )  # fmt: skip
        _edit(open_, place)
    if shown.said.making is not None:
        glass_box.show(shown.said.making, "", place)


def _text(open_: Talk, place: int) -> None:
    shown = open_.turns[place]
    text, sources = shown.said.text, checking.sources(shown)
    if shown.review is None and shown.sources is None:
        checking.check_again(open_.collection, shown)
    if shown.review is None:
        st.html(answer_html(text, sources))
        return
    answer_text(
        checked_html(text, sources, shown.review),
        key=f"answer-{place}", on_cite=_opener(shown, place),
    )  # fmt: skip
    st.caption(
        legend(shown.review),
        help="Each sentence is held against the sources it cites, by its words, its numbers and "
        "its meaning; no model is asked. It finds what has no ground in the sources, not every "
        "wrong conclusion.",
    )


def _opener(shown: Shown, place: int) -> Callable[[int], None]:
    """Return what a click on a number does: open the first place that the number cites."""

    def opened(number: int) -> None:
        for at, citation in enumerate(shown.said.citations):
            if citation.number == number:
                talk.open_source(place, at)
                return

    return opened


def _citations(open_: Talk, place: int) -> None:
    shown = open_.turns[place]
    with st.container(horizontal=True, gap="small"):
        for at, cited in enumerate(shown.said.citations):
            page = services.page_at(open_.collection, cited.document_id, cited.start)
            label = f"\\[{cited.number}\\] {plain(cited.document, limit=40)}"
            st.button(
                label + (f" · p. {page}" if page else ""), key=f"cite-{place}-{at}",
                icon=":material/menu_book:", on_click=talk.open_source, args=(place, at),
            )  # fmt: skip


def _tools(open_: Talk, place: int) -> None:
    shown = open_.turns[place]
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Ask again", key=f"again-{place}", type="tertiary", icon=":material/refresh:",
            on_click=_again, args=(open_.collection, place, shown.said.question),
            help="A new answer in the place of this one; what came after it is forgotten.",
        )  # fmt: skip
        _edit(open_, place)
        if shown.id and access.may_edit():
            _thumbs(open_.collection, shown, place)


def _edit(open_: Talk, place: int) -> None:
    with st.popover("Edit", icon=":material/edit:", type="tertiary", key=f"edit-{place}"):
        st.text_area(
            "Question", open_.turns[place].said.question, key=f"edited-{place}", max_chars=2000
        )
        st.caption("What came after it is forgotten.")
        st.button(
            "Send", key=f"send-{place}", type="primary", icon=":material/send:",
            on_click=_send, args=(open_.collection, place),
        )  # fmt: skip


def _thumbs(collection: str, shown: Shown, place: int) -> None:
    name = {1: "Good", -1: "Bad"}.get(shown.thumb, "Rate")
    icon = {1: ":material/thumb_up:", -1: ":material/thumb_down:"}.get(
        shown.thumb, ":material/thumbs_up_down:"
    )
    with st.popover(name, icon=icon, type="tertiary", key=f"rate-{place}"):
        st.text_input("Note", shown.comment, key=f"note-{place}", max_chars=500)
        with st.container(horizontal=True):
            for label, thumb, sign in (
                ("Good answer", 1, ":material/thumb_up:"),
                ("Bad answer", -1, ":material/thumb_down:"),
                ("Take back", 0, ":material/undo:"),
            ):
                st.button(
                    label, key=f"thumb-{thumb}-{place}", icon=sign, on_click=_rate,
                    args=(collection, shown, thumb, place),
                )  # fmt: skip
        st.caption("Kept in feedback.jsonl, from which Evaluation makes questions.")


def _again(collection: str, place: int, question: str) -> None:
    with boundary():
        talk.forget_from(collection, place)
        state.ask_next(question)


def _send(collection: str, place: int) -> None:
    question = str(st.session_state.get(f"edited-{place}", "")).strip()
    if question:
        _again(collection, place, question)


def _rate(collection: str, shown: Shown, thumb: int, place: int) -> None:
    with boundary():
        talk.rate(collection, shown, thumb, str(st.session_state.get(f"note-{place}", "")))
        st.toast("Kept.", icon=":material/thumbs_up_down:")
