"""The Keep panel: take the comparison along."""

from __future__ import annotations

import streamlit as st

from rag_core.search_lab.export import as_python, hits_csv, stages_json
from ui.search_lab.view import View


def show(view: View) -> None:
    """Offer files and a script."""
    with st.container(horizontal=True):
        # Called when clicked: the files are not made with every run of the page.
        st.download_button(
            "Hits as CSV", lambda: hits_csv(view.lanes), "search.csv", "text/csv",
            key="save_hits", icon=":material/download:", on_click="ignore",
        )  # fmt: skip
        st.download_button(
            "Every stage as JSON", lambda: stages_json(view.query, view.lanes), "search.json",
            "application/json", key="save_stages", icon=":material/download:", on_click="ignore",
        )  # fmt: skip
    st.subheader("As Python", anchor=False)
    st.caption("Run it where the app runs, with the same RAGSCOPE_HOME, after the app has stopped.")
    st.code(as_python(view.query, view.collection, view.lanes), language="python")
