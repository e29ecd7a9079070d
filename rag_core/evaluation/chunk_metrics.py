"""How much of the marked text was retrieved, and at what cost: chunk quality over ranges.

The four measures of Chroma's report "Evaluating Chunking Strategies for Retrieval" (Smith and
Troynikov, 2024), over half-open ranges of whatever is counted: characters, as their program does,
or tokens (see `in_tokens`). With E the reference ranges, t the n retrieved chunks, |.| a length and
|.|+ a sum of lengths in which text that stands in two chunks counts twice:

    recall           |union(t) and E| / |E|+
    precision        |union(t) and E| / |t|+
    IoU              |union(t) and E| / (|t|+ + |E without t|)
    precision-omega  |E and C| / |union(C) or E|, C all chunks that touch a reference

Precision-omega is the precision of a perfect retrieval: what the cutting alone allows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from rag_core.protocols import IntArray

Range = tuple[str, int, int]
"""A document's name, and the first and the end of a half-open range in it."""


@dataclass(frozen=True, slots=True)
class ChunkQuality:
    """The measures of one question's retrieval, each 0 to 1."""

    recall: float
    precision: float
    iou: float


def chunk_quality(retrieved: Sequence[Range], references: Sequence[Range]) -> ChunkQuality:
    """Return recall, precision and IoU of what was retrieved; 0 where nothing can be divided by.

    Chunks of other documents than the references' cost precision, as any chunk does.
    """
    found = shared(retrieved, references)
    asked, paid = _lengths(references), _lengths(retrieved)
    missed = size(references) - found
    return ChunkQuality(
        recall=_share(found, asked),
        precision=_share(found, paid),
        iou=_share(found, paid + missed),
    )


def precision_omega(chunks: Iterable[Range], references: Sequence[Range]) -> float:
    """Return the precision of retrieving every chunk that touches a reference, overlap once.

    Args:
        chunks: all there are; those of other documents are passed over.
        references: of one question.
    """
    touching = [chunk for chunk in chunks if any(_touch(chunk, wanted) for wanted in references)]
    return _share(shared(touching, references), size([*touching, *references]))


def in_tokens(wanted: Range, tokens: IntArray) -> Range:
    """Return a range of characters as the range of the tokens that it holds any part of.

    Args:
        wanted: in characters.
        tokens: int64 (n, 2), the places of the document's tokens, in order.
    """
    name, start, end = wanted
    first = int(np.searchsorted(tokens[:, 1], start, side="right"))
    last = int(np.searchsorted(tokens[:, 0], end, side="left"))
    return name, first, max(first, last)


def union(ranges: Iterable[Range]) -> list[Range]:
    """Return the same places as ranges that neither touch nor overlap, in order."""
    joined: list[Range] = []
    for name, start, end in sorted(ranges):
        if joined and joined[-1][0] == name and start <= joined[-1][2]:
            joined[-1] = (name, joined[-1][1], max(end, joined[-1][2]))
        elif end > start:
            joined.append((name, start, end))
    return joined


def size(ranges: Iterable[Range]) -> int:
    """Return how much the ranges cover, what they share counted once."""
    return _lengths(union(ranges))


def shared(some: Iterable[Range], others: Iterable[Range]) -> int:
    """Return how much lies in both, counted once."""
    right = union(others)
    return sum(
        max(0, min(end, until) - max(start, since))
        for name, start, end in union(some)
        for document, since, until in right
        if document == name
    )


def _lengths(ranges: Iterable[Range]) -> int:
    return sum(end - start for _, start, end in ranges)


def _touch(one: Range, other: Range) -> bool:
    return one[0] == other[0] and one[1] < other[2] and other[1] < one[2]


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
