"""The sweep this session looks at: started, followed, cancelled."""

from __future__ import annotations

from typing import Any

import streamlit as st

from rag_core.errors import Cancelled
from rag_core.evaluation import run_sweep
from rag_core.evaluation.sweep import SweepProgress
from rag_core.evaluation.table import SweepTable
from ui import errors, services
from ui.background import Run
from ui.errors import boundary
from ui.evaluation_lab.controls import Asked

_KEY = "sweep"
_SPEC = "sweep_spec"
_EVERY = 0.7  # seconds


def current() -> Run[SweepTable] | None:
    """Return the sweep that was started last, going on or done."""
    found: Run[SweepTable] | None = st.session_state.get(_KEY)
    return found


def spec() -> str:
    """Return the grid of that sweep as the command line takes it."""
    return str(st.session_state.get(_SPEC, ""))


def start(collection: str, asked: Asked) -> None:
    """Begin to measure; for callbacks. What was measured before is not measured again."""
    with boundary():
        before = current()
        if before is not None and before.busy:
            before.cancel()
        home = services.pipeline(collection).home
        st.session_state[_KEY] = Run(
            lambda report: run_sweep(
                home, asked.dataset, asked.grid, answering=asked.answering, on_progress=report
            )
        )
        st.session_state[_SPEC] = asked.spec


def kept(key: str) -> Run[Any] | None:
    """Return another run that this session keeps under a name."""
    found: Run[Any] | None = st.session_state.get(key)
    return found


def show(run: Run[Any]) -> None:
    """Follow the run while it goes on; then say why it ended, unless it has an outcome."""
    if run.busy:
        st.fragment(run_every=_EVERY)(_pulse)(run)
    elif isinstance(run.error, Cancelled):
        st.info(
            "Stopped. What was finished is kept: Measure goes on from there.",
            icon=":material/stop_circle:",
        )
    elif run.error is not None:
        errors.show(run.error.message, run.error.hint)


def _pulse(run: Run[Any]) -> None:
    if not run.busy:
        st.rerun()  # the results stand outside of this fragment
    step = run.progress
    left = step.seconds_left if isinstance(step, SweepProgress) else None
    text = f"{step.stage} {step.name}".strip() + (f" · about {left:,.0f} s left" if left else "")
    st.progress(min(1.0, step.done / step.total) if step.total else 0.0, text=text)
    st.button("Cancel", key="cancel_sweep", icon=":material/stop_circle:", on_click=run.cancel)
