"""Keyword search: BM25 over the terms of the chunks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from copy import copy
from dataclasses import dataclass
from itertools import islice

import numpy as np

from rag_core import bm25
from rag_core.bm25 import K1, VARIANTS, B, Counts
from rag_core.datatypes import Chunk, SearchHit
from rag_core.filters import checked, matches
from rag_core.protocols import IntArray, Where
from rag_core.terms import Analyzer

__all__ = ["K1", "VARIANTS", "B", "KeywordIndex", "TermScore", "filterable"]


@dataclass(frozen=True, slots=True)
class TermScore:
    """What one term of a query adds to a chunk's score, and the numbers it comes from.

    Attributes:
        term: as it stands in the index: folded, stemmed.
        repeats: how often the query says it; every time counts.
        frequency: how often the chunk has it.
        found: how many chunks have it.
        idf: what its rarity makes it worth.
        length: how many terms the chunk has.
        mean_length: how many the chunks have on average.
        score: its part of the chunk's score, repeats included.
    """

    term: str
    repeats: int
    frequency: int
    found: int
    idf: float
    length: int
    mean_length: float
    score: float


class KeywordIndex:
    """BM25 scores laid out once, term by chunk, so that a query only adds up a few rows.

    The default variant, "lucene", is
        score(q, d) = sum over the terms t of q of
            idf(t) * tf(t, d) * (K1 + 1) / (tf(t, d) + K1 * (1 - B + B * |d| / avgdl)),
            idf(t) = ln(1 + (N - n(t) + 0.5) / (n(t) + 0.5)).
    "okapi" (rank-bm25's BM25Okapi) is the same but for ln((N - n + 0.5) / (n + 0.5)), which is 0
    for a term of half of the chunks. "l" and "plus" are rank-bm25's BM25L and BM25Plus.

    Lucene's is the default because it is above zero for every term and falls with every chunk that
    holds it. Measured by `benchmarks/search.py --quality`: with a relevant chunk among 2 chunks of
    ten articles, it came first for 100 % of the questions, by Okapi for 85 %; and 4 of 10 of what
    Okapi put first in libraries of 1 to 10 scored zero or less. In the whole libraries the two are
    within 1.3 points of nDCG@10, Okapi ahead (68 questions); BM25L is 6 to 21 behind.

    Args:
        chunks: what is searched; of two with one id, the later counts.
        variant: a key of VARIANTS.
        k1: how soon repeats of a term stop counting, at least 0.
        b: how much long chunks are marked down, 0 to 1.
        analyzer: how texts and queries become terms; see `terms.Analyzer`, as for the next three.
        language: of the words.
        stem: whether endings are cut off.
        stop_words: whether function words are left out.

    Raises:
        ValueError: for an unknown variant, analyzer or language, or a k1 or b out of range.
    """

    def __init__(
        self,
        chunks: Iterable[Chunk],
        *,
        variant: str = "lucene",
        k1: float = K1,
        b: float = B,
        analyzer: str = "words",
        language: str = "english",
        stem: bool = True,
        stop_words: bool = True,
    ) -> None:
        if variant not in VARIANTS:
            raise ValueError(f"unknown variant {variant!r}; known are {', '.join(VARIANTS)}")
        if k1 < 0 or not 0 <= b <= 1:
            raise ValueError(f"k1 must be at least 0 and b from 0 to 1, not {k1} and {b}")
        self.analyzer = Analyzer(analyzer, language, stem, stop_words)
        self._variant = VARIANTS[variant]
        self._k1, self._b = k1, b
        ordered = _ordered(chunks)
        self._fill(ordered, bm25.counted([chunk.text for chunk in ordered], self.analyzer))

    def _fill(self, chunks: list[Chunk], counts: Counts) -> None:
        self._chunks = chunks  # in order of id, so that the order of rows breaks ties
        self._rows = {chunk.id: row for row, chunk in enumerate(chunks)}
        self._counts = counts
        self._scores = bm25.scores(counts, self._variant, self._k1, self._b)
        self._positive = bool((self._scores > 0).all())
        self._idf = bm25.idf(counts, self._variant)

    def __len__(self) -> int:
        return len(self._chunks)

    def __iter__(self) -> Iterator[Chunk]:
        """Iterate over the chunks, by id."""
        return iter(self._chunks)

    def updated(self, added: Iterable[Chunk], removed: Collection[str] = ()) -> KeywordIndex:
        """Return the index after these ids left and these chunks came; this one stays as it is.

        Only the added are cut into terms. The result is what an index made of the remaining
        chunks would be. An added chunk replaces the one with its id; unknown ids are ignored.
        """
        new = _ordered(added)
        leaves = set(removed).union(chunk.id for chunk in new)
        stays = [chunk for chunk in self._chunks if chunk.id not in leaves]
        chunks = sorted([*stays, *new], key=lambda chunk: chunk.id)
        place = {chunk.id: row for row, chunk in enumerate(chunks)}
        rows = [-1 if c.id in leaves else place[c.id] for c in self._chunks]
        counts = bm25.updated(
            self._counts,
            np.array(rows, dtype=np.int64),
            bm25.counted([chunk.text for chunk in new], self.analyzer),
            np.array([place[chunk.id] for chunk in new], dtype=np.int64),
            len(chunks),
        )
        index = copy(self)
        index._fill(chunks, counts)
        return index

    def search(self, query: str, k: int, where: Where | None = None) -> list[SearchHit]:
        """Return the k best chunks that hold a term of the query (law 5), best first.

        Ties break by chunk id. `where` is a metadata filter. No match gives an empty list.

        Raises:
            ValueError: for k < 1.
            FilterError: for a malformed filter.
        """
        if k < 1:
            raise ValueError(f"k must be at least 1, not {k}")
        full = None if where is None else checked(where)
        parts, base = self._parts(query)
        scores = np.zeros(len(self._chunks))
        for part, repeats in parts:
            # add.at is quick only for two arrays of one type, and then quicker than +=
            np.add.at(scores, self._counts.rows[part], repeats * self._scores[part].astype(float))
        nothing = self._marked(parts, scores)
        if full is None:
            best = _best(scores, nothing, k)
        else:
            best = self._first_that_match(full, _best(scores, nothing, len(scores)), k)
        return [
            SearchHit(self._chunks[row], rank, score, {"keyword": score})
            for rank, row in enumerate(best, start=1)
            for score in (base + float(scores[row]),)
        ]

    def _parts(self, query: str) -> tuple[list[tuple[slice, int]], float]:
        """Return where each term's scores lie, with its repeats, and what every chunk gets."""
        parts, base = [], 0.0
        for term, repeats in Counter(self.analyzer(query)).items():
            part = self._counts.part(term)
            if part is not None:
                parts.append((part, repeats))
                base += repeats * self._variant.base * self._idf_of(term)
        return parts, base

    def _marked(self, parts: list[tuple[slice, int]], scores: bm25.Doubles) -> float:
        """Return the score, below all others, of chunks without a term of the query (law 5)."""
        if self._positive:  # then a sum is above 0 just where a term is
            return 0.0
        lacks = np.ones(len(scores), dtype=bool)
        for part, _ in parts:
            lacks[self._counts.rows[part]] = False
        scores[lacks] = -np.inf
        return -np.inf

    def _idf_of(self, term: str) -> float:
        number = self._counts.vocabulary.get(term)
        return 0.0 if number is None else float(self._idf[number])

    def holds(self, term: str) -> int:
        """Return how many chunks hold this index term (see `terms.terms`)."""
        part = self._counts.part(term)
        return 0 if part is None else part.stop - part.start

    def explain(self, query: str, chunk_id: str) -> list[TermScore]:
        """Return what each term of the query adds to a chunk's score, in order of the query.

        The parts add up to the score that `search` gives, but for the rounding of float32. Terms
        that no chunk has add nothing and are in the list; with "plus", terms that only other
        chunks have add the same to every chunk.

        Raises:
            KeyError: for an id that is not in the index.
        """
        row = self._rows[chunk_id]
        return [
            self._explained(term, repeats, row)
            for term, repeats in Counter(self.analyzer(query)).items()
        ]

    def _explained(self, term: str, repeats: int, row: int) -> TermScore:
        counts, idf = self._counts, self._idf_of(term)
        place = counts.place(term, row)
        weight = 0.0 if place is None else float(self._scores[place])
        return TermScore(
            term=term,
            repeats=repeats,
            frequency=0 if place is None else int(counts.frequencies[place]),
            found=self.holds(term),
            idf=idf,
            length=int(counts.lengths[row]),
            mean_length=float(counts.lengths.mean()),
            score=repeats * (self._variant.base * idf + weight),
        )

    def _first_that_match(self, where: Where, rows: IntArray, k: int) -> IntArray:
        # In order of score, so that only as many chunks are looked at as it takes to find k.
        found = (row for row in rows if matches(where, filterable(self._chunks[row])))
        return np.array(list(islice(found, k)), dtype=np.int64)


def filterable(chunk: Chunk) -> dict[str, object]:
    """Return what filters see of a chunk: its metadata and its place."""
    return {
        **chunk.metadata,
        "document_id": chunk.document_id,
        "index": chunk.index,
        "start": chunk.start,
        "end": chunk.end,
    }


def _ordered(chunks: Iterable[Chunk]) -> list[Chunk]:
    by_id = {chunk.id: chunk for chunk in chunks}
    return [by_id[id_] for id_ in sorted(by_id)]


def _best(scores: bm25.Doubles, nothing: float, k: int) -> IntArray:
    """Return the rows of the k highest scores above `nothing`, best first; ties by row."""
    floor = nothing
    if k < len(scores):
        floor = float(np.partition(scores, len(scores) - k)[len(scores) - k])
    # Everything tied with the k-th stays in, so that the id decides and not the partition.
    rows = np.flatnonzero(scores >= floor if floor > nothing else scores > nothing)
    return rows[np.argsort(-scores[rows], kind="stable")][:k]
