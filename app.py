"""The frame of Ragscope: page config, navigation, collection picker, error boundary."""

from pathlib import Path

import streamlit as st

from ui import access, services, sidebar, state
from ui.errors import boundary
from ui.stage import frame

# A picture of our own: icons by name are fetched from the network.
ICON = Path(__file__).parent / "ui" / "icon.png"
st.set_page_config(page_title="Ragscope", page_icon=ICON, layout="wide")
st.logo(ICON, size="large")

PAGES = [
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
    st.Page("pages/search_page.py", title="Search", icon=":material/search:", url_path="search"),
    st.Page(
        "pages/ann_page.py",
        title="Exact vs approximate",
        icon=":material/speed:",
        url_path="ann",
    ),
    st.Page(
        "pages/evaluation_page.py",
        title="Evaluation",
        icon=":material/analytics:",
        url_path="evaluation",
    ),
    st.Page("pages/chat_page.py", title="Chat", icon=":material/forum:", url_path="chat"),
    st.Page("pages/lessons_page.py", title="Lessons", icon=":material/school:", url_path="lessons"),
    # Not in the menu: one opens by the presenter's link or QR code, one is passed on the way.
    st.Page("pages/audience_page.py", title="Audience", url_path="audience", visibility="hidden"),
    st.Page("pages/open_page.py", title="Open", url_path="open", visibility="hidden"),
]
page = st.navigation(PAGES)
if frame.bare(page.url_path):
    st.navigation(PAGES, position="hidden")
with boundary():
    access.check_address()
    if not access.logged_in():
        st.stop()
    if not frame.bare(page.url_path):
        sidebar.show()
    with frame.stage(page.url_path, page.title):
        page.run()
    services.warm_up(state.collection())
