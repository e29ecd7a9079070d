"""What one session remembers: its collection, and its conversation in each collection."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from rag_core import Answer
from rag_core.pipeline import DEFAULT_COLLECTION


@dataclass(frozen=True, slots=True)
class Turn:
    """A question with its answer.

    Without one, `error` and `hint` say why, and `partial` is what came of it; with no error either,
    it is still being answered, or was stopped.
    """

    question: str
    answer: Answer | None = None
    error: str = ""
    hint: str = ""
    partial: str = ""


def collection() -> str:
    """Return the collection this session looks at."""
    return str(st.session_state.get("collection") or DEFAULT_COLLECTION)


def choose_collection(name: str) -> None:
    """Look at another collection from the next run on, a new one as well; for callbacks."""
    st.session_state["collection"] = name
    st.session_state["new_collection"] = ""
    st.session_state["new_collection_open"] = False


def new_collection() -> str:
    """Return the name that was typed for a new collection; for callbacks."""
    return str(st.session_state.get("new_collection", "")).strip()


def turns(collection: str) -> list[Turn]:
    """Return the conversation about a collection, oldest first."""
    kept = st.session_state.setdefault("turns", {})
    found: list[Turn] = kept.setdefault(collection, [])
    return found


def ask_next(question: str) -> None:
    """Ask a question in the next run; for callbacks."""
    st.session_state["pending_question"] = question


def pending_question() -> str | None:
    """Return the question to ask now, once: a suggestion, a retry, or one from the link."""
    question: str | None = st.session_state.pop("pending_question", None)
    if question is None and "link_read" not in st.session_state:
        question = st.query_params.get("q")
    st.session_state["link_read"] = True
    return question


def share(question: str) -> None:
    """Put the question into the address bar, so that the link opens the same view."""
    st.query_params["q"] = question


def ask_suggestion() -> None:
    """Ask what was chosen among the suggestions; for callbacks."""
    if chosen := st.session_state.get("suggestion"):
        ask_next(str(chosen))


def forget_turns(collection: str) -> None:
    """Begin the conversation about a collection anew; for callbacks."""
    turns(collection).clear()
    st.query_params.pop("q", None)


def offer_files(collection: str, files: list[tuple[str, bytes]]) -> None:
    """Keep files (name and content) until the person has agreed to their price."""
    st.session_state[f"offered-{collection}"] = files


def offered_files(collection: str) -> list[tuple[str, bytes]]:
    """Return the files that wait for the person to agree."""
    found: list[tuple[str, bytes]] = st.session_state.get(f"offered-{collection}", [])
    return found
