"""A chat server's address and its models, in the dialog that chooses who answers."""

from __future__ import annotations

import streamlit as st

from rag_core.errors import RagError
from rag_core.generators.addresses import host
from rag_core.generators.chat import DEFAULT_MODEL
from rag_core.generators.choice import ModelChoice, list_models
from rag_core.generators.settings import LOCAL_PORTS, LocalServer, find_local_servers
from ui import errors
from ui.text import number, plain

_ADDRESS, _FOUND, _LISTED = "model_address", "model_found", "model_listed"


def address(begun: str) -> str:
    """Ask for the server's address, and look for one on this machine when asked to."""
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    if right.button(
        "Look for one", key="model_look", icon=":material/travel_explore:", width="stretch",
        help="Asks the usual ports of the machine that Ragscope runs on; at most about a second.",
    ):  # fmt: skip
        with st.spinner("Asking this machine's usual ports"):
            st.session_state[_FOUND] = find_local_servers()
    typed = left.text_input(
        "Address", begun, key=_ADDRESS, placeholder="http://127.0.0.1:11434/v1",
        help="It usually ends in /v1.", on_change=_forget_found,
    )  # fmt: skip
    _found()
    return str(typed or "").strip()


def _forget_found() -> None:
    st.session_state.pop(_FOUND, None)


def _found() -> None:
    """Say which servers were found, if they were looked for, and offer each."""
    found: list[LocalServer] | None = st.session_state.get(_FOUND)
    if found is None:
        return
    if not found:
        asked = ", ".join(f"{name} ({port})" for name, port in LOCAL_PORTS.items())
        st.info(
            f"No chat server answered on this machine. Asked were the ports of {asked}. Start one "
            "and look again, or type its address.",
            icon=":material/search_off:",
        )
    for server in found:
        st.button(
            f"{plain(server.name)} at {plain(host(server.base_url))} · "
            f"{number(len(server.models), 'model')}",
            key=f"model_take_{server.base_url}", icon=":material/dns:",
            on_click=_take, args=(server,),
        )  # fmt: skip


def _take(server: LocalServer) -> None:
    st.session_state[_ADDRESS] = server.base_url
    _listed()[server.base_url] = list(server.models)
    st.session_state["model_name_server"] = server.models[0] if server.models else None


def model(reached: ModelChoice, begun: str) -> str:
    """Ask for the model, listed by the server when asked to; empty is the usual one."""
    place, kind = reached.settings.base_url, reached.kind
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    failed = None
    if right.button("List them", key=f"model_list_{kind}", icon=":material/list:",
                    width="stretch", help="Ask the server which models it has."):  # fmt: skip
        try:
            with st.spinner("Asking the server", show_time=True):
                _listed()[place] = list_models(reached)
        except RagError as error:
            failed = error
    listed = _listed().get(place)
    options = sorted({*(listed or ()), *filter(None, [begun])})
    usual = DEFAULT_MODEL if kind == "openai" else "the server's first one"
    chosen = left.selectbox(
        "Model", options, index=options.index(begun) if begun else None,
        key=f"model_name_{kind}", accept_new_options=True, placeholder=usual,
    )  # fmt: skip
    if failed is not None:
        errors.show(failed.message, failed.hint)
    elif listed is not None:
        said = number(len(listed), "model") if listed else "no model: load one there first"
        st.caption(f"{plain(host(place))} offers {said}.")
    return str(chosen or "").strip()


def listed(address: str) -> list[str]:
    """Return the models that this server was last seen to offer, in this session; none unasked."""
    return _listed().get(address, [])


def _listed() -> dict[str, list[str]]:
    found: dict[str, list[str]] = st.session_state.setdefault(_LISTED, {})
    return found
