"""The arithmetic of BM25: how often each term stands in each chunk, and what that is worth.

Everything here is numpy over flat arrays: a text is touched once, to cut it into words, and a word
once, to stem it. Sources: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and
Beyond", 2009; Lv and Zhai, "Lower-Bounding Term Frequency Normalization", 2011 (L and plus).
"""

from __future__ import annotations

import math
from array import array
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rag_core.protocols import FloatArray, IntArray
from rag_core.terms import Analyzer

Doubles = npt.NDArray[np.float64]
SmallInts = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]

K1 = 1.5  # how soon repeats of a term stop counting (Robertson and Zaragoza: 1.2 to 2)
B = 0.75  # how much long chunks are marked down
EPSILON = 0.25  # of the mean idf: what Okapi gives terms of more than half of the chunks


@dataclass(frozen=True, slots=True)
class Variant:
    """One formula of BM25: score(q, d) = sum over the terms t of q of idf(t) * (base + weight).

    `idf` takes document frequencies (terms,) and the number of chunks; `weight` takes term
    frequencies, as many relative lengths 1 - b + b * |d| / avgdl, and k1. A weight is above 0
    wherever the frequency is.
    """

    idf: Callable[[Doubles, int], Doubles]
    weight: Callable[[Doubles, Doubles, float], Doubles]
    base: float = 0.0


def _lucene_idf(found: Doubles, chunks: int) -> Doubles:
    return np.log1p((chunks - found + 0.5) / (found + 0.5))


def _okapi_idf(found: Doubles, chunks: int) -> Doubles:
    idf: Doubles = np.log(chunks - found + 0.5) - np.log(found + 0.5)
    # fsum does not depend on the order of the terms, which an update may change
    floor = EPSILON * math.fsum(idf) / max(1, len(idf))
    idf[idf < 0] = floor
    return idf


def _l_idf(found: Doubles, chunks: int) -> Doubles:
    idf: Doubles = np.log(chunks + 1) - np.log(found + 0.5)
    return idf


def _plus_idf(found: Doubles, chunks: int) -> Doubles:
    idf: Doubles = np.log((chunks + 1) / found)
    return idf


def _saturated(tf: Doubles, length: Doubles, k1: float) -> Doubles:
    return tf * (k1 + 1) / (tf + k1 * length)


def _l_weight(tf: Doubles, length: Doubles, k1: float) -> Doubles:
    shifted = tf / length + 0.5
    return tf * (k1 + 1) * shifted / (k1 + shifted)


VARIANTS = {
    "lucene": Variant(_lucene_idf, _saturated),
    "okapi": Variant(_okapi_idf, _saturated),
    "l": Variant(_l_idf, _l_weight),
    "plus": Variant(_plus_idf, _saturated, base=1.0),
}
"""The last three are rank-bm25's BM25Okapi, BM25L and BM25Plus, oddities included."""


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """How often each term stands in each chunk: a sparse matrix, term by chunk (CSR).

    Chunks are numbered 0 to n - 1. Of the term with number t in `vocabulary`, the places
    starts[t]:starts[t + 1] hold the chunks it stands in, ascending, and how often it does.

    Attributes:
        vocabulary: term -> number; every term stands in some chunk.
        starts: int64 (terms + 1,).
        rows: int32 (pairs,), chunk numbers.
        frequencies: int32 (pairs,), at least 1.
        lengths: int64 (chunks,), how many terms a chunk has, repeats counted.
    """

    vocabulary: dict[str, int]
    starts: IntArray
    rows: SmallInts
    frequencies: SmallInts
    lengths: IntArray

    @property
    def found(self) -> IntArray:
        """In how many chunks each term stands: int64 (terms,)."""
        return np.diff(self.starts)

    @property
    def relative_lengths(self) -> Doubles:
        """Each chunk's length over the mean length: float64 (chunks,)."""
        mean = self.lengths.mean() if self.lengths.any() else 1.0
        return self.lengths / mean

    def part(self, term: str) -> slice | None:
        """Return the places of this term's pairs, or None for a term that no chunk has."""
        number = self.vocabulary.get(term)
        return None if number is None else slice(*self.starts[number : number + 2].tolist())

    def place(self, term: str, row: int) -> int | None:
        """Return where in `rows` the pair of this term and this chunk is, or None."""
        part = self.part(term)
        if part is None:
            return None
        place = part.start + int(np.searchsorted(self.rows[part], row))
        return place if place < part.stop and self.rows[place] == row else None


def idf(counts: Counts, variant: Variant) -> Doubles:
    """Return the inverse document frequency of every term: float64 (terms,)."""
    return variant.idf(counts.found.astype(np.float64), len(counts.lengths))


def scores(counts: Counts, variant: Variant, k1: float, b: float) -> FloatArray:
    """Return what each pair of a term and a chunk adds to a score, `base` aside: float32 (pairs,).

    Whatever the number, law 5 goes by the pair being there: rank-bm25's Okapi gives 0 and less.
    """
    relative = 1 - b + b * counts.relative_lengths
    weight = variant.weight(counts.frequencies.astype(np.float64), relative[counts.rows], k1)
    weight *= np.repeat(idf(counts, variant), counts.found)
    return weight.astype(np.float32)


def counted(texts: Sequence[str], analyzer: Analyzer) -> Counts:
    """Count the terms of texts, which get the numbers 0 to n - 1 in their order."""
    numbers: defaultdict[str, int] = defaultdict()
    numbers.default_factory = numbers.__len__
    words = array("i")
    sizes = []
    for text in texts:
        found = analyzer.words(text)
        sizes.append(len(found))
        words.extend(map(numbers.__getitem__, found))
    vocabulary, widths, terms = _terms_of_words(numbers, analyzer)
    word = np.frombuffer(words, dtype=np.int32) if words else np.empty(0, dtype=np.int32)
    row = np.repeat(np.arange(len(texts)), sizes)
    return _laid_out(vocabulary, *_replaced(word, row, widths, terms), len(texts))


def updated(
    counts: Counts, rows: IntArray, fresh: Counts, fresh_rows: IntArray, total: int
) -> Counts:
    """Return the counts after some chunks left and others came.

    Nothing is counted again, and nothing sorted: both sides are in order, and are merged.

    Args:
        counts: of the chunks before.
        rows: int64, the new number of every chunk before, -1 for those that leave; ascending
            but for those.
        fresh: of the chunks that come.
        fresh_rows: int64, the new number of each of these, ascending.
        total: how many chunks there are afterwards.
    """
    vocabulary = dict(counts.vocabulary)
    known = [vocabulary.setdefault(term, len(vocabulary)) for term in fresh.vocabulary]
    number = np.array(known, dtype=np.int64)
    stays = rows[counts.rows] >= 0
    term = np.repeat(np.arange(len(counts.found)), counts.found)[stays]
    keys = term * total + rows[counts.rows[stays]]
    fresh_keys = np.repeat(number, fresh.found) * total + fresh_rows[fresh.rows]
    order = np.argsort(fresh_keys)
    where = np.searchsorted(keys, fresh_keys[order])
    lengths = np.zeros(total, dtype=np.int64)
    lengths[rows[rows >= 0]] = counts.lengths[rows >= 0]
    lengths[fresh_rows] = fresh.lengths
    return _from_keys(
        vocabulary,
        np.insert(keys, where, fresh_keys[order]),
        np.insert(counts.frequencies[stays], where, fresh.frequencies[order]),
        lengths,
    )


def _terms_of_words(
    words: dict[str, int], analyzer: Analyzer
) -> tuple[dict[str, int], IntArray, IntArray]:
    """Return the vocabulary of terms; how many terms each word stands for; and those, in a row."""
    rule = analyzer.rule
    vocabulary: dict[str, int] = {}
    widths, numbers = [], []
    for word in words:
        found = rule(word)
        widths.append(len(found))
        numbers.extend([vocabulary.setdefault(term, len(vocabulary)) for term in found])
    return vocabulary, np.array(widths, dtype=np.int64), np.array(numbers, dtype=np.int64)


def _replaced(
    word: SmallInts, row: IntArray, widths: IntArray, terms: IntArray
) -> tuple[IntArray, IntArray]:
    """Put its terms in the place of every word; return the terms and their rows, in order."""
    if not len(widths):
        return np.empty(0, dtype=np.int64), row
    first = np.cumsum(widths) - widths
    if widths.max() <= 1:  # only scripts without spaces have words of several terms
        has = widths[word] > 0
        return terms[first[word[has]]], row[has]
    width = widths[word]
    begun = np.cumsum(width) - width
    place = np.repeat(first[word] - begun, width) + np.arange(width.sum())
    return terms[place], np.repeat(row, width)


def _laid_out(vocabulary: dict[str, int], term: IntArray, row: IntArray, total: int) -> Counts:
    """Lay out the terms of `total` chunks, given one by one with their chunk's number."""
    lengths = np.bincount(row, minlength=total).astype(np.int64)
    keys = term * total + row  # one number a pair, so that one plain sort puts all in order
    keys.sort()
    first = np.flatnonzero(np.diff(keys, prepend=-1))
    frequencies = np.diff(first, append=len(keys)).astype(np.int32)
    return _from_keys(vocabulary, keys[first], frequencies, lengths)


def _from_keys(
    vocabulary: dict[str, int], keys: IntArray, frequencies: SmallInts, lengths: IntArray
) -> Counts:
    """Make counts of keys term * chunks + row, ascending; terms that stand nowhere are dropped."""
    term, row = np.divmod(keys, max(1, len(lengths)))
    found = np.bincount(term, minlength=len(vocabulary))
    if not found.all():
        kept = [name for name, count in zip(vocabulary, found.tolist(), strict=True) if count]
        vocabulary = {name: number for number, name in enumerate(kept)}
        found = found[found > 0]
    starts = np.concatenate([[0], np.cumsum(found)]).astype(np.int64)
    return Counts(vocabulary, starts, row.astype(np.int32), frequencies, lengths)
