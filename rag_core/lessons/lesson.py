"""What a lesson is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from rag_core.lessons.bench import Bench


@dataclass(frozen=True, slots=True)
class View:
    """A page in a certain state: its url path and its query string, as (key, value) pairs.

    A key may come more than once, as it does for a choice of several.
    """

    page: str
    query: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One bar of what was computed. `marked` is the one to look at; `note` is for the table."""

    label: str
    value: float
    note: str = ""
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Reveal:
    """What was computed: the true choice's place, a sentence with the numbers, and the numbers.

    `unit` says what the rows' values are.
    """

    choice: int
    said: str
    unit: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Lesson:
    """One lesson. `compute` finds out which of `choices` is true; `why` holds whichever it is.

    `notes` are for the presenter alone.
    """

    title: str
    shows: str
    question: str
    choices: tuple[str, ...]
    why: str
    notes: tuple[str, ...]
    view: View
    compute: Callable[[Bench], Reveal] = field(repr=False)


def place_of(value: float, bounds: tuple[float, ...]) -> int:
    """Return how many of the ascending bounds the value has reached: the place of its choice."""
    return sum(value >= bound for bound in bounds)
