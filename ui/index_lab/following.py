"""Work of these pages that goes on behind them: begun, followed, cancelled, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st

from rag_core.access import acting_as
from rag_core.errors import Cancelled
from rag_core.protocols import OnProgress
from ui import access, errors
from ui.background import Run

Outcome = TypeVar("Outcome")
_EVERY = 0.5  # seconds


def begin(name: str, work: Callable[[OnProgress], Outcome]) -> None:
    """Begin a piece of work in the role of whoever asks for it; what ran by this name is left."""
    who = access.role()  # a thread does not inherit it

    def acting(report: OnProgress) -> Outcome:
        with acting_as(who):
            return work(report)

    before = _runs().get(name)
    if before is not None:
        before.cancel()
    _runs()[name] = Run(acting)


def show(name: str, label: str) -> Any | None:  # noqa: ANN401 - the outcome of whatever was begun
    """Follow a piece of work while it goes on; return its outcome, or None."""
    run = _runs().get(name)
    if run is None:
        return None
    if run.busy:
        st.fragment(run_every=_EVERY)(_pulse)(name, label, run)
    elif isinstance(run.error, Cancelled):
        st.info("Stopped.", icon=":material/stop_circle:")
    elif run.error is not None:
        errors.show(run.error.message, run.error.hint)
    return run.outcome


def known(name: str) -> bool:
    """Return whether a piece of work of this name was begun in this session."""
    return name in _runs()


def ended(name: str) -> bool:
    """Return whether a piece of work of this name was begun and is over, whatever came of it."""
    run = _runs().get(name)
    return run is not None and not run.busy


def forget(name: str) -> None:
    """Leave the outcome of a piece of work: it does not hold any more."""
    _runs().pop(name, None)


def _pulse(name: str, label: str, run: Run[Any]) -> None:
    if not run.busy:
        st.rerun()  # the outcome stands outside of this fragment
    step = run.progress
    counted = f": {step.stage} {step.done:,}/{step.total:,}" if step.total else ""
    share = min(1.0, step.done / step.total) if step.total else 0.0
    st.progress(share, text=f"{label}{counted}")
    st.button("Cancel", key=f"cancel-{name}", icon=":material/stop_circle:", on_click=run.cancel)


def _runs() -> dict[str, Run[Any]]:
    found: dict[str, Run[Any]] = st.session_state.setdefault("index_work", {})
    return found
