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

SECONDS = 0.15  # a call, about: what somebody may have to wait for it
LEAST, FIRST = 32, 150  # things a call; below, the calls themselves cost more than what they do
PATIENCE = 0.2  # seconds: a busy server slows long work down to a third, and never stops it
BREATH = 0.003  # seconds, for whoever is just coming to the front

_changed = threading.Condition()
_in_front: Counter[int] = Counter()  # threads, and how deep each is in such blocks


@contextmanager
def in_front() -> Iterator[None]:
    """Be somebody who waits for an answer, for the time of a `with` block; it may be nested."""
    thread = threading.get_ident()
    with _changed:
        _in_front[thread] += 1
    try:
        yield
    finally:
        with _changed:
            _in_front[thread] -= 1
            if not _in_front[thread]:
                del _in_front[thread]
                _changed.notify_all()


def give_way() -> None:
    """Wait until nobody is in front, PATIENCE at most; who is in front does not wait."""
    if threading.get_ident() in _in_front:
        return
    time.sleep(BREATH)
    with _changed:
        _changed.wait_for(lambda: not _in_front, timeout=PATIENCE)


def short_calls(things: int, most: int) -> Iterator[slice]:
    """Yield what to do in each call, so that it takes about SECONDS; give way between two.

    Args:
        things: how many there are to do.
        most: how many one call can take.
    """
    start, size = 0, min(FIRST, most)
    while start < things:
        part = slice(start, min(start + size, things))
        began = time.perf_counter()
        yield part
        taken = max(time.perf_counter() - began, 1e-6)
        start = part.stop
        # Not more than twice as many: one quick call says little about the next.
        wanted = int((part.stop - part.start) * SECONDS / taken)
        size = min(max(LEAST, min(wanted, 2 * size)), most)
        if start < things:
            give_way()
