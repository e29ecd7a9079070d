"""Keyword search: BM25 over the terms of the chunks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from rag_core.datatypes import Chunk, SearchHit
from rag_core.filters import checked, matches
from rag_core.protocols import FloatArray, IntArray, Where
from rag_core.terms import terms

K1 = 1.5  # how soon repeats of a term stop counting (Robertson and Zaragoza 2009: 1.2 to 2)
B = 0.75  # how much long chunks are marked down


class KeywordIndex:
    """BM25 scores laid out once, term by chunk, so that a query only adds up a few rows.

    score(q, d) = sum over the terms t of q of
        idf(t) * tf(t, d) * (K1 + 1) / (tf(t, d) + K1 * (1 - B + B * |d| / avgdl)),
        idf(t) = ln(1 + (N - n(t) + 0.5) / (n(t) + 0.5)).
    This idf is never negative, so the right chunk scores above zero even in a library of two.

    Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009;
    part 10 of the lesson.
    """

    def __init__(self, chunks: Iterable[Chunk]) -> None:
        self._chunks = sorted(chunks, key=lambda chunk: chunk.id)
        self._postings = _postings(self._chunks)

    def __len__(self) -> int:
        return len(self._chunks)

    def search(self, query: str, k: int, where: Where | None = None) -> list[SearchHit]:
        """Return the k best chunks that hold a term of the query (law 5), best first.

        Ties break by chunk id. `where` is a metadata filter. No match gives an empty list.

        Raises:
            ValueError: for k < 1.
            FilterError: for a malformed filter.
        """
        if k < 1:
            raise ValueError(f"k must be at least 1, not {k}")
        scores = np.zeros(len(self._chunks), dtype=np.float32)
        matched = np.zeros(len(self._chunks), dtype=bool)
        for term in terms(query):
            if term in self._postings:
                rows, values = self._postings[term]
                scores[rows] += values
                matched[rows] = True
        rows = np.flatnonzero(matched)
        if where is not None:
            full = checked(where)
            kept = [row for row in rows if matches(full, filterable(self._chunks[row]))]
            rows = np.array(kept, dtype=np.int64)
        return self._best(rows, scores, k)

    def holds(self, term: str) -> int:
        """Return how many chunks hold this index term (see `terms.terms`)."""
        return len(self._postings[term][0]) if term in self._postings else 0

    def _best(self, rows: IntArray, scores: FloatArray, k: int) -> list[SearchHit]:
        if len(rows) > k:
            # Everything tied with the k-th stays in, so that the id decides and not the partition.
            floor = np.partition(scores[rows], len(rows) - k)[len(rows) - k]
            rows = rows[scores[rows] >= floor]
        order = rows[np.argsort(-scores[rows], kind="stable")][:k]  # rows are in order of id
        return [
            SearchHit(self._chunks[row], rank, float(scores[row]), {"keyword": float(scores[row])})
            for rank, row in enumerate(order, start=1)
        ]


def filterable(chunk: Chunk) -> dict[str, object]:
    """Return what filters see of a chunk: its metadata and its place."""
    return {
        **chunk.metadata,
        "document_id": chunk.document_id,
        "index": chunk.index,
        "start": chunk.start,
        "end": chunk.end,
    }


def _postings(chunks: list[Chunk]) -> dict[str, tuple[IntArray, FloatArray]]:
    counts = [Counter(terms(chunk.text)) for chunk in chunks]
    lengths = np.array([sum(count.values()) for count in counts], dtype=np.float64)
    mean = lengths.mean() if lengths.size and lengths.any() else 1.0
    norms = K1 * (1 - B + B * lengths / mean)
    rows: dict[str, list[int]] = {}
    frequencies: dict[str, list[int]] = {}
    for row, count in enumerate(counts):
        for term, frequency in count.items():
            rows.setdefault(term, []).append(row)
            frequencies.setdefault(term, []).append(frequency)
    result = {}
    for term, places in rows.items():
        where = np.array(places, dtype=np.int64)
        tf = np.array(frequencies[term], dtype=np.float64)
        idf = np.log1p((len(chunks) - len(places) + 0.5) / (len(places) + 0.5))
        result[term] = where, (idf * tf * (K1 + 1) / (tf + norms[where])).astype(np.float32)
    return result
