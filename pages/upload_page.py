"""Upload: files in, every stage visible, and the library they end in."""

import streamlit as st

from ui import access, indexing, library, room, state
from ui.chunk_lab import keep_panel
from ui.errors import boundary

collection = state.collection()

st.title("Upload", anchor=False)
with boundary():
    if access.may_edit():
        room.show(collection)
        indexing.form(collection)
    else:
        st.info("You can look at this library, and not change it.", icon=":material/lock:")
    indexing.price(collection)
    indexing.unfinished(collection)
    indexing.panel(collection)
    library.show(collection)
    keep_panel.show_cut_differently(collection)
