"""How far a measurement is, with a way to stop it."""

from __future__ import annotations

import streamlit as st

from rag_core.errors import Cancelled
from ui import errors
from ui.ann_lab.problem import Outcome
from ui.ann_lab.words import step
from ui.background import Run

_EVERY = 0.5  # seconds


def show(run: Run[Outcome]) -> None:
    """Follow the run while it goes on; then say why it ended, unless it has an outcome."""
    if run.busy:
        st.fragment(run_every=_EVERY)(_pulse)(run)
    elif isinstance(run.error, Cancelled):
        st.info("Stopped. Nothing was kept of it.", icon=":material/stop_circle:")
    elif run.error is not None:
        errors.show(run.error.message, run.error.hint)


def _pulse(run: Run[Outcome]) -> None:
    if not run.busy:
        st.rerun()  # the results stand outside of this fragment
    progress = run.progress
    st.progress(progress.done / progress.total if progress.total else 0.0, text=step(progress))
    st.button("Cancel", key="cancel_measuring", icon=":material/stop_circle:", on_click=run.cancel)
