"""The dialog that chooses who answers, and the button that opens it."""

from __future__ import annotations

import time

import streamlit as st

from rag_core.datatypes import Message
from rag_core.errors import RagError, SettingsError
from rag_core.generators.addresses import PUBLIC_OPENAI, host, is_openai
from rag_core.generators.chat import DEFAULT_MODEL
from rag_core.generators.choice import KINDS, Kind, ModelChoice, choice_from_env, say
from rag_core.generators.settings import ChatSettings
from rag_core.prompts import SYSTEM_PROMPT
from rag_core.protocols import Generator
from ui import errors
from ui.chat import model_choice, model_server
from ui.errors import boundary
from ui.text import plain

_NAMES: dict[str, str] = {
    "extractive": "Quote only", "openai": "OpenAI", "server": "Another server",
}  # fmt: skip
_ABOUT: dict[str, str] = {
    "extractive": "The sentences that answer best are quoted as they stand: no model, no key, no "
    "network.",
    "openai": "A model at OpenAI writes the answer. Questions and the passages found are sent "
    "there.",
    "server": "Any server that speaks OpenAI's protocol writes the answer: Ollama, LM Studio, "
    "llama.cpp, vLLM. Questions and the passages found are sent there.",
}
_TRIED = "model_tried"
_ECHO = (Message("user", "Reply with the one word: ready"),)
_ECHO_TOKENS = 200  # a model that thinks first needs some before its word
_MOST_TOKENS, _MOST_WINDOW = 200_000, 4_000_000


def button(key: str = "model_settings") -> None:
    """Draw the button that opens the dialog."""
    st.button(
        "Model", key=key, icon=":material/tune:", on_click=dialog,
        help="Who answers, and how.",
    )  # fmt: skip


def generator() -> Generator | None:
    """Return what writes this session's answers; None for the environment's default.

    Raises:
        ModelError: when sentences are to be quoted, and the embedding model cannot choose them.
    """
    return model_choice.generator()


def label() -> str:
    """Return who answers, in words: "quoted, without a model", "llama3.2 at 127.0.0.1:11434"."""
    try:
        return (model_choice.chosen() or choice_from_env()).label
    except SettingsError:  # said in full where it is to be put right
        return "a server whose address cannot be right (OPENAI_BASE_URL)"


@st.dialog("Who answers", width="medium", icon=":material/smart_toy:")
def dialog() -> None:
    """Ask who answers in this session; nothing changes before it is confirmed."""
    with boundary():
        environment = _environment()
        now = model_choice.chosen() or environment
        kind: Kind = st.radio(
            "Who answers", KINDS, index=KINDS.index(now.kind), key="model_kind", horizontal=True,
            format_func=lambda one: _NAMES[one], label_visibility="collapsed",
        )  # fmt: skip
        st.caption(_ABOUT[kind])
        begun = _begun(kind, (now, environment))
        choice = ModelChoice() if kind == "extractive" else _drafted(kind, begun)
        if choice is not None:
            _finish(choice)


def _environment() -> ModelChoice:
    try:
        return choice_from_env()
    except SettingsError as error:
        errors.show(error.message, f"OPENAI_BASE_URL is set to it. {error.hint}")
        return ModelChoice()


def _begun(kind: Kind, known: tuple[ModelChoice, ...]) -> ChatSettings:
    """Return the settings a form begins with: those in use, else the environment's, else ours."""
    found = (choice.settings for choice in known if choice.kind == kind)
    return next(found, ChatSettings(DEFAULT_MODEL if kind == "openai" else ""))


def _drafted(kind: Kind, begun: ChatSettings) -> ModelChoice | None:
    """Ask for a model's settings; return None while there is no address."""
    address = PUBLIC_OPENAI if kind == "openai" else model_server.address(begun.base_url)
    if not address:
        return None
    _key(kind, address)
    reached = ModelChoice(kind, ChatSettings("", address, model_choice.key_for(address)))
    model = model_server.model(reached, begun.model)
    with st.expander("How it answers", icon=":material/tune:"):
        temperature = st.slider(
            "Temperature", 0.0, 2.0, begun.temperature, 0.1, key=f"model_temperature_{kind}",
            help="0 gives the likeliest words; the higher, the freer.",
        )  # fmt: skip
        left, right = st.columns(2)
        tokens = left.number_input(
            "Longest answer, in tokens", 1, _MOST_TOKENS, begun.max_tokens, 50,
            key=f"model_tokens_{kind}",
        )  # fmt: skip
        window = right.number_input(
            "Context window, in tokens", 0, _MOST_WINDOW, begun.window, 1024,
            key=f"model_window_{kind}",
            help="How much the model reads and writes together; what does not fit is left out, "
            "the lowest ranked source first. 0 takes the usual: 128,000 at OpenAI, 4,096 elsewhere "
            "(what Ollama gives a model that nobody asked it to give more).",
        )  # fmt: skip
        rules = _rules(kind, begun.system_prompt)
    return ModelChoice(
        kind,
        ChatSettings(
            model, address, reached.settings.api_key, temperature=float(temperature),
            max_tokens=int(tokens), system_prompt=rules, window=int(window),
        ),
    )  # fmt: skip


def _key(kind: Kind, address: str) -> None:
    source = model_choice.key_source(address)
    said = {"session": "set for this session", "environment": "set by the environment"}
    needed = "needed" if is_openai(address) else "none; most servers of one's own want none"
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    left.text_input(
        "Key", type="password", key=f"model_key_{kind}", placeholder=said.get(source, needed),
        on_change=_keep_key, args=(kind, address),
        help=f"Sent to {plain(host(address))} alone. It stays in this session's memory, is never "
        "written down or shown again, and is gone when the page is closed.",
    )  # fmt: skip
    right.button(
        "Forget it", key=f"model_forget_{kind}", disabled=source != "session", width="stretch",
        on_click=model_choice.give_key, args=(address, ""),
    )  # fmt: skip


def _keep_key(kind: Kind, address: str) -> None:
    """Take the key out of the field, which is drawn empty from then on."""
    if typed := str(st.session_state.get(f"model_key_{kind}") or "").strip():
        model_choice.give_key(address, typed)
    st.session_state[f"model_key_{kind}"] = ""


def _rules(kind: Kind, begun: str) -> str:
    key = f"model_rules_{kind}"
    rules = st.text_area(
        "System prompt", begun, key=key, height=190,
        help="What the model is told before the sources. That sources are data, and no orders, is "
        "said beside them whatever stands here.",
    )  # fmt: skip
    st.button(
        "Back to the default", key=f"model_default_{kind}", icon=":material/undo:",
        disabled=rules == SYSTEM_PROMPT, on_click=_reset_rules, args=(key,),
    )  # fmt: skip
    return rules if rules and rules.strip() else SYSTEM_PROMPT


def _reset_rules(key: str) -> None:
    st.session_state[key] = SYSTEM_PROMPT


def _finish(choice: ModelChoice) -> None:
    """Offer to try the settings, to use them, or to go by the environment again."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Use this", key="model_use", type="primary", icon=":material/check:"):
            model_choice.choose(choice)
            st.rerun()
        if choice.kind != "extractive" and st.button(
            "Try it", key="model_try", icon=":material/play_arrow:"
        ):
            with st.spinner("Asking the model for one word", show_time=True):
                st.session_state[_TRIED] = choice, _tried(choice)
        if model_choice.chosen() is not None:
            st.button(
                "As the environment says", key="model_environment", type="tertiary",
                icon=":material/restart_alt:", on_click=model_choice.forget,
            )  # fmt: skip
    tried, outcome = st.session_state.get(_TRIED, (None, None))
    if tried == choice:  # of other settings it says nothing
        if isinstance(outcome, RagError):
            errors.show(outcome.message, outcome.hint)
        else:
            st.success(outcome, icon=":material/check_circle:")


def _tried(choice: ModelChoice) -> str | RagError:
    """Send one tiny request; return what came, or what failed."""
    started = time.perf_counter()
    try:
        name, reply = say(choice, _ECHO, max_tokens=_ECHO_TOKENS)
    except RagError as error:
        return error
    return (
        f"{plain(name)} said “{plain(reply, limit=80)}” in {time.perf_counter() - started:.1f} s."
    )
