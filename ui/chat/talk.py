"""The conversation this session has open: what is on the disk of it, and what only runs know.

An editor's conversations are kept on the disk, every question before its answer. A viewer changes
nothing, so a viewer's lives in the session.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import streamlit as st

from rag_core import SearchHit
from rag_core.conversations import Conversations
from rag_core.datatypes import Message
from rag_core.errors import UnknownConversationError
from rag_core.referee import Review
from rag_core.transcripts import write_feedback
from rag_core.turns import Conversation, NewTurn, Turn
from ui import access, services

_PARAM = "c"
_HISTORY = 3  # turns that a follow-up is understood by


@dataclass(slots=True)
class Shown:
    """A turn as the page shows it; from `sources` on it lasts for the session.

    `sources` are those of the prompt, None for a kept turn; the rest of an `Answer` is not held
    on to: its search alone is some hundred chunks.
    """

    said: NewTurn
    id: int = 0
    thumb: int = 0
    comment: str = ""
    sources: Sequence[SearchHit] | None = None
    review: Review | None = None
    note: str = ""
    hint: str = ""

    @property
    def whole(self) -> bool:
        """Whether an answer came, to its end."""
        return bool(self.said.model) and not self.said.error


@dataclass(slots=True)
class Talk:
    """A conversation about a collection; without an id it is on no disk, or has not begun."""

    collection: str
    id: str = ""
    title: str = ""
    turns: list[Shown] = field(default_factory=list)

    def history(self) -> tuple[Message, ...]:
        """Return the last turns that have a text, as messages."""
        with_text = [shown.said for shown in self.turns if shown.said.text][-_HISTORY:]
        return tuple(
            message
            for said in with_text
            for message in (Message("user", said.question), Message("assistant", said.text))
        )


def current(collection: str) -> Talk:
    """Return the open conversation: the link's, else the session's, else a new one."""
    talks: dict[str, Talk] = st.session_state.setdefault("talks", {})
    talk = talks.setdefault(collection, Talk(collection))
    asked = str(st.query_params.get(_PARAM, ""))
    if asked and asked != talk.id and not talk.turns:
        talk = talks[collection] = _opened(collection, asked)
    if talk.id:
        st.query_params[_PARAM] = talk.id
    elif asked:
        st.query_params.pop(_PARAM, None)
    return talk


def open_(collection: str, id_: str) -> None:
    """Open a kept conversation; for callbacks."""
    st.session_state.setdefault("talks", {})[collection] = _opened(collection, id_)
    st.query_params[_PARAM] = id_
    close_source()


def new(collection: str) -> None:
    """Begin anew; what was kept stays kept. For callbacks."""
    st.session_state.setdefault("talks", {})[collection] = Talk(collection)
    st.query_params.pop(_PARAM, None)
    st.query_params.pop("q", None)
    close_source()


def ask(talk: Talk, question: str) -> Shown:
    """Put a question at the end of a conversation, on the disk first."""
    shown = Shown(NewTurn(question, ""))
    if access.may_edit():
        kept = store(talk.collection)
        if not talk.id:
            talk.id = kept.start(talk.collection)
        try:
            shown.id = kept.add(talk.id, shown.said).id
        except UnknownConversationError:  # deleted in another tab: what is on this page goes on
            talk.id = kept.start(talk.collection, talk.title)
            shown.id = kept.add(talk.id, shown.said).id
        talk.title = talk.title or question
    talk.turns.append(shown)
    return shown


def keep(talk: Talk, shown: Shown) -> None:
    """Put on the disk what has come of a question; nothing where nothing is kept."""
    if shown.id and access.may_edit():
        try:
            store(talk.collection).complete(shown.id, shown.said)
        except UnknownConversationError:
            shown.id = 0  # deleted in another tab


def forget_from(collection: str, place: int) -> None:
    """Forget a turn and all after it; for callbacks."""
    talk = current(collection)
    gone = talk.turns[place:]
    del talk.turns[place:]
    close_source()
    if gone and gone[0].id and talk.id and access.may_edit():
        store(collection).forget_from(talk.id, gone[0].id)


def rate(collection: str, shown: Shown, thumb: int, comment: str) -> None:
    """Keep a thumb and a note, also in the file that the evaluation reads."""
    kept = store(collection)
    kept.rate(shown.id, thumb, comment)
    shown.thumb, shown.comment = thumb, comment
    write_feedback(kept, services.pipeline(collection).home.path)


def store(collection: str) -> Conversations:
    """Return the conversations of the collection's data folder."""
    return services.conversations(services.pipeline(collection).home.path)


def listed(collection: str, search: str) -> list[Conversation]:
    """Return the kept conversations about a collection that hold a text."""
    return list(store(collection).list(collection, search=search))


def close_source() -> None:
    """Close the source beside the answer; for callbacks."""
    st.session_state.pop("open_source", None)


def open_source(turn: int, citation: int) -> None:
    """Open a citation's source beside the answer; for callbacks."""
    st.session_state["open_source"] = (turn, citation)


def opened_source() -> tuple[int, int] | None:
    """Return which citation of which turn is open."""
    found: tuple[int, int] | None = st.session_state.get("open_source")
    return found


def _opened(collection: str, id_: str) -> Talk:
    kept = store(collection)
    try:
        found = kept.conversation(id_)
    except UnknownConversationError:
        return Talk(collection)
    if found.collection != collection:
        return Talk(collection)
    return Talk(collection, id_, found.title, [_shown(turn) for turn in kept.turns(id_)])


def _shown(turn: Turn) -> Shown:
    return Shown(turn.said, turn.id, turn.thumb, turn.note)
