"""Evaluation: which settings answer best on one's own documents, and how sure that is."""

import streamlit as st

from ui import state
from ui.errors import boundary
from ui.evaluation_lab import controls, measure_view, paper_view, past_view, questions_view

SHOW = {
    "Measure": measure_view.show,
    "Past sweeps": past_view.show,
    "Questions": questions_view.show,
    "Paper": paper_view.show,
}
collection = state.collection()

st.title("Evaluation", anchor=False)
with boundary():
    SHOW[controls.view(list(SHOW))](collection)
