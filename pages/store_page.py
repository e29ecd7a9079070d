"""Store: the engine that holds the vectors, its health, and moving to another one."""

import streamlit as st

from ui import access, services, state
from ui.errors import boundary
from ui.store_lab import dialog, health_panel, move_panel

collection = state.collection()

st.title("Store", anchor=False)
with boundary():
    st.caption(
        "Texts and originals are in the data folder; the vectors are in a store, and can move from "
        "one engine to another without being made again."
    )
    if access.role() == "admin":
        if st.button(
            "Change or move", key="store_settings", icon=":material/settings:",
            on_click=dialog.forget,
            help="Pick an engine by its url, try it, use it, or move the collection there.",
        ):  # fmt: skip
            dialog.dialog(collection)
    else:
        st.caption(":material/lock: Choosing and moving the store takes the role of an admin.")
    move_panel.show(collection)
    if not services.pipeline(collection).documents():
        st.info(
            "No vector is stored yet. Choose the engine now, or add documents and move later.",
            icon=":material/database:",
        )
        st.page_link("pages/upload_page.py", label="Upload", icon=":material/upload_file:")
        st.page_link("pages/overview_page.py", label="Sample library", icon=":material/home:")
    else:
        health_panel.show(collection)
