"""What one session remembers: its collection, the question to ask, the files that wait."""

from __future__ import annotations

import streamlit as st

from rag_core.pipeline import DEFAULT_COLLECTION


def collection() -> str:
    """Return the collection this session looks at."""
    return str(st.session_state.get("collection") or DEFAULT_COLLECTION)


def choose_collection(name: str) -> None:
    """Look at another collection from the next run on, a new one as well; for callbacks."""
    st.session_state["collection"] = name
    st.session_state["new_collection"] = ""
    st.session_state["collections_chosen"] = collections_chosen() + 1


def collections_chosen() -> int:
    """Return how many collections this session has made and chosen."""
    chosen: int = st.session_state.get("collections_chosen", 0)
    return chosen


def new_collection() -> str:
    """Return the name that was typed for a new collection; for callbacks."""
    return str(st.session_state.get("new_collection", "")).strip()


def ask_next(question: str) -> None:
    """Ask a question in the next run; for callbacks."""
    st.session_state["pending_question"] = question


def pending_question() -> str | None:
    """Return the question to ask now, once: a suggestion, a retry, or one from the link."""
    question: str | None = st.session_state.pop("pending_question", None)
    if question is None and "link_read" not in st.session_state and "c" not in st.query_params:
        question = st.query_params.get("q")
    st.session_state["link_read"] = True
    return question


def share(question: str) -> None:
    """Put the question into the address bar, so that the link asks it; "" takes it out."""
    if question:
        st.query_params["q"] = question
    else:
        st.query_params.pop("q", None)


def ask_suggestion() -> None:
    """Ask what was chosen among the suggestions; for callbacks."""
    if chosen := st.session_state.get("suggestion"):
        ask_next(str(chosen))


def offer_files(collection: str, files: list[tuple[str, bytes]]) -> None:
    """Keep files (name and content) until the person has agreed to their price."""
    st.session_state[f"offered-{collection}"] = files


def offered_files(collection: str) -> list[tuple[str, bytes]]:
    """Return the files that wait for the person to agree."""
    found: list[tuple[str, bytes]] = st.session_state.get(f"offered-{collection}", [])
    return found
