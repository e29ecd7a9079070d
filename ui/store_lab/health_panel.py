"""Where the collection is now, and whether it answers."""

from __future__ import annotations

import streamlit as st

from rag_core import store_moves
from rag_core.store_choice import StoreChoice
from rag_core.stores.health import StoreHealth
from ui import errors, services
from ui.text import number, plain

_SOURCES = {
    "environment": "chosen by RAGSCOPE_STORE in the environment, for every collection",
    "chosen": "chosen for this collection",
    "home": "the default: in the data folder",
}


def show(collection: str) -> None:
    """Draw the url, and what the engine says of itself; the check is made once and on demand."""
    choice = services.pipeline(collection).store_choice
    st.caption(f":material/link: {plain(choice.shown, limit=300)} · {_SOURCES[choice.source]}")
    found = _kept(collection, choice)
    again = st.button("Check health", key="check_health", icon=":material/stethoscope:")
    if again or found is None:
        with st.spinner("Asking the engine"):
            found = _checked(collection, choice)
    _result(found)


def forget(collection: str) -> None:
    """Ask anew with the next drawing: something has changed."""
    st.session_state.pop(_key(collection), None)


def _result(found: StoreHealth) -> None:
    if not found.ok:
        st.markdown(":material/error: **The store does not answer**")
        errors.show(found.problem, found.hint)
        st.caption(
            "Nothing is lost: the texts and the originals are in the data folder. Searching by "
            "keyword goes on; searching by meaning and adding documents wait for the store."
        )
        return
    st.success(
        f"It answers: counted and described itself in {found.seconds * 1000:,.0f} ms.",
        icon=":material/check_circle:",
    )
    with st.container(horizontal=True):
        st.metric(  # the version below it: as a third number it would not fit beside the others
            "Engine", found.engine, f"Version: {found.version or 'unknown'}",
            delta_color="off", delta_arrow="off", border=True, height="stretch",
        )  # fmt: skip
        st.metric("Size", number(found.chunks or 0, "chunk"), border=True, height="stretch")
    st.caption(f"At {plain(found.address, limit=300)}")
    rows = [{"Setting": name, "Value": str(value)} for name, value in found.index.items()]
    if rows:
        st.markdown("**Index settings**")
        st.dataframe(
            rows, hide_index=True, key="index_settings", alt="The settings of the engine's index"
        )


def _checked(collection: str, choice: StoreChoice) -> StoreHealth:
    found = store_moves.health(services.pipeline(collection))
    st.session_state[_key(collection)] = choice.shown, found
    return found


def _kept(collection: str, choice: StoreChoice) -> StoreHealth | None:
    kept: tuple[str, StoreHealth] | None = st.session_state.get(_key(collection))
    return kept[1] if kept is not None and kept[0] == choice.shown else None


def _key(collection: str) -> str:
    return f"store_health-{collection}"
