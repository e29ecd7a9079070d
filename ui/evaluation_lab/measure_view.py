"""The Measure view: choose, run, and read what was found."""

from __future__ import annotations

import streamlit as st

from rag_core.evaluation import SweepTable
from ui.evaluation_lab import controls, following, panels


def show(collection: str) -> None:
    """Ask what to measure, follow the run, draw its outcome."""
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
        return
    following.show(run)
    if run.outcome is not None:
        results(collection, run.outcome, following.spec())


def results(collection: str, table: SweepTable, spec: str = "") -> None:
    """Draw a sweep's table: what is best, and the panel that is open.

    Args:
        collection: what a setting would be used for.
        table: of a sweep.
        spec: the grid as the command line takes it, where it is known.
    """
    if table.reports:
        metric = controls.metric(table)
        panels.headline(table, metric)
        panels.show(panels.Found(collection, table, metric, spec))
