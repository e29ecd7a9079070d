"""What the room predicts: one vote a voter and lesson, for everybody who looks at one server."""

from __future__ import annotations

import threading
from collections import Counter


class Votes:
    """Votes by lesson. Thread-safe; beyond `most` voters a lesson takes no more."""

    def __init__(self, most: int = 5_000) -> None:
        self._most = most
        self._cast: dict[int, dict[str, int]] = {}
        self._lock = threading.Lock()

    def cast(self, lesson: int, voter: str, choice: int) -> bool:
        """Note a vote; a voter's second one takes the place of the first.

        Returns:
            Whether it counts: not when the lesson has all the voters it takes.

        Raises:
            ValueError: for a negative choice.
        """
        if choice < 0:
            raise ValueError(f"a choice is a place from 0, not {choice}")
        with self._lock:
            cast = self._cast.setdefault(lesson, {})
            if voter not in cast and len(cast) >= self._most:
                return False
            cast[voter] = choice
            return True

    def of(self, lesson: int, voter: str) -> int | None:
        """Return what a voter chose, or None."""
        with self._lock:
            return self._cast.get(lesson, {}).get(voter)

    def counts(self, lesson: int, choices: int) -> tuple[int, ...]:
        """Return how many chose each of so many choices."""
        with self._lock:
            found = Counter(self._cast.get(lesson, {}).values())
        return tuple(found[choice] for choice in range(choices))

    def clear(self) -> None:
        """Begin anew, in every lesson."""
        with self._lock:
            self._cast = {}
