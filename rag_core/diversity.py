"""Diversity: of several texts that say the same, show one and then something else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rag_core.protocols import FloatArray


def maximal_marginal_relevance(
    relevance: Sequence[float], vectors: FloatArray, trade: float
) -> list[tuple[int, float]]:
    """Order rows so that each next one is relevant and unlike those before it.

    The next row is the one of highest
        trade * relevance - (1 - trade) * max(0, its highest cosine to a row already taken);
    of equal ones the first. A cosine below 0 counts as 0, so that opposite is no better than
    unrelated; the values then never rise from one place to the next.

    Args:
        relevance: one number a row, best 0 to 1, so that it weighs against a cosine.
        vectors: (rows, dimension), of unit length.
        trade: the lambda of the paper: 1 keeps the order of relevance, 0 looks at novelty alone.

    Returns:
        (row, value) for every row, in the new order.

    Raises:
        ValueError: for a trade outside 0 to 1, or vectors that are not one a row.

    Source: Carbonell and Goldstein, "The Use of MMR, Diversity-Based Reranking for Reordering
    Documents and Producing Summaries", SIGIR 1998.
    """
    if not 0 <= trade <= 1:
        raise ValueError(f"the trade must be from 0 to 1, not {trade}")
    if len(relevance) != len(vectors):
        raise ValueError(f"{len(vectors)} vectors for {len(relevance)} rows")
    merit = trade * np.array(relevance, dtype=np.float64)
    likeness = np.zeros(len(merit))
    left = np.ones(len(merit), dtype=np.bool_)
    order: list[tuple[int, float]] = []
    for _ in range(len(merit)):
        values = np.where(left, merit - (1 - trade) * likeness, -np.inf)
        row = int(np.argmax(values))
        order.append((row, float(values[row])))
        left[row] = False
        likeness = np.maximum(likeness, vectors @ vectors[row])
    return order
