"""How ranks move: what two searches share, and each chunk's way through the stages of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from rag_core.datatypes import Chunk, SearchResult


@dataclass(frozen=True, slots=True)
class Overlap:
    """The share (0 to 1) of the first k hits that two methods have in common."""

    first: str
    second: str
    share: float


@dataclass(frozen=True, slots=True)
class Flow:
    """One chunk's rank in every stage that ranks, in order; None where the stage lacks it."""

    chunk: Chunk
    ranks: tuple[tuple[str, int | None], ...]


def overlap_at(first: Sequence[str], second: Sequence[str], k: int) -> float:
    """Return how much of their first k ids two rankings share, from 0 to 1.

    Where both are shorter than k, the longer one's length counts for k; two empty ones agree.

    Raises:
        ValueError: for k < 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    one, two = set(first[:k]), set(second[:k])
    longest = max(len(one), len(two))
    return len(one & two) / longest if longest else 1.0


def overlaps(rankings: Mapping[str, Sequence[str]], k: int) -> list[Overlap]:
    """Return the overlap of every two rankings of ids, in the order they are given.

    Raises:
        ValueError: for k < 1.
    """
    return [
        Overlap(first, second, overlap_at(rankings[first], rankings[second], k))
        for first, second in combinations(rankings, 2)
    ]


def rank_flow(result: SearchResult, top: int | None = None) -> list[Flow]:
    """Return how each found chunk moved through the stages, the last stage's best first.

    Args:
        result: of any search.
        top: leave out chunks that no stage ranks this high; None keeps all.

    Raises:
        ValueError: for a top < 1.
    """
    if top is not None and top < 1:
        raise ValueError(f"top must be at least 1, not {top}")
    stages = [stage for stage in result.stages if stage.name != "embed"]
    ranks = [{hit.chunk.id: hit.rank for hit in stage.hits} for stage in stages]
    chunks: dict[str, Chunk] = {}
    for stage in reversed(stages):  # the later stages' order first
        for hit in stage.hits:
            if top is None or hit.rank <= top:
                chunks.setdefault(hit.chunk.id, hit.chunk)
    return [
        Flow(
            chunk,
            tuple((stage.name, by.get(id_)) for stage, by in zip(stages, ranks, strict=True)),
        )
        for id_, chunk in chunks.items()
    ]
