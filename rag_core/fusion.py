"""Joining several rankings into one, by chunk id and never by text (law 6)."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

Id = TypeVar("Id", bound=Hashable)
RRF_K = 60  # Cormack, Clarke and Büttcher, SIGIR 2009


def reciprocal_rank_fusion(
    rankings: Iterable[Iterable[Id]], *, k: float = RRF_K, weights: Sequence[float] | None = None
) -> list[tuple[Id, float]]:
    """Score each id by the sum of weight / (k + rank) over the rankings that hold it.

    Ranks count from 1. An id that stands twice in one ranking counts once, at its better place.
    The result is best first; ties break by id, so that equal inputs give equal outputs.

    Args:
        rankings: each a sequence of ids, best first; empty ones give no credit.
        k: how much the first ranks are flattened; 60 in the paper.
        weights: one factor a ranking, 1.0 each by default; a ranking of weight 0 is left out, and
            with it what only it found.

    Raises:
        ValueError: for k < 0, or weights that are not one a ranking, are below 0 or all 0.

    Source: Cormack, Clarke, Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual
    Rank Learning Methods", SIGIR 2009; part 10 of the lesson.
    """
    lists = [list(dict.fromkeys(ranking)) for ranking in rankings]
    if not (math.isfinite(k) and k >= 0):
        raise ValueError(f"k must be at least 0, not {k}")
    return _summed(
        [{id_: 1 / (k + rank) for rank, id_ in enumerate(ids, start=1)} for ids in lists],
        _factors(weights, len(lists)),
    )


def convex_combination(
    rankings: Iterable[Iterable[tuple[Id, float]]], *, weights: Sequence[float] | None = None
) -> list[tuple[Id, float]]:
    """Score each id by the weighted mean of its min-max normalised scores, from 0 to 1.

    A ranking that does not hold the id gives it nothing (law 5); that is no more than the ranking's
    last hit gets, whose normalised score is 0. An id that stands twice in one ranking counts once,
    with its better score. The result is best first; ties break by id.

    Args:
        rankings: each (id, score) pairs, where a higher score is better; see `normalised`.
        weights: one factor a ranking, equal by default; only their proportions count. A ranking of
            weight 0 is left out, and with it what only it found.

    Raises:
        ValueError: for a score that is not finite, or weights that are not one a ranking, are
            below 0 or all 0.

    Source: Bruch, Gai, Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", ACM TOIS
    2023.
    """
    lists = [normalised(ranking) for ranking in rankings]
    factors = _factors(weights, len(lists))
    total = math.fsum(factors)
    return _summed(lists, [factor / total for factor in factors])


def normalised(ranking: Iterable[tuple[Id, float]]) -> dict[Id, float]:
    """Return (score - lowest) / (highest - lowest) of each id: 1 for the best, 0 for the last.

    Where all scores are equal, as in a ranking of one, each is 1: it was found, and nothing in
    the ranking was found better.

    Raises:
        ValueError: for a score that is not finite.
    """
    best: dict[Id, float] = {}
    for id_, score in ranking:
        if not math.isfinite(score):
            raise ValueError(f"the score of {id_!r} must be a finite number, not {score}")
        best[id_] = max(score, best.get(id_, score))
    lowest, highest = min(best.values(), default=0.0), max(best.values(), default=0.0)
    if lowest == highest:
        return dict.fromkeys(best, 1.0)
    return {id_: (score - lowest) / (highest - lowest) for id_, score in best.items()}


def _factors(weights: Sequence[float] | None, rankings: int) -> list[float]:
    factors = [1.0] * rankings if weights is None else list(weights)
    if len(factors) != rankings:
        raise ValueError(f"{len(factors)} weights for {rankings} rankings")
    if any(not math.isfinite(factor) or factor < 0 for factor in factors):
        raise ValueError(f"weights must be at least 0, not {factors}")
    if factors and not any(factors):
        raise ValueError(f"one weight must be above 0, not {factors}")
    return factors


def _summed(
    credits_: Sequence[Mapping[Id, float]], factors: Sequence[float]
) -> list[tuple[Id, float]]:
    parts: dict[Id, list[float]] = {}
    for credit, factor in zip(credits_, factors, strict=True):
        if factor:
            for id_, value in credit.items():
                parts.setdefault(id_, []).append(factor * value)
    # fsum rounds once, at the end: the order of the rankings cannot break or make a tie.
    sums = ((id_, math.fsum(values)) for id_, values in parts.items())
    return sorted(sums, key=lambda item: (-item[1], str(item[0])))
