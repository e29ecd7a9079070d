"""Exact vs approximate: what an index that skips most comparisons gains, and what it misses."""

import streamlit as st

from ui import services, state
from ui.ann_lab import controls, follow, panels
from ui.ann_lab import state as measuring
from ui.errors import boundary

collection = state.collection()

st.title("Exact vs approximate", anchor=False)
with boundary():
    size = sum(info.chunks for info in services.pipeline(collection).documents())
    settings = controls.choose(collection, size)
    if settings is not None:
        controls.measure_button(settings)
    run = measuring.current()
    if run is None:
        st.caption(
            "An exact index compares a query with every vector. IVF looks into the nearest of its "
            "clusters only, HNSW walks a graph of neighbours. Press Measure to see what that gains "
            "and what it misses; 50,000 vectors take about half a minute."
        )
    else:
        follow.show(run)
        if run.outcome is not None:
            panels.headline(run.outcome, settings)
            panels.SHOW[controls.panel()](run.outcome)
