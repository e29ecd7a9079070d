"""Open a view: a page no one sees, on the way from one page to another that a link sets up."""

import streamlit as st

from ui.errors import boundary
from ui.stage import way

with boundary():
    way.on()
    st.title("Nothing to open", anchor=False)
    st.page_link("pages/lessons_page.py", label="Lessons", icon=":material/school:")
