"""The frame of Ragscope: page config, navigation, collection picker, error boundary."""

import streamlit as st

from ui import services, sidebar, state
from ui.errors import boundary

st.set_page_config(page_title="Ragscope", page_icon=":material/troubleshoot:", layout="wide")

page = st.navigation(
    [
        st.Page(
            "pages/overview_page.py",
            title="Overview",
            icon=":material/home:",
            url_path="overview",
            default=True,
        ),
        st.Page(
            "pages/upload_page.py",
            title="Upload",
            icon=":material/upload_file:",
            url_path="upload",
        ),
        st.Page("pages/chat_page.py", title="Chat", icon=":material/forum:", url_path="chat"),
    ]
)
with boundary():
    sidebar.show()
    page.run()
    services.warm_up(state.collection())
