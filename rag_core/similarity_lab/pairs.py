"""Pairs of texts: how near in meaning, how near in words, and where the two disagree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rag_core.protocols import FloatArray
from rag_core.terms import terms


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts by their places, `first` < `second`.

    `similarity` is the cosine of their vectors, `overlap` the share of words they have in common
    (0 to 1). `surprise` is the difference of the two ranks among all pairs, as shares (-1 to 1):
    near 1 means close in meaning and far in words, near -1 the reverse.
    """

    first: int
    second: int
    similarity: float
    overlap: float
    surprise: float


def word_overlap(first: str, second: str) -> float:
    """Return the Jaccard index of the two texts' index terms, 0 to 1; 0 when neither has one.

    Terms are folded and stemmed and without function words, as in keyword search: "snake" and
    "Snakes" are the same one.

    Source: Jaccard, "Étude comparative de la distribution florale", 1901.
    """
    one, two = set(terms(first)), set(terms(second))
    return len(one & two) / len(one | two) if one | two else 0.0


def all_pairs(texts: Sequence[str], matrix: FloatArray) -> list[Pair]:
    """Return every pair, most alike first; ties by place.

    Args:
        texts: n texts.
        matrix: (n, n) cosines.
    """
    if matrix.shape != (len(texts), len(texts)):
        raise ValueError(f"{len(texts)} texts need a matrix of that side, not {matrix.shape}")
    rows, columns = np.triu_indices(len(texts), k=1)
    similar = matrix[rows, columns]
    shared = _overlaps(texts)[rows, columns]
    surprise = _shares_of_rank(similar) - _shares_of_rank(shared)
    order = np.lexsort((columns, rows, -similar))
    return [
        Pair(
            int(rows[at]), int(columns[at]), float(similar[at]), float(shared[at]),
            float(surprise[at]),
        )
        for at in order
    ]  # fmt: skip


def beyond_words(pairs: Sequence[Pair], count: int) -> list[Pair]:
    """Return the pairs that are closer in meaning than in words, most surprising first."""
    found = [pair for pair in pairs if pair.surprise > 0]
    return sorted(found, key=lambda pair: (-pair.surprise, pair.first, pair.second))[:count]


def only_words(pairs: Sequence[Pair], count: int) -> list[Pair]:
    """Return the pairs that share words and yet are far in meaning, most surprising first."""
    found = [pair for pair in pairs if pair.surprise < 0 and pair.overlap > 0]
    return sorted(found, key=lambda pair: (pair.surprise, pair.first, pair.second))[:count]


def disagreements(ours: FloatArray, theirs: FloatArray) -> list[tuple[int, int, float]]:
    """Return (first, second, difference) of all pairs, those that two models rank most apart first.

    The difference is between the pair's places among all pairs, as shares, -1 to 1: the scales of
    two models do not compare, their orders do. Positive: `ours` finds the pair more alike.
    """
    if ours.shape != theirs.shape:
        raise ValueError(f"matrices of shape {ours.shape} and {theirs.shape} do not compare")
    rows, columns = np.triu_indices(len(ours), k=1)
    difference = _shares_of_rank(ours[rows, columns]) - _shares_of_rank(theirs[rows, columns])
    order = np.lexsort((columns, rows, -np.abs(difference)))
    return [(int(rows[at]), int(columns[at]), float(difference[at])) for at in order]


def rank_correlation(ours: FloatArray, theirs: FloatArray) -> float:
    """Return Spearman's rank correlation of all pairs, -1 to 1; 0 where one side is constant.

    Source: Spearman, "The Proof and Measurement of Association between Two Things", 1904.
    """
    rows, columns = np.triu_indices(len(ours), k=1)
    one, two = _shares_of_rank(ours[rows, columns]), _shares_of_rank(theirs[rows, columns])
    spread = float(one.std() * two.std()) if len(one) else 0.0
    if spread == 0.0:
        return 0.0
    return float(((one - one.mean()) * (two - two.mean())).mean() / spread)


def _overlaps(texts: Sequence[str]) -> npt.NDArray[np.float64]:
    """Return (n, n) of `word_overlap`, by one product of text and term."""
    sets = [set(terms(text)) for text in texts]
    columns = {term: place for place, term in enumerate(sorted(set().union(*sets)))}
    holds = np.zeros((len(texts), len(columns)), dtype=np.float32)
    for row, found in enumerate(sets):
        holds[row, [columns[term] for term in found]] = 1.0
    both = (holds @ holds.T).astype(np.float64)
    sizes = holds.sum(axis=1)
    either = sizes[:, np.newaxis] + sizes - both
    shares: npt.NDArray[np.float64] = np.divide(
        both, either, out=np.zeros_like(both), where=either > 0
    )
    return shares


def _shares_of_rank(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return each value's rank as a share, 0 the smallest and 1 the largest; equal ones share."""
    from scipy.stats import rankdata

    if len(values) < 2:
        return np.zeros(len(values))
    return np.asarray((rankdata(values) - 1) / (len(values) - 1), dtype=np.float64)
