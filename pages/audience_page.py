"""Audience: follow the presenter, vote, and search; nothing here changes anything."""

import streamlit as st

from ui.errors import boundary
from ui.stage import audience_panel

st.title("Audience", anchor=False)
with boundary():
    audience_panel.follow()
    st.divider()
    audience_panel.own_queries()
