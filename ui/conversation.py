"""A conversation: questions, answers as they stream, citations that open their source."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from rag_core import Citation, RagError, SearchResult
from ui import services, state
from ui.document_view import answer_html, citation_label, marked_html, place_of, show_passage
from ui.errors import boundary, show
from ui.state import Turn
from ui.text import number, plain

_PERSON, _SCOPE = ":material/person:", ":material/troubleshoot:"


def show_turn(collection: str, place: int, turn: Turn) -> None:
    """Show one question with its answer, its citations and how it was found."""
    with st.chat_message("user", avatar=_PERSON):
        st.html(marked_html(turn.question))
    with st.chat_message("assistant", avatar=_SCOPE):
        if turn.answer is None:
            if turn.partial:
                st.html(marked_html(turn.partial))
            if turn.error:
                show(turn.error, turn.hint)
            else:
                st.caption("Stopped before the answer was whole.")
            st.button(
                "Ask again", key=f"retry-{place}", icon=":material/refresh:",
                on_click=state.ask_next, args=(turn.question,),
            )  # fmt: skip
            return
        st.html(answer_html(turn.answer.text, turn.answer.prompt.sources))
        if not turn.answer.found:
            st.caption("Ask in other words, or add documents that answer it.")
        with st.container(horizontal=True, gap="small"):
            for number_, citation in enumerate(turn.answer.citations):
                span = citation.span
                st.button(
                    citation_label(
                        citation, services.page_at(collection, span.document_id, span.start)
                    ), key=f"cite-{place}-{number_}",
                    icon=":material/menu_book:",
                    on_click=open_source, args=(collection, citation, f"{place}-{number_}"),
                )  # fmt: skip
        found = st.expander(
            f"How this answer was found · {turn.answer.result.seconds:.2f} s",
            key=f"how-{place}", on_change="rerun",
        )  # fmt: skip
        if found.open:
            with found:
                _stages(turn.answer.result)


def ask(collection: str, question: str) -> None:
    """Ask, show the answer as it comes, and keep the turn, whatever happens."""
    turns = state.turns(collection)
    turns.append(Turn(question))  # stays so if the page is changed or the answer stopped
    with st.chat_message("user", avatar=_PERSON):
        st.html(marked_html(question))
    with st.chat_message("assistant", avatar=_SCOPE):
        turns[-1] = _answered(collection, question, turns)


def _answered(collection: str, question: str, turns: list[Turn]) -> Turn:
    place, below = st.empty(), st.empty()
    text = ""
    try:
        with place, st.spinner(_waiting_for(collection), show_time=True):
            stream = services.pipeline(collection).stream(question)
            pieces = iter(stream)
            piece = next(pieces, None)
        # Any click ends this run; what has come by then stays in the conversation.
        below.button("Stop", key="stop", type="tertiary", icon=":material/stop_circle:")
        while piece is not None:
            text += piece
            turns[-1] = replace(turns[-1], partial=text)
            place.html(answer_html(text, stream.prompt.sources))
            piece = next(pieces, None)
        return Turn(question, stream.answer)
    except RagError as error:
        return Turn(question, error=error.message, hint=error.hint, partial=text)


def _waiting_for(collection: str) -> str:
    if services.warm_up(collection).ready.is_set():
        return "Searching and reading"
    return "Loading the model, once"


@st.dialog("Source", width="large", icon=":material/menu_book:")
def open_source(collection: str, citation: Citation, key: str) -> None:
    """Show a citation's source: its document, its page, the cited place marked."""
    with boundary():
        document = services.pipeline(collection).document(citation.span.document_id)
        chunk = citation.hit.chunk.index + 1
        st.markdown(
            f"**\\[{citation.number}\\] {plain(document.name)}** · "
            f"{place_of(document, citation.span)} · chunk {chunk:,}"
        )
        show_passage(document, citation.span, key=f"source-{key}")


def _stages(result: SearchResult) -> None:
    for stage in result.stages:
        hits = f" · {number(len(stage.hits), 'hit')}" if stage.hits else ""
        st.markdown(f"**{stage.name}** · {stage.seconds * 1000:,.0f} ms{hits}")
        for hit in stage.hits[:3]:
            name = plain(str(hit.chunk.metadata.get("name", "")), limit=40)
            start = plain(hit.chunk.text, limit=90)
            st.caption(f"{hit.rank}\\. {name} · {hit.score:.3f} · {start}")


def suggestions(collection: str) -> list[str]:
    """Return questions that the sample documents in this collection answer; none without them."""
    names = {info.name for info in services.pipeline(collection).documents()}
    fitting = [
        str(entry["question"])
        for entry in services.sample_questions()
        if entry["kind"] in ("fact", "code") and entry["document"] in names
    ]
    return fitting[:: max(1, len(fitting) // 4)][:4]
