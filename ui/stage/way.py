"""The way to another view: a page, set up by its query string, within the same session.

Streamlit gives widgets the values of a link only when it meets them anew, and refuses to change
the query of widgets that are on the page. So the way leads over a page that has none.
"""

from __future__ import annotations

import streamlit as st

from rag_core.lessons import View
from ui import navigation


def to(view: View) -> None:
    """Leave this page for a view; nothing after this call runs."""
    st.session_state["way_to"] = (view.page, view.query)
    st.session_state.pop("link_read", None)  # a question in the link is to be asked again
    # An empty query, not none: none would be refused while widgets here are bound to theirs.
    st.switch_page("pages/open_page.py", query_params={})


def on() -> None:
    """Go on to the view that was asked for; come back only if none was."""
    page, query = st.session_state.pop("way_to", ("", ()))
    if page in navigation.FILES:
        navigation.switch(page, grouped(View(page, query)))


def grouped(view: View) -> dict[str, list[str]]:
    """Return a view's query with every key once, as Streamlit takes it."""
    found: dict[str, list[str]] = {}
    for key, value in view.query:
        found.setdefault(key, []).append(value)
    return dict(found)
