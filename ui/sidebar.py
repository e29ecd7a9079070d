"""The sidebar: which collection, what is in it, who answers."""

from __future__ import annotations

import streamlit as st

from rag_core.errors import SettingsError
from rag_core.generators.choice import ModelChoice
from ui import access, indexing, services, state
from ui.chat import model_settings
from ui.errors import boundary
from ui.text import number, plain


def show() -> None:
    """Draw the sidebar; the picker is bound to the address bar."""
    with st.sidebar:
        names = services.collections()
        st.selectbox(
            "Collection", names, key="collection", bind="query-params",
            help="A collection is a library of its own: its documents, its index, its questions.",
        )  # fmt: skip
        if access.may_edit():
            _new_collection()
        _contents(state.collection())
        access.show()
        _who_answers()


def _who_answers() -> None:
    said = model_settings.label()
    if said == ModelChoice().label:
        st.caption(f":material/format_quote: Answers are {said}")
    else:
        st.caption(f":material/smart_toy: Answers by {plain(said)}")


def _new_collection() -> None:
    # Another key is another popover, which is shut. One that is told to shut stays open when the
    # name comes before the page has heard that it was opened, as on a server that is just starting.
    key = f"new_collection_{state.collections_chosen()}"
    with (
        st.popover("New collection", icon=":material/add:", type="tertiary", key=key),
        st.form("new_collection_form", border=False),
    ):
        st.text_input("Name", key="new_collection", placeholder="my-library", max_chars=63)
        st.form_submit_button("Create", key="create_collection", type="primary", on_click=_create)


def _contents(collection: str) -> None:
    documents = services.pipeline(collection).documents()
    chunks = sum(info.chunks for info in documents)
    st.caption(
        f":material/library_books: {number(len(documents), 'document')}, {number(chunks, 'chunk')}"
    )
    indexing.pulse(collection)


def _create() -> None:
    with boundary():
        name = state.new_collection()
        if not name:
            raise SettingsError("A collection needs a name.", hint="For instance my-library.")
        services.pipeline(name)
        state.choose_collection(name)
