"""Index: what it was made with, what is stale, rebuilding without a pause, keeping it well."""

import streamlit as st

from ui import services, state
from ui.errors import boundary
from ui.index_lab import care_panel, folder_panel, rebuild_panel, versions_panel

SHOW = {
    "Versions": versions_panel.show,
    "Rebuild": rebuild_panel.show,
    "Folder": folder_panel.show,
    "Care": care_panel.show,
}
collection = state.collection()

st.title("Index", anchor=False)
with boundary():
    panel = st.segmented_control(
        "Panel", list(SHOW), default="Versions", required=True, key="panel", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    if panel in ("Versions", "Rebuild") and not services.pipeline(collection).documents():
        with st.container(border=True, key="empty"):
            st.subheader("No index yet", anchor=False)
            st.markdown("It is made with the first document. Add some, then come back.")
            st.page_link("pages/upload_page.py", label="Upload", icon=":material/upload_file:")
            st.page_link("pages/overview_page.py", label="Sample library", icon=":material/home:")
    else:
        SHOW[panel or "Versions"](collection)
