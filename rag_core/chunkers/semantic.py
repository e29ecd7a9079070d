"""Cutting where the subject changes, as the distance of neighbouring sentences shows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from rag_core.chunkers.base import (
    TOOL,
    Strategy,
    check_known,
    check_size,
    check_whole,
    cut_all,
    walk,
)
from rag_core.chunkers.drift import METHODS, best_cuts, cut_points, group_distances
from rag_core.chunkers.pieces import Spans, sentence_pieces
from rag_core.chunkers.separators import last_clause, last_line
from rag_core.chunkers.units import Ruler, Tokenizer
from rag_core.datatypes import Chunk, Document
from rag_core.protocols import FloatArray, IntArray

Embed = Callable[[Sequence[str]], FloatArray]
"""Texts to float vectors of shape (texts, dimension): `embedder.embed_documents`, for instance."""


@dataclass(frozen=True, slots=True, eq=False)
class Drift:
    """What a semantic chunker saw: the sentences, the curve between them, and where it cut.

    `distances[i]` lies between sentences i and i + 1. `wanted` are the gaps the method asked for,
    `spans` the chunks after minimum and maximum had their say.
    """

    sentences: Spans
    distances: FloatArray
    wanted: list[int]
    spans: Spans


@dataclass(frozen=True, kw_only=True)
class SemanticChunker(Strategy):
    """Embeds every sentence once and cuts where the `group` sentences on each side are far apart.

    `method`: "percentile" and "deviation" cut at the peaks of the distance above that percentile
    (`amount` 0 to 100), or that many standard deviations above the mean; "gradient" above that
    percentile of its slope; "optimal" finds the best cuts of all and takes no amount. `amount`
    None is the method's default.

    No chunk is larger than `maximum` units, and one smaller than `minimum` stays only where it
    fits to neither neighbour. `embed` makes the vectors; by default the embedder named `model`
    does, which is opened when first needed.
    """

    name: ClassVar[str] = "semantic"
    method: str = "percentile"
    amount: float | None = None
    group: int = 2
    minimum: int = 200
    maximum: int = 1200
    unit: str = "characters"
    model: str = "all-MiniLM-L6-v2"
    embed: Embed | None = field(default=None, metadata=TOOL, compare=False, repr=False)
    tokenizer: Tokenizer | None = field(default=None, metadata=TOOL, compare=False, repr=False)

    def __post_init__(self) -> None:
        check_known("method", self.method, METHODS)
        check_size(self.maximum, 0, self.unit)
        check_whole("group", self.group, 1)
        check_whole("minimum", self.minimum, 0)
        if self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum} must not exceed maximum {self.maximum}")
        highest = 100 if self.method in ("percentile", "gradient") else float("inf")
        if self.amount is not None and not isinstance(self.amount, int | float):
            raise ValueError(f"amount must be a number, not {self.amount!r}")
        if self.amount is not None and not 0 <= self.amount <= highest:
            raise ValueError(f"amount {self.amount} must lie between 0 and {highest}")

    def chunk(self, document: Document) -> list[Chunk]:
        """Return the chunks in reading order; none for a document of white space."""
        return cut_all(document, self.drift(document).spans)

    def drift(self, document: Document) -> Drift:
        """Return everything the chunks follow from, for a reader to look at."""
        finders = (last_line, last_clause)
        path = walk(document, self.unit, self.tokenizer, self.maximum, 0, finders)
        sentences = sentence_pieces(path)
        if len(sentences) < 2:
            return Drift(sentences, np.zeros(0, dtype=np.float32), [], sentences)
        vectors = self._embedder()([document.text[start:end] for start, end in sentences])
        distances = group_distances(vectors, self.group)
        fitting = _Fitting(sentences, distances, path.ruler, self.minimum, self.maximum)
        wanted = self._wanted(vectors, distances, fitting)
        return Drift(sentences, distances, wanted, fitting.spans(wanted))

    def _wanted(self, vectors: FloatArray, distances: FloatArray, fitting: _Fitting) -> list[int]:
        if self.method == "optimal":
            return best_cuts(vectors, *fitting.bounds())
        amount = METHODS[self.method] if self.amount is None else self.amount
        return cut_points(distances, self.method, amount)

    def _embedder(self) -> Embed:
        if self.embed is not None:
            return self.embed
        from rag_core.embedders import open_embedder

        return open_embedder(self.model).embed_documents


@dataclass(frozen=True, slots=True, eq=False)
class _Fitting:
    """Makes wanted cuts keep to the minimum and the maximum. Ranges are of sentences, inclusive."""

    sentences: Spans
    distances: FloatArray
    ruler: Ruler
    minimum: int
    maximum: int

    def spans(self, cuts: Sequence[int]) -> Spans:
        """Return the chunks: oversized ones cut again, undersized ones joined to a neighbour."""
        edges = [-1, *cuts, len(self.sentences) - 1]
        ranges = [(a + 1, b) for a, b in itertools.pairwise(edges)]
        small = [part for whole in ranges for part in self._divided(*whole)]
        return [(self.sentences[a][0], self.sentences[b][1]) for a, b in self._merged(small)]

    def bounds(self) -> tuple[IntArray, IntArray]:
        """Return, for each last sentence, the first that fits and the last that suffices, or -1."""
        lowest, enough = [], []
        first, at = 0, -1
        for last in range(len(self.sentences)):
            while first < last and self._size(first, last) > self.maximum:
                first += 1
            while at < last and self._size(at + 1, last) >= self.minimum:
                at += 1
            lowest.append(first)
            enough.append(at)
        return np.array(lowest, dtype=np.int64), np.array(enough, dtype=np.int64)

    def _size(self, first: int, last: int) -> int:
        return self.ruler.count(self.sentences[first][0], self.sentences[last][1])

    def _divided(self, first: int, last: int) -> list[tuple[int, int]]:
        """Cut what is too large at the greatest distance in the second half of what fits."""
        parts = []
        while first < last and self._size(first, last) > self.maximum:
            fit, half = first, first
            while self._size(first, fit + 1) <= self.maximum:
                fit += 1
                if self._size(first, fit) * 2 <= self.maximum:
                    half = fit
            cut = half + int(np.argmax(self.distances[half : fit + 1]))
            parts.append((first, cut))
            first = cut + 1
        return [*parts, (first, last)]

    def _merged(self, ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        done: list[tuple[int, int]] = []
        for index, (first, last) in enumerate(ranges):
            after = self.distances[last] if index + 1 < len(ranges) else np.inf
            small = self._size(first, last) < self.minimum
            if done and (
                self._is_small(done[-1]) or (small and self.distances[first - 1] <= after)
            ):
                if self._size(done[-1][0], last) <= self.maximum:
                    done[-1] = (done[-1][0], last)
                    continue
                self._settle(done)
            done.append((first, last))
        self._settle(done)
        return done

    def _is_small(self, part: tuple[int, int]) -> bool:
        return self._size(*part) < self.minimum

    def _settle(self, done: list[tuple[int, int]]) -> None:
        """Join a last part that is too small to the one before it, if the two fit."""
        if len(done) > 1 and self._is_small(done[-1]):
            (first, _), (_, last) = done[-2], done[-1]
            if self._size(first, last) <= self.maximum:
                done[-2:] = [(first, last)]
