"""How good one ranking is, by the standard measures, equal to those of trec_eval.

A ranking is ids, best first, each once. `judged` is how relevant each id is to the question; what
is not in it, or stands at 0, is not relevant. All return 0 to 1, and 0 when nothing is relevant:
leave such questions out before taking means. With R the relevant ids and r_i the id at rank i, from
1, each formula stands with its function.

Source of all but nDCG: Manning, Raghavan and Schütze, "Introduction to Information Retrieval",
2008, chapter 8; the cut-offs are those of trec_eval's recall, P, success, recip_rank, map_cut and
ndcg_cut.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

Judged = Mapping[str, float]
Metric = Callable[[Sequence[str], Judged, int], float]


def ranking(scores: Mapping[str, float]) -> list[str]:
    """Return the ids by falling score; ties break by id (law 4)."""
    return sorted(scores, key=lambda id_: (-scores[id_], id_))


def recall(ranked: Sequence[str], judged: Judged, k: int) -> float:
    """Return |R among the first k| / |R|: the share of what is relevant that was found."""
    relevant = _relevant(judged, k)
    return len(relevant.intersection(ranked[:k])) / len(relevant) if relevant else 0.0


def precision(ranked: Sequence[str], judged: Judged, k: int) -> float:
    """Return |R among the first k| / k; a ranking shorter than k is divided by k all the same."""
    return len(_relevant(judged, k).intersection(ranked[:k])) / k


def hit_rate(ranked: Sequence[str], judged: Judged, k: int) -> float:
    """Return 1 when any of the first k is relevant, else 0; trec_eval calls it success."""
    return float(not _relevant(judged, k).isdisjoint(ranked[:k]))


def reciprocal_rank(ranked: Sequence[str], judged: Judged, k: int) -> float:
    """Return 1 / the rank of the first relevant id among the first k, else 0; its mean is MRR@k."""
    relevant = _relevant(judged, k)
    return next((1 / rank for rank, id_ in enumerate(ranked[:k], 1) if id_ in relevant), 0.0)


def average_precision(ranked: Sequence[str], judged: Judged, k: int) -> float:
    """Return the sum over relevant r_i, i <= k, of precision at i, over |R|; its mean is MAP@k."""
    relevant, found, total = _relevant(judged, k), 0, 0.0
    for rank, id_ in enumerate(ranked[:k], start=1):
        if id_ in relevant:
            found += 1
            total += found / rank
    return total / len(relevant) if relevant else 0.0


def ndcg(ranked: Sequence[str], judged: Judged, k: int) -> float:
    """Return DCG@k / the best DCG@k there could be, DCG@k = sum of gain(r_i) / log2(i + 1).

    Gains are linear, as trec_eval takes them, and not 2^gain - 1.

    Source: Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS
    20, 2002.
    """
    relevant = _relevant(judged, k)
    gains = [judged[id_] if id_ in relevant else 0.0 for id_ in ranked[:k]]
    best = sorted((judged[id_] for id_ in relevant), reverse=True)[:k]
    ideal = _dcg(best)
    return _dcg(gains) / ideal if ideal else 0.0


METRICS: dict[str, Metric] = {
    "ndcg": ndcg,
    "recall": recall,
    "precision": precision,
    "hit_rate": hit_rate,
    "mrr": reciprocal_rank,
    "map": average_precision,
}
"""Every measure of a ranking by its name, as it stands before the @ of "ndcg@10"."""


def _dcg(gains: Sequence[float]) -> float:
    return math.fsum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))


def _relevant(judged: Judged, k: int) -> set[str]:
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    return {id_ for id_, gain in judged.items() if gain > 0}
