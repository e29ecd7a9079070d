"""What this session is in the room: a voter, perhaps the presenter, and what it has revealed."""

from __future__ import annotations

import secrets

import streamlit as st

from rag_core.lessons import LESSONS

NUMBERS = tuple(str(number) for number in range(1, len(LESSONS) + 1))


def voter() -> str:
    """Return this session's secret name; one session is one voter."""
    return str(st.session_state.setdefault("voter", secrets.token_hex(16)))


def presenting() -> bool:
    """Return whether presenter mode is on: by its toggle, or by the link that opened the page."""
    if "present" not in st.session_state:
        st.session_state["presenting"] = st.session_state.get("presenting", False) or (
            st.query_params.get("present") == "true"
        )
        return bool(st.session_state["presenting"])
    st.session_state["presenting"] = bool(st.session_state["present"])
    return bool(st.session_state["presenting"])


def lesson() -> int:
    """Return the number of the lesson this session looks at, from 1: chosen or linked."""
    kept = st.session_state
    for chosen in (kept.get("lesson"), st.query_params.get("lesson"), kept.get("last_lesson")):
        if chosen in NUMBERS:
            return int(chosen)
    return 1


def step(by: int) -> None:
    """Go so many lessons on or back; for callbacks."""
    there = min(max(lesson() + by, 1), len(LESSONS))
    open_lesson(there)


def open_lesson(number: int) -> None:
    """Go to a lesson; for callbacks."""
    st.session_state["lesson"] = str(number)


def remember_lesson(number: int) -> None:
    """Keep the lesson in the link, and for the way back from another page.

    By hand: a link that is bound to a widget follows what people click and not what a key does.
    """
    st.session_state["last_lesson"] = str(number)
    st.query_params["lesson"] = str(number)


def revealed(number: int) -> bool:
    """Return whether this session has seen the answer."""
    return number in st.session_state.get("lessons_revealed", ())


def reveal(number: int) -> None:
    """Note that this session sees the answer."""
    st.session_state["lessons_revealed"] = (*st.session_state.get("lessons_revealed", ()), number)


def hide_all() -> None:
    """Forget what was revealed; for callbacks."""
    st.session_state["lessons_revealed"] = ()


def address(page: str) -> str:
    """Return the address this session's browser knows the app by, from its page's url path."""
    found = (st.context.url or "http://localhost:8501").rstrip("/")
    return found.removesuffix(f"/{page}") if page else found


def notes_number() -> int | None:
    """Return the lesson whose notes the link asks for, or None for no notes window."""
    asked = st.query_params.get("notes")
    if asked is None:
        return None
    return int(asked) if asked in NUMBERS else 1
