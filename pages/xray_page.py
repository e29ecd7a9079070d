"""X-ray: is everything in the index found, once, of one kind, and in its place?"""

import streamlit as st

from ui import services, state
from ui.errors import boundary
from ui.index_lab import xray_view

collection = state.collection()

st.title("X-ray", anchor=False)
with boundary():
    if not services.pipeline(collection).documents():
        st.info("There is nothing to look through yet.", icon=":material/radiology:")
        st.page_link("pages/upload_page.py", label="Upload", icon=":material/upload_file:")
        st.page_link("pages/overview_page.py", label="Sample library", icon=":material/home:")
    else:
        xray_view.show(collection)
