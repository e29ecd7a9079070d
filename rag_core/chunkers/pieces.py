"""Sentences as the pieces of other strategies: none too long, all on cluster edges."""

from __future__ import annotations

from collections.abc import Iterator

from rag_core.chunkers.units import Ruler
from rag_core.chunkers.windows import Walk
from rag_core.graphemes import cluster_start, joined
from rag_core.sentences import sentence_spans

Spans = list[tuple[int, int]]


def sentence_pieces(walk: Walk) -> Spans:
    """Return the document's sentences; those longer than the walk's size as several pieces."""
    text, ruler, size = walk.text, walk.ruler, walk.size
    pieces: Spans = []
    for start, end in _on_edges(text, sentence_spans(walk.plain)):
        if ruler.reach(start, size) >= end:
            pieces.append((start, end))
        else:
            pieces.extend(walk.windows(start, end))
    return pieces


def _on_edges(text: str, spans: Spans) -> Iterator[tuple[int, int]]:
    """Widen the rare span whose first or last character forms a cluster with the space beside."""
    before = 0
    for start, end in spans:
        if text[start] >= "\u0300" and joined(text, start):
            start = cluster_start(text, start, before)
        if text[end - 1] >= "\u0300" and joined(text, end):
            end += 1
        yield start, end
        before = end


def packed(pieces: Spans, ruler: Ruler, size: int, overlap: int) -> Iterator[tuple[int, int]]:
    """Yield spans of as many whole pieces as fit into `size` units.

    Each begins with those of the pieces before it that lie in the last `overlap` units, as far as
    at least one new piece still fits. No piece may be longer than `size`.
    """
    first = 0
    while first < len(pieces):
        last = first
        limit = ruler.reach(pieces[first][0], size)
        while last + 1 < len(pieces) and pieces[last + 1][1] <= limit:
            last += 1
        yield pieces[first][0], pieces[last][1]
        if last + 1 == len(pieces):
            return
        first = _back(pieces, ruler, first, last, size, overlap)


def _back(pieces: Spans, ruler: Ruler, first: int, last: int, size: int, overlap: int) -> int:
    """Return the piece the next span begins with, after one of the pieces [first, last]."""
    earliest = ruler.back(pieces[last][1], overlap)
    begin = last + 1
    while begin - 1 > first and pieces[begin - 1][0] >= earliest:
        begin -= 1
    while ruler.reach(pieces[begin][0], size) < pieces[last + 1][1] and begin <= last:
        begin += 1
    return begin
