"""Evidence compared: which passages both lanes found, and which only one did.

By place, not by chunk: lanes may cut the same documents in different ways.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag_core.datatypes import SearchHit
from rag_core.evaluation.chunk_metrics import Range, shared

SAME = 0.5  # of a hit's characters in the other lane's evidence: then both found it


@dataclass(frozen=True, slots=True)
class Seen:
    """A hit of one lane. `share`, 0 to 1, is how much of its text the other lane found as well.

    `rank_there` is the rank of the other lane's hit that holds most of it, None where none does.
    """

    hit: SearchHit
    share: float
    rank_there: int | None

    @property
    def both(self) -> bool:
        """Whether both lanes found it."""
        return self.share >= SAME


@dataclass(frozen=True, slots=True)
class Evidence:
    """Two lanes' hits, each beside the other's; and how many characters both or one of them hold.

    Text that lies in several hits of a lane counts once.
    """

    first: tuple[Seen, ...]
    second: tuple[Seen, ...]
    both: int
    only_first: int
    only_second: int


def compare(first: Sequence[SearchHit], second: Sequence[SearchHit]) -> Evidence:
    """Return the comparison of two lanes' hits, each best first."""
    left, right = [_range(hit) for hit in first], [_range(hit) for hit in second]
    common = shared(left, right)
    return Evidence(
        tuple(_seen(hit, second) for hit in first),
        tuple(_seen(hit, first) for hit in second),
        common,
        shared(left, left) - common,
        shared(right, right) - common,
    )


def _seen(hit: SearchHit, others: Sequence[SearchHit]) -> Seen:
    place = _range(hit)
    parts = [(shared([place], [_range(other)]), -other.rank) for other in others]
    most, rank = max(parts, default=(0, 0))
    length = place[2] - place[1]
    found = shared([place], [_range(other) for other in others])
    return Seen(hit, found / length if length else 0.0, -rank if most else None)


def _range(hit: SearchHit) -> Range:
    return hit.chunk.document_id, hit.chunk.start, hit.chunk.end
