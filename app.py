"""The frame of Ragscope: page config, navigation, collection picker, error boundary."""

from pathlib import Path

import streamlit as st

from ui import access, look, navigation, services, sidebar, state
from ui.errors import boundary
from ui.stage import frame

# A picture of our own: icons by name are fetched from the network.
ICON = Path(__file__).parent / "ui" / "icon.png"
st.set_page_config(page_title="Ragscope", page_icon=ICON, layout="wide")
st.logo(ICON, size="large")
look.show()

page = st.navigation(navigation.pages(), expanded=True)
if frame.bare(page.url_path):
    st.navigation(navigation.pages(), position="hidden")
if not access.logged_in():
    st.stop()
with boundary():
    if not frame.bare(page.url_path):
        sidebar.show()
    with frame.stage(page.url_path, page.title):
        page.run()
    services.warm_up(state.collection())
