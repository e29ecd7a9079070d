"""The dialog that picks an engine: try it, then use it or move the collection there."""

from __future__ import annotations

import streamlit as st

from rag_core import store_moves
from rag_core.errors import RagError, SettingsError
from rag_core.store_choice import check_url, masked, with_password
from rag_core.store_moves import Tried
from ui import errors, services
from ui.errors import boundary
from ui.store_lab import health_panel, move_panel
from ui.store_lab.engines import ENGINES, Engine
from ui.text import number, plain

_TRIED = "store_tried"


@st.dialog("Where the vectors are kept", width="medium", icon=":material/database:")
def dialog(collection: str) -> None:
    """Ask for a store; nothing changes before it is confirmed."""
    with boundary():
        fixed = services.pipeline(collection).store_choice.source == "environment"
        if fixed:
            st.info(
                "RAGSCOPE_STORE is set, and goes before any choice made here. You can still move "
                "the collection; then set the variable to the new url and start again.",
                icon=":material/info:",
            )
        name = st.selectbox(
            "Engine", list(ENGINES), key="store_engine",
            format_func=lambda one: ENGINES[one].name,
        )  # fmt: skip
        url = _url(collection, name)
        st.caption(
            "The choice is kept with this collection's settings in the data folder, a password "
            "never: it stays in this process's memory. After a restart, the engine's own variable "
            "(PGPASSWORD, CHROMA_API_KEY) has to hold it."
        )
        with st.container(horizontal=True):
            asked = st.button("Try it", key="store_try", icon=":material/play_arrow:")
            if asked and url:
                with st.spinner("Opening the store", show_time=True):
                    st.session_state[_TRIED] = url, _tried(collection, url)
            elif asked:
                st.session_state[_TRIED] = (
                    url,
                    SettingsError("The url is empty.", hint="Write one like the examples above."),
                )
        tried = st.session_state.get(_TRIED)
        if tried is not None and tried[0] == url:  # of another url it says nothing
            _outcome(collection, url, tried[1], fixed=fixed)


def forget() -> None:
    """Begin the dialog anew; for the button that opens it."""
    st.session_state.pop(_TRIED, None)


def _url(collection: str, name: str) -> str:
    engine = ENGINES[name]
    st.markdown(engine.about)
    if name == "home":
        return services.pipeline(collection).home.chroma_url
    st.code("\n".join(engine.examples), language=None)
    if not engine.installed:
        st.warning(
            f"The package {engine.package} is not installed here. Install it with: "
            f"`pip install -r {engine.requirements}`",
            icon=":material/download:",
        )
    url = st.text_input(
        "Url", key=f"store_url_{name}", placeholder=engine.examples[0],
        help="Like the examples; what follows the question mark sets the index.",
    ).strip()  # fmt: skip
    return _with_secret(engine, name, url)


def _with_secret(engine: Engine, name: str, url: str) -> str:
    if not engine.secret:
        return url
    secret = st.text_input(
        f"{engine.secret}, if it needs one", key=f"store_secret_{name}", type="password",
        help="Never written down.",
    )  # fmt: skip
    if not secret or not url:
        return url
    check_url(url)
    return with_password(url, secret)


def _tried(collection: str, url: str) -> Tried | RagError:
    try:
        return store_moves.try_store(services.pipeline(collection), url)
    except RagError as error:
        return error


def _outcome(collection: str, url: str, tried: Tried | RagError, *, fixed: bool) -> None:
    if isinstance(tried, RagError):
        errors.show(tried.message, tried.hint)
        return
    found = tried.health
    st.success(
        f"{plain(found.engine)} {plain(found.version)} answers in {found.seconds * 1000:,.0f} ms "
        f"and holds {number(found.chunks or 0, 'chunk')} of a collection of this name.",
        icon=":material/check_circle:",
    )
    if url == services.pipeline(collection).store_choice.url:
        st.caption("The collection is in this store.")
    elif tried.missing:
        st.markdown(f"It lacks {number(tried.missing, 'chunk')} of this collection.")
        if st.button("Move the collection there", key="store_move", type="primary"):
            move_panel.begin(collection, url)
            st.rerun()
    elif not fixed and st.button("Use it", key="store_use", type="primary"):
        store_moves.use_store(services.pipeline(collection), url)
        health_panel.forget(collection)
        st.toast(f"The collection is in {masked(url)} now.", icon=":material/check:")
        st.rerun()
