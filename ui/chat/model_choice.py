"""Who answers in this session: what was chosen, and the keys that were given.

Keys stay in the memory of the session, each with the address it was given for, and are sent to no
other. Nothing here is ever written down, put into a link or drawn.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from rag_core.errors import SettingsError
from rag_core.generators.addresses import PUBLIC_OPENAI, env_key
from rag_core.generators.choice import ModelChoice, choice_from_env
from rag_core.generators.extractive import ExtractiveGenerator
from rag_core.protocols import Generator
from ui import services, state

_CHOICE, _MADE, _KEYS = "model_choice", "model_made", "model_keys"


def chosen() -> ModelChoice | None:
    """Return what this session chose; None while it goes by the environment."""
    found: ModelChoice | None = st.session_state.get(_CHOICE)
    return found


def current() -> ModelChoice:
    """Return who answers: as chosen, or as the environment says.

    Quoting, where the environment says what cannot be; the sidebar and the dialog tell.
    """
    try:
        return chosen() or choice_from_env()
    except SettingsError:
        return ModelChoice()


def choose(choice: ModelChoice) -> None:
    """Answer this way from now on.

    Raises:
        AccessError, ModelError: as `ModelChoice.chat` does; then nothing has changed.
    """
    made = choice.chat()
    st.session_state[_CHOICE], st.session_state[_MADE] = choice, made


def forget() -> None:
    """Go by the environment again."""
    st.session_state.pop(_CHOICE, None)
    st.session_state.pop(_MADE, None)


def generator() -> Generator | None:
    """Return what writes this session's answers; None for the environment's.

    The same object as long as the choice is: it keeps the connection to its server.

    Raises:
        ModelError: when sentences are to be quoted, and the embedding model cannot choose them.
    """
    choice = chosen()
    if choice is None:
        return None
    made: Any = st.session_state.get(_MADE)
    return made or ExtractiveGenerator(services.pipeline(state.collection()).tokens())


def key_for(address: str) -> str:
    """Return the key for an address, given in this session or by the environment; or nothing."""
    return _keys().get(_place(address)) or env_key(address)


def key_source(address: str) -> str:
    """Return where the address's key comes from: "session", "environment" or nothing."""
    if _keys().get(_place(address)):
        return "session"
    return "environment" if env_key(address) else ""


def give_key(address: str, key: str) -> None:
    """Keep a key for an address in this session; an empty one forgets it."""
    _keys()[_place(address)] = key.strip()


def _place(address: str) -> str:
    return (address or PUBLIC_OPENAI).strip().rstrip("/")


def _keys() -> dict[str, str]:
    found: dict[str, str] = st.session_state.setdefault(_KEYS, {})
    return found
