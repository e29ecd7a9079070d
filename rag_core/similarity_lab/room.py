"""Predict, then reveal: what the people in the room guessed, kept for the room."""

from __future__ import annotations

import threading
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Guess:
    """A guessed similarity and the true one, both -1 to 1."""

    first: str
    second: str
    guessed: float
    truth: float

    @property
    def error(self) -> float:
        """How far off the guess was."""
        return abs(self.guessed - self.truth)


class Room:
    """The guesses of everybody who looks at the same server. Thread-safe; forgets the oldest."""

    def __init__(self, most: int = 1_000) -> None:
        self._most = most
        self._guesses: list[Guess] = []
        self._lock = threading.Lock()

    def add(self, guess: Guess) -> None:
        """Note one more guess.

        Raises:
            ValueError: for a guess outside -1 to 1.
        """
        if not -1 <= guess.guessed <= 1:
            raise ValueError(f"a similarity is between -1 and 1, not {guess.guessed}")
        with self._lock:
            self._guesses = [*self._guesses, guess][-self._most :]

    def guesses(self) -> list[Guess]:
        """Return all guesses, oldest first."""
        with self._lock:
            return list(self._guesses)

    def clear(self) -> None:
        """Begin anew."""
        with self._lock:
            self._guesses = []


def mean_error(guesses: list[Guess]) -> float | None:
    """Return the mean distance of the guesses from the truth; None without a guess."""
    return sum(guess.error for guess in guesses) / len(guesses) if guesses else None
