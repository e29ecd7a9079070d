"""The one place where an error becomes something a person can read and act on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from rag_core.access import acting_as
from rag_core.errors import RagError
from rag_core.giving_way import in_front
from ui import access
from ui.text import plain


@contextmanager
def boundary() -> Iterator[None]:
    """Show a `RagError` in place of what it interrupted; the rest of the page goes on.

    Used around pages, in fragments and in callbacks alike: an error in one of them does not pass
    through the others. Whoever may not look at this instance is stopped here: on the first request
    to a server that was not started by `ui.serve`, Streamlit can run a page without app.py.
    """
    try:
        access.check_address()
        access.check_login()
    except RagError as error:
        show(error.message, error.hint)
        st.stop()
    try:
        with acting_as(access.role()), in_front():
            yield
    except RagError as error:
        show(error.message, error.hint)


def show(message: str, hint: str = "") -> None:
    """Show what happened, and below it what to do."""
    body = plain(message, limit=600)
    if hint:
        body += f"\n\n{plain(hint, limit=600)}"
    st.error(body, icon=":material/error:")
