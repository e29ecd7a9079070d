"""One measurement in a thread of its own, followed and cancelled from a page."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from rag_core.errors import Cancelled, RagError
from rag_core.protocols import OnProgress, Progress

Outcome = TypeVar("Outcome")
_BUG = RagError(
    "Measuring ended with an error that Ragscope did not expect.", hint="The log says more."
)
_LOOK = 0.2  # seconds between two looks at whether to stop waiting

# Two measurements at once would measure each other: the second waits, whoever's it is.
_measuring = threading.Lock()


class Run(Generic[Outcome]):
    """Starts at once. Thread-safe; the work may not touch Streamlit."""

    def __init__(self, work: Callable[[OnProgress], Outcome]) -> None:
        self._work = work
        self._cancelled = threading.Event()
        self._done = threading.Event()
        self.progress = Progress("starting", 0, 0)
        self.outcome: Outcome | None = None
        self.error: RagError | None = None
        # A daemon: ending the program must not wait for a measurement.
        threading.Thread(target=self._go, name="measure", daemon=True).start()

    @property
    def busy(self) -> bool:
        """Whether it is still going on."""
        return not self._done.is_set()

    def cancel(self) -> None:
        """Ask it to stop; it does so at its next report."""
        self._cancelled.set()

    def wait(self, timeout: float) -> bool:
        """Wait for its end, at most so many seconds; return whether it has ended."""
        return self._done.wait(timeout)

    def _go(self) -> None:
        error: RagError | None = _BUG
        try:
            self._wait_for_turn()
            try:
                self.outcome = self._work(self._report)
            finally:
                _measuring.release()
            error = None
        except RagError as raised:
            error = raised
        finally:  # whatever happens, it does not stay busy for ever
            self.error = error
            self._done.set()

    def _wait_for_turn(self) -> None:
        while not _measuring.acquire(timeout=_LOOK):
            self._report(Progress("waiting for another measurement", 0, 0))

    def _report(self, progress: Progress) -> None:
        if self._cancelled.is_set():
            raise Cancelled
        self.progress = progress
