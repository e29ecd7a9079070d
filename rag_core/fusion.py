"""Joining several rankings into one, by chunk id and never by text (law 6)."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

Id = TypeVar("Id", bound=Hashable)
RRF_K = 60  # Cormack, Clarke and Büttcher, SIGIR 2009


def reciprocal_rank_fusion(
    rankings: Iterable[Iterable[Id]], *, k: int = RRF_K, weights: Sequence[float] | None = None
) -> list[tuple[Id, float]]:
    """Score each id by the sum of weight / (k + rank) over the rankings that hold it.

    Ranks count from 1. An id that stands twice in one ranking counts once, at its better place.
    The result is best first; ties break by id, so that equal inputs give equal outputs.

    Args:
        rankings: each a sequence of ids, best first; empty ones give no credit.
        k: how much the first ranks are flattened; 60 in the paper.
        weights: one factor a ranking, 1.0 each by default.

    Raises:
        ValueError: for k < 0, or a number of weights that is not the number of rankings.

    Source: Cormack, Clarke, Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual
    Rank Learning Methods", SIGIR 2009; part 10 of the lesson.
    """
    lists = [list(dict.fromkeys(ranking)) for ranking in rankings]
    factors = [1.0] * len(lists) if weights is None else list(weights)
    if k < 0:
        raise ValueError(f"k must be at least 0, not {k}")
    if len(factors) != len(lists):
        raise ValueError(f"{len(factors)} weights for {len(lists)} rankings")
    scores: dict[Id, float] = {}
    for ids, factor in zip(lists, factors, strict=True):
        for rank, id_ in enumerate(ids, start=1):
            scores[id_] = scores.get(id_, 0.0) + factor / (k + rank)
    return sorted(scores.items(), key=lambda item: (-item[1], str(item[0])))
