"""Asking: the answer as it streams, what is kept of it, and whatever goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import streamlit as st

from rag_core import RagError
from rag_core.answers import AnswerStream
from rag_core.datatypes import Message
from rag_core.generators.prices import price_usd
from rag_core.making import Making
from rag_core.turns import NewTurn
from rag_core.waiting import watched
from ui import services
from ui.chat import checking, model_settings, talk
from ui.chat.talk import Shown, Talk
from ui.document_view import PRESSED, answer_html, marked_html, place_label

PERSON, SCOPE = ":material/person:", ":material/troubleshoot:"
_EXCERPT = 220  # characters of a source that is shown while its answer comes


def ask(open_: Talk, question: str) -> None:
    """Ask, show the answer as it comes, and keep the turn, whatever happens."""
    history = open_.history()
    shown = talk.ask(open_, question)
    with st.chat_message("user", avatar=PERSON):
        st.html(marked_html(question))
    with st.chat_message("assistant", avatar=SCOPE):
        try:
            _answer(open_, shown, history)
        finally:  # a click anywhere ends this run: what has come by then is kept
            talk.keep(open_, shown)


def _answer(open_: Talk, shown: Shown, history: tuple[Message, ...]) -> None:
    place, below = st.empty(), st.container()
    question, stream = shown.said.question, None
    below.button("Stop", key="stop", type="tertiary", icon=":material/stop_circle:")
    pulse = below.empty()  # drawing is what lets a click end this run, also while nothing comes
    try:
        with place, st.spinner(_waiting_for(open_.collection), show_time=True):
            pipeline = services.pipeline(open_.collection)
            writer = model_settings.generator() or pipeline.generator

            def coming() -> Iterator[AnswerStream | str]:
                stream = pipeline.stream(question, history=history, generator=writer)
                yield stream
                yield from stream

            coming_in = watched(coming(), pulse.empty)
            stream = cast(AnswerStream, next(coming_in))
            shown.note = stream.note
            with below:
                _sources(stream)
            pieces = cast(Iterator[str], coming_in)
            piece = next(pieces, None)
        text = ""
        while piece is not None:
            text += piece
            shown.said = replace(shown.said, text=text, standalone=stream.standalone)
            place.html(answer_html(text, stream.prompt.sources, link="source"))
            piece = next(pieces, None)
        answer = stream.answer
        shown.sources = answer.prompt.sources
        price = price_usd(writer, answer.prompt.tokens, answer.tokens)
        shown.said = NewTurn.of(question, answer, price=price)
        talk.keep(open_, shown)
        checking.check(open_.collection, shown)
    except RagError as error:
        shown.said = replace(shown.said, error=error.message)
        shown.hint = error.hint
    finally:
        if stream and not shown.said.making:  # stopped or broken off: how far it came is kept, too
            made = stream.so_far
            price = price_usd(writer, made.prompt.tokens, made.tokens)
            shown.said = replace(shown.said, making=Making.of(made, price=price))


def _sources(stream: AnswerStream) -> None:
    """Show what the answer may cite, so that its numbers lead somewhere while it comes."""
    for number, hit in enumerate(stream.prompt.sources, start=1):
        title = f"[{number}] {hit.chunk.metadata.get('name', '')}"
        text = hit.chunk.text
        shown = text if len(text) <= _EXCERPT else text[:_EXCERPT] + "…"
        st.html(place_label(f"source-{number}", title, shown))
    st.html(PRESSED, unsafe_allow_javascript=True)  # ours and constant


def _waiting_for(collection: str) -> str:
    if services.warm_up(collection).ready.is_set():
        return "Searching and reading"
    return "Loading the model, once"
