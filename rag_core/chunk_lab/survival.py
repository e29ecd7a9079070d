"""Does the answer survive? One marked answer under many strategies, sizes and overlaps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rag_core.chunk_lab.cutting import SIZES, Choice, overlaps
from rag_core.chunk_lab.reading import readable
from rag_core.chunk_report import judge
from rag_core.datatypes import Chunk, SearchHit, Span
from rag_core.protocols import IntArray

Outcome = Literal["whole", "drowned", "beyond", "cut", "missing"]
OUTCOMES: Mapping[Outcome, str] = {
    "whole": "one chunk holds all of it",
    "drowned": "one chunk holds all of it, among more than ten times as much",
    "beyond": "one chunk holds all of it, past what the model reads",
    "cut": "no chunk holds all of it",
    "missing": "no chunk holds any of it",
}
SHARES = (0.0, 0.15, 0.3)  # of the size: no overlap, a usual one, and a generous one
STEPS = (0.25, 0.5, 1.0, 2.0, 4.0)  # of the size that is chosen


@dataclass(frozen=True, slots=True)
class Cell:
    """One chunking in the sweep. `rank` is where the question finds the answer, None if unasked.

    `holders` are the ids of the chunks that hold as much of the answer as any chunk does.
    """

    choice: Choice
    outcome: Outcome
    holders: frozenset[str]
    rank: int | None = None


def outcome(chunks: Sequence[Chunk], gold: Span, tokens: IntArray) -> Outcome:
    """Say what becomes of an answer between the text and the model.

    As `chunk_report.judge`, and "beyond" when a chunk holds the whole answer, but in no chunk all
    of it stands within what the model reads.

    Raises:
        ValueError: when no token stands in the gold span.
    """
    fate = judge(chunks, gold, tokens).fate
    if fate in ("cut", "missing"):
        return fate
    seen = judge(readable(chunks, tokens), gold, tokens)
    return "beyond" if seen.recall < 1 else fate


def holders(chunks: Sequence[Chunk], gold: Span) -> frozenset[str]:
    """Return the ids of the chunks that hold the most of the answer's characters."""
    shared = {c.id: min(c.end, gold.end) - max(c.start, gold.start) for c in chunks}
    most = max(shared.values(), default=0)
    return frozenset(id_ for id_, part in shared.items() if part == most > 0)


def rank_of(hits: Iterable[SearchHit], ids: frozenset[str]) -> int | None:
    """Return the best rank of any of the chunks, or None when none is among the hits."""
    return next((hit.rank for hit in hits if hit.chunk.id in ids), None)


def grid(strategies: Sequence[str], size: int, unit: str) -> list[Choice]:
    """Return the chunkings of the sweep: the size, halved and doubled twice, at three overlaps.

    Sizes stay within those the page offers; a strategy that cannot overlap is there once a size.
    """
    low, high, _ = SIZES[unit]
    sizes = sorted({min(max(round(size * step), low), high) for step in STEPS})
    return [
        Choice(strategy, each, int(each * share), unit)
        for strategy in strategies
        for share in (SHARES if overlaps(strategy) else SHARES[:1])
        for each in sizes
    ]


def cell(choice: Choice, chunks: Sequence[Chunk], gold: Span, tokens: IntArray) -> Cell:
    """Judge one chunking of the sweep."""
    return Cell(choice, outcome(chunks, gold, tokens), holders(chunks, gold))


def with_rank(one: Cell, hits: Iterable[SearchHit]) -> Cell:
    """Return the cell with the rank at which these hits, best first, show the answer."""
    return replace(one, rank=rank_of(hits, one.holders))
