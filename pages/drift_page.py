"""Drift: a watch over the model, by texts whose vectors are known."""

import streamlit as st

from ui import services, state
from ui.errors import boundary
from ui.index_lab import drift_view

collection = state.collection()

st.title("Drift", anchor=False)
with boundary():
    if not services.pipeline(collection).documents():
        st.info("There is no vector to watch the model by yet.", icon=":material/monitor_heart:")
        st.page_link("pages/upload_page.py", label="Upload", icon=":material/upload_file:")
        st.page_link("pages/overview_page.py", label="Sample library", icon=":material/home:")
    else:
        drift_view.show(collection)
