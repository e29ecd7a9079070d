"""How full the data folder is: said where files are added, once it matters."""

from __future__ import annotations

import streamlit as st

from rag_core.quota import VARIABLE
from ui import services


def show(collection: str) -> None:
    """Warn when less than a tenth of the quota is left, and say nothing before."""
    room = services.pipeline(collection).home.quota.room()
    if room.near:
        full = "full" if room.quota is not None and room.used >= room.quota else "nearly full"
        st.warning(
            f"The data folder is {full}: {room}. Delete documents, or raise `{VARIABLE}`.",
            icon=":material/hard_drive:",
        )
