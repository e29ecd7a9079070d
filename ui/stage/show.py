"""The show: what the presenter shares with everybody on this server; no Streamlit here."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from rag_core.lessons.lesson import View


@dataclass(frozen=True, slots=True)
class Shared:
    """What the audience sees: a lesson (from 1) before or after its reveal, or another page."""

    collection: str
    lesson: int | None = None
    revealed: bool = False
    view: View | None = None
    title: str = ""


class Show:
    """One presenter at a time. Thread-safe.

    `who` is a session's own secret: only the session that took the show can change it, until it
    ends or somebody takes it over.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._presenter = ""
        self._shared: Shared | None = None
        self.clock = Clock(now)

    def take(self, who: str, *, over: bool = False) -> bool:
        """Become the presenter; `over` takes the show from another one. Return whether it is so."""
        with self._lock:
            if self._presenter not in ("", who) and not over:
                return False
            self._presenter = who
            return True

    def presents(self, who: str) -> bool:
        """Return whether this session presents."""
        with self._lock:
            return self._presenter == who

    def share(self, who: str, shared: Shared) -> bool:
        """Show this to the audience; return whether `who` may, being the presenter."""
        with self._lock:
            if not who or self._presenter != who:
                return False
            self._shared = shared
            return True

    def current(self) -> Shared | None:
        """Return what is shared, or None while nobody presents."""
        with self._lock:
            return self._shared

    def end(self, who: str) -> None:
        """Stop sharing; nothing happens unless `who` presents."""
        with self._lock:
            if self._presenter == who:
                self._presenter, self._shared = "", None


class Clock:
    """How long the talk has taken. Thread-safe."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._gone = 0.0
        self._since: float | None = None

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self._since is not None

    def seconds(self) -> float:
        """Return the seconds it has run."""
        with self._lock:
            return self._gone + (self._now() - self._since if self._since is not None else 0.0)

    def toggle(self) -> None:
        """Start it, or pause it."""
        with self._lock:
            if self._since is None:
                self._since = self._now()
            else:
                self._gone += self._now() - self._since
                self._since = None

    def reset(self) -> None:
        """Put it to nothing, standing."""
        with self._lock:
            self._gone, self._since = 0.0, None


def clock_text(seconds: float) -> str:
    """Return "4:07", from an hour on "1:04:07"."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
