"""Search: one query in several ways, side by side, and why each result is where it is."""

import streamlit as st

from ui import services, state
from ui.errors import boundary
from ui.search_lab import (
    controls,
    filter_rows,
    flow_panel,
    keep_panel,
    lost_panel,
    results_panel,
    whatif_panel,
    why_panel,
    work,
)
from ui.search_lab.view import View

SHOW = {
    "Results": results_panel.show,
    "Flow": flow_panel.show,
    "Why": why_panel.show,
    "What if": whatif_panel.show,
    "Lost": lost_panel.show,
    "Keep": keep_panel.show,
}
collection = state.collection()

st.title("Search", anchor=False)
with boundary():
    if not services.pipeline(collection).documents():
        st.info(
            "This collection is empty. Add documents on the Upload page, or load the samples on "
            "the Overview.",
            icon=":material/upload_file:",
        )
    else:
        query = controls.query(collection)
        methods = controls.methods()
        with st.container(horizontal=True):
            where = filter_rows.build(collection)
            options = controls.options(where)
        panel = controls.panel()
        if not query:
            st.info("Type a query above: some words, or a question.", icon=":material/search:")
        elif not methods:
            st.info("Choose at least one method.", icon=":material/checklist:")
        else:
            with st.spinner("Searching", show_time=True):
                lanes = work.lanes(collection, query, methods, options)
            view = View(collection, query, tuple(lanes))
            if view.found or panel == "Results":
                SHOW[panel](view)
            else:
                results_panel.show(view)
