"""What the room prefers: votes between two lanes, question by question, and their tally."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rag_core.access import role
from rag_core.errors import HomeError

FILE = "lane_votes.jsonl"
MOST = 20_000  # votes; beyond, none is taken any more
_LONGEST = 2_000  # characters of a question


@dataclass(frozen=True, slots=True)
class Vote:
    """What one voter, or a show of hands, says about two lanes and one question.

    `lanes` are the labels of the two, in the order of their settings, never of A and B. `first`,
    `second` and `even` are how many prefer one or neither; a single voter has 1 in one of them.

    Raises:
        ValueError: for a negative number, or a question that is empty or too long.
    """

    collection: str
    question: str
    lanes: tuple[str, str]
    voter: str
    first: int = 0
    second: int = 0
    even: int = 0

    def __post_init__(self) -> None:
        if min(self.first, self.second, self.even) < 0:
            raise ValueError("votes are counted from 0")
        if not self.question or len(self.question) > _LONGEST:
            raise ValueError(f"a question has 1 to {_LONGEST:,} characters")

    @property
    def key(self) -> tuple[str, str, tuple[str, str], str]:
        """What there can be one vote for; a second one takes the place of the first."""
        return self.collection, self.question, self.lanes, self.voter


@dataclass(frozen=True, slots=True)
class Tally:
    """All votes on one question."""

    question: str
    first: int
    second: int
    even: int

    @property
    def winner(self) -> int:
        """0 or 1 for the lane that more prefer, -1 when neither."""
        return -1 if self.first == self.second else int(self.second > self.first)


class Ballot:
    """Votes of everybody on one server. Thread-safe.

    What an editor or an admin casts is kept in the data folder and survives a restart; a viewer's
    vote counts as long as the server runs.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._lock = threading.Lock()
        self._cast = {vote.key: vote for vote in _read(self._path)}

    def cast(self, vote: Vote) -> bool:
        """Take a vote; return whether it counts: not when there are MOST of them.

        Raises:
            HomeError: when it cannot be kept; then it does not count.
        """
        with self._lock:
            if vote.key not in self._cast and len(self._cast) >= MOST:
                return False
            if role() != "viewer":
                self._keep(vote)
            self._cast[vote.key] = vote
            return True

    def of(self, vote: Vote) -> Vote | None:
        """Return what this voter said about this question before, or None."""
        with self._lock:
            return self._cast.get(vote.key)

    def tallies(self, collection: str, lanes: tuple[str, str]) -> list[Tally]:
        """Return the tally of every question that was voted on between these two, oldest first.

        The two may be given in either order; `first` is the first one given.
        """
        with self._lock:
            votes = list(self._cast.values())
        found: dict[str, list[int]] = {}
        for vote in votes:
            if vote.collection != collection or set(vote.lanes) != set(lanes):
                continue
            counts = found.setdefault(vote.question, [0, 0, 0])
            same = vote.lanes == lanes
            counts[0] += vote.first if same else vote.second
            counts[1] += vote.second if same else vote.first
            counts[2] += vote.even
        return [Tally(question, *counts) for question, counts in found.items() if any(counts)]

    def _keep(self, vote: Vote) -> None:
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(f"\n{json.dumps(asdict(vote))}\n")  # whatever a crash left before it
        except OSError as error:
            raise HomeError(
                "The vote cannot be kept.", hint=f"Is there room, and may {self._path} be written?"
            ) from error


def wins(tallies: Sequence[Tally]) -> tuple[int, int, int]:
    """Return how many questions the first lane won, the second, and neither."""
    winners = [tally.winner for tally in tallies]
    return winners.count(0), winners.count(1), winners.count(-1)


def _read(path: Path) -> Iterator[Vote]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return
    except OSError as error:
        raise HomeError(f"{path} cannot be read.", hint="Check its permissions.") from error
    for line in lines[-4 * MOST :]:
        try:
            values = json.loads(line)
            first, second = values["lanes"]
            yield Vote(**{**values, "lanes": (str(first), str(second))})
        except (ValueError, TypeError, KeyError):
            continue  # a line that a crash cut off
