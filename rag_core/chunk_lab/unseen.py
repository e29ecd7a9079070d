"""What the model never saw: the text past its limit, and a question only that text answers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rag_core.chunk_lab.reading import readable
from rag_core.datatypes import Chunk, SearchHit, Span
from rag_core.keyword import KeywordIndex
from rag_core.protocols import IntArray
from rag_core.terms import terms

_WORD = re.compile(r"[^\W_]{3,}")
QUERY_WORDS = 5
WITHIN = 240  # characters: words this near each other are about one thing
CANDIDATES = 24  # enough to find a plain case in a long document, few enough to embed at once


@dataclass(frozen=True, slots=True)
class Unseen:
    """The text of one document that stands in chunks, and in the readable part of none.

    `spans` are in order; `tokens` of `total` stored tokens were never seen, each counted once.
    """

    spans: tuple[Span, ...]
    tokens: int
    total: int

    @property
    def share(self) -> float:
        """The unseen share of the document's tokens, from 0 to 1."""
        return self.tokens / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True)
class Miss:
    """A query made of unseen words, the chunk that holds them, and where each search ranks it.

    A rank is None when the search does not return the chunk at all.
    """

    query: str
    chunk: Chunk
    keyword: tuple[SearchHit, ...]
    vector: tuple[SearchHit, ...]
    keyword_rank: int | None
    vector_rank: int | None


def unseen(chunks: Sequence[Chunk], tokens: IntArray) -> Unseen:
    """Return what the model never saw of a document cut into these chunks."""
    stored, seen = _covered(chunks, tokens), _covered(readable(chunks, tokens), tokens)
    lost = stored & ~seen
    if not lost.any():
        return Unseen((), 0, int(stored.sum()))
    edges = np.flatnonzero(np.diff(np.concatenate(([False], lost, [False])).astype(np.int8)))
    document_id = chunks[0].document_id
    spans = tuple(
        Span(document_id, int(tokens[first, 0]), int(tokens[last - 1, 1]))
        for first, last in zip(edges[::2], edges[1::2], strict=True)
    )
    return Unseen(spans, int(lost.sum()), int(stored.sum()))


def queries(text: str, chunks: Sequence[Chunk], lost: Unseen) -> list[tuple[str, Chunk]]:
    """Return queries of unseen words, each with the first chunk that holds them.

    Their words stand near each other in one unseen place, and nowhere in the text that was seen.
    """
    seen_terms = set(terms(_seen_text(text, lost.spans)))
    found = []
    for span in lost.spans:
        for start, end, words in _clusters(text, span, seen_terms):
            chunk = next((c for c in chunks if c.start <= start and end <= c.end), None)
            if chunk is not None:
                found.append((" ".join(words), chunk))
    step = max(1, len(found) // CANDIDATES)  # from all over the document, not its beginning alone
    return found[::step][:CANDIDATES]


def search_both(
    query: str, chunk: Chunk, keywords: KeywordIndex, vector_hits: Sequence[SearchHit], k: int
) -> Miss:
    """Look for one chunk by keyword, and in a whole vector ranking of the same chunks."""
    keyword_hits = keywords.search(query, max(k, len(vector_hits)))
    return Miss(
        query,
        chunk,
        tuple(keyword_hits[:k]),
        tuple(vector_hits[:k]),
        _rank(keyword_hits, chunk),
        _rank(vector_hits, chunk),
    )


def plainest(misses: Sequence[Miss]) -> Miss | None:
    """Return the miss that shows most: found first by keyword, and latest by vector."""
    return min(
        misses,
        key=lambda miss: (miss.keyword_rank or 10**9, -(miss.vector_rank or 10**9), miss.query),
        default=None,
    )


def _rank(hits: Sequence[SearchHit], chunk: Chunk) -> int | None:
    return next((hit.rank for hit in hits if hit.chunk.id == chunk.id), None)


def _covered(
    chunks: Sequence[Chunk], tokens: IntArray
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    covered = np.zeros(len(tokens), dtype=np.bool_)
    for chunk in chunks:
        first = np.searchsorted(tokens[:, 1], chunk.start, side="right")
        last = np.searchsorted(tokens[:, 0], chunk.end, side="left")
        covered[first:last] = True
    return covered


def _seen_text(text: str, lost: Sequence[Span]) -> str:
    pieces, at = [], 0
    for span in lost:
        pieces.append(text[at : span.start])
        at = span.end
    return " ".join([*pieces, text[at:]])


def _clusters(text: str, span: Span, seen_terms: set[str]) -> Iterator[tuple[int, int, list[str]]]:
    """Yield (start, end, words) of distinctive words that stand near each other."""
    group: list[re.Match[str]] = []
    for word in _WORD.finditer(text, span.start, span.end):
        found = terms(word[0])
        if not found or any(term in seen_terms for term in found):
            continue
        if group and word.end() - group[0].start() > WITHIN:
            group = []
        if all(word[0].casefold() != other[0].casefold() for other in group):
            group.append(word)
        if len(group) == QUERY_WORDS:
            yield group[0].start(), group[-1].end(), [each[0] for each in group]
            group = []
