"""What a parser of one format returns, and how it refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from rag_core.loaders.limits import Limits

Scalar = str | int | float | bool
OnStep = Callable[[int, int], None]
"""Called with (steps done, steps in all) while a parser works."""


class Refusal(Exception):
    """A file cannot become text: why, and what to do. `load` adds the file's name to it."""

    def __init__(self, reason: str, hint: str = "") -> None:
        self.reason = reason
        self.hint = hint
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Parsed:
    """The text of one file, with everything that `Document` keeps beside it."""

    text: str
    metadata: dict[str, Scalar] = field(default_factory=dict)
    pages: tuple[tuple[int, int], ...] = ()
    notes: tuple[str, ...] = ()


Parser = Callable[[bytes, Limits, OnStep], Parsed]
"""Turns a file's bytes into text; raises `Refusal` when that cannot be done."""


class TextBuilder:
    """Collects pieces of text and ends the work as soon as they exceed `max_characters`."""

    def __init__(self, limits: Limits) -> None:
        self._limit = limits.max_characters
        self._pieces: list[str] = []
        self.length = 0

    def add(self, piece: str) -> None:
        """Append `piece`; raises `Refusal` when the text grows past the limit."""
        self.length += len(piece)
        check_characters(self.length, self._limit)
        self._pieces.append(piece)

    def text(self) -> str:
        """Return everything that was added."""
        return "".join(self._pieces)


def check_characters(count: int, limit: int) -> None:
    """Raise `Refusal` when `count` characters are more than `limit`."""
    if count > limit:
        raise Refusal(
            f"The text is longer than the limit of {limit:,} characters.",
            "Split the file, or raise RAGSCOPE_MAX_CHARACTERS.",
        )
