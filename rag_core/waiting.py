"""Waiting for a slow maker of items without being held by it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, SimpleQueue
from typing import TypeVar

Item = TypeVar("Item")
LOOK = 0.2  # seconds between two looks


def watched(items: Iterable[Item], look: Callable[[], object]) -> Iterator[Item]:
    """Yield the items as they come, and call `look` every LOOK seconds while none does.

    A model that says nothing cannot be interrupted, only left: the items are made in a thread of
    their own, and a `look` that raises ends the waiting at once. The thread then ends with the
    next item, or when its model's time is out. Whatever the items raise is raised here.
    """
    made: SimpleQueue[tuple[Item, ...] | BaseException] = SimpleQueue()
    left = threading.Event()

    def make() -> None:
        try:
            for item in items:
                if left.is_set():
                    return
                made.put((item,))
            made.put(())
        except BaseException as error:
            made.put(error)

    threading.Thread(target=make, name="watched", daemon=True).start()
    try:
        while True:
            try:
                came = made.get(timeout=LOOK)
            except Empty:
                look()
                continue
            if isinstance(came, BaseException):
                raise came
            if not came:
                return
            yield came[0]
    finally:
        left.set()
