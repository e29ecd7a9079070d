"""Upload: files in, every stage visible, and the library they end in."""

import streamlit as st

from rag_core import LOADERS
from ui import indexing, library, state
from ui.chunk_lab import keep_panel
from ui.errors import boundary

collection = state.collection()

st.title("Upload", anchor=False)
with boundary():
    with st.form("upload_form", clear_on_submit=True):
        files = st.file_uploader(
            "Documents",
            accept_multiple_files=True,
            key="files",
            help="They are kept on this machine, in the data folder.",
        )
        st.caption(f"Formats: {', '.join(sorted(LOADERS))}")
        submitted = st.form_submit_button(
            "Add to the collection",
            key="add_files",
            type="primary",
            icon=":material/add:",
        )
    if submitted:
        indexing.submit(collection, files)
    indexing.price(collection)
    indexing.unfinished(collection)
    indexing.panel(collection)
    library.show(collection)
    keep_panel.show_cut_differently(collection)
