"""Evaluation: which settings answer best on one's own documents, and how sure that is."""

import streamlit as st

from ui import state
from ui.errors import boundary
from ui.evaluation_lab import controls, following, panels

collection = state.collection()

st.title("Evaluation", anchor=False)
with boundary():
    asked = controls.choose(collection)
    if asked is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Measure", key="measure", type="primary", icon=":material/play_arrow:",
                on_click=following.start, args=(collection, asked),
            )  # fmt: skip
            st.caption(controls.summary(asked))
    run = following.current()
    if run is None:
        st.caption(
            "Every setting cuts, indexes and searches the documents apart from your collection, "
            "which is not touched. What was measured before is not measured again."
        )
    else:
        following.show(run)
        if run.outcome is not None and run.outcome.reports:
            metric = controls.metric()
            panels.headline(run.outcome, metric)
            panels.SHOW[panels.panel()](run.outcome, metric)
