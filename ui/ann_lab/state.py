"""The measurement this session looks at."""

from __future__ import annotations

import streamlit as st

from ui import services
from ui.ann_lab.problem import Outcome, solve
from ui.ann_lab.settings import Settings
from ui.background import Run
from ui.errors import boundary

_KEY = "ann_run"


def current() -> Run[Outcome] | None:
    """Return the measurement that was started last, going on or done."""
    found: Run[Outcome] | None = st.session_state.get(_KEY)
    return found


def start(settings: Settings) -> None:
    """Begin to measure; for callbacks."""
    with boundary():
        before = current()
        if before is not None and before.busy:
            before.cancel()
        pipeline = services.pipeline(settings.collection) if settings.collection else None
        st.session_state[_KEY] = Run(lambda report: solve(settings, pipeline, report))
