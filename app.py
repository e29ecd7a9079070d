"""The frame of Ragscope: page config, navigation, collection picker, error boundary."""

from pathlib import Path

import streamlit as st

from ui import services, sidebar, state
from ui.errors import boundary

# A picture of our own: icons by name are fetched from the network.
ICON = Path(__file__).parent / "ui" / "icon.png"
st.set_page_config(page_title="Ragscope", page_icon=ICON, layout="wide")
st.logo(ICON, size="large")

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
        st.Page(
            "pages/chunking_page.py",
            title="Chunking",
            icon=":material/content_cut:",
            url_path="chunking",
        ),
        st.Page(
            "pages/similarity_page.py",
            title="Similarity",
            icon=":material/hub:",
            url_path="similarity",
        ),
        st.Page(
            "pages/search_page.py", title="Search", icon=":material/search:", url_path="search"
        ),
        st.Page(
            "pages/ann_page.py",
            title="Exact vs approximate",
            icon=":material/speed:",
            url_path="exact-and-approximate",
        ),
        st.Page("pages/chat_page.py", title="Chat", icon=":material/forum:", url_path="chat"),
    ]
)
with boundary():
    sidebar.show()
    page.run()
    services.warm_up(state.collection())
