"""Long work in the background gives way to whoever waits for an answer.

Chroma's engine holds Python's global lock for as long as a call takes: while 5,000 chunks are
written at once, nothing else in the process moves for three seconds. So such work is cut into short
calls, and between two of them it waits for those who are in front.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

SECONDS = 0.15  # a call while people are there: several may pass before a page has come through
ALONE = 0.8  # a call while nobody is: fewer calls cost less, and whoever comes waits for one
RECENT = 10.0  # seconds: who was in front then is still there
FIRST = 0.001  # seconds a thing takes, until it is known
LEAST = 32  # things a call; below, the calls themselves cost more than what they do
PATIENCE = 0.2  # seconds: a busy server slows long work down to a third, and never stops it
BREATH = 0.003  # seconds, for whoever is just coming to the front

_changed = threading.Condition()
_in_front: Counter[int] = Counter()  # threads, and how deep each is in such blocks
_last = float("-inf")  # when somebody was last in front


@contextmanager
def in_front() -> Iterator[None]:
    """Be somebody who waits for an answer, for the time of a `with` block; it may be nested."""
    global _last
    thread = threading.get_ident()
    with _changed:
        _in_front[thread] += 1
    try:
        yield
    finally:
        with _changed:
            _last = time.perf_counter()
            _in_front[thread] -= 1
            if not _in_front[thread]:
                del _in_front[thread]
                _changed.notify_all()


class Turn:
    """A lock for long work, like `threading.RLock`.

    Who waits for it waits for that work, which therefore need not give way to them.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def acquire(self, timeout: float = -1) -> bool:
        """Take it, waiting `timeout` seconds at most (-1: for as long as it takes)."""
        with _behind():
            return self._lock.acquire(timeout=timeout)

    def release(self) -> None:
        """Give it back."""
        self._lock.release()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


@contextmanager
def _behind() -> Iterator[None]:
    thread = threading.get_ident()
    with _changed:
        depth = _in_front.pop(thread, 0)
        _changed.notify_all()
    try:
        yield
    finally:
        if depth:
            with _changed:
                _in_front[thread] = depth


def give_way() -> None:
    """Wait until nobody is in front, PATIENCE at most; who is in front does not wait."""
    if threading.get_ident() in _in_front:
        return
    time.sleep(BREATH)
    with _changed:
        _changed.wait_for(lambda: not _in_front, timeout=PATIENCE)


class Pace:
    """How much of one kind of work to do in a call, learned from the calls before."""

    def __init__(self) -> None:
        self._each = FIRST

    def calls(self, things: int, most: int) -> Iterator[slice]:
        """Yield what to do in each call, and give way between two.

        Args:
            things: how many there are to do.
            most: how many one call can take.
        """
        start = 0
        while start < things:
            size = min(max(LEAST, int(_seconds() / self._each)), most)
            part = slice(start, min(start + size, things))
            began = time.perf_counter()
            yield part
            taken = time.perf_counter() - began
            # Not more than twice as quick: one quick call says little about the next.
            self._each = max(taken / (part.stop - start), self._each / 2)
            start = part.stop
            if start < things:
                give_way()


def _seconds() -> float:
    return SECONDS if _in_front or time.perf_counter() - _last < RECENT else ALONE
