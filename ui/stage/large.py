"""Large type for a projector."""

from __future__ import annotations

import streamlit as st

# The theme's size is one setting for the whole server, and only this session presents. Everything
# in Streamlit is measured in the root's font size, so that one constant rule enlarges it evenly.
_STYLE = "<style>:root{font-size:22px}</style>"


def show() -> None:
    """Make everything on this session's page about a third larger."""
    st.html(_STYLE)
