"""How alike two vectors are: the arithmetic of the lesson, for pairs and for whole matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from rag_core.protocols import FloatArray

Vectors = npt.NDArray[np.floating[Any]]


def cosine(a: Vectors, b: Vectors) -> float:
    """Return a·b / (|a| |b|), -1 to 1: the angle alone counts, the lengths do not.

    Raises:
        ValueError: for vectors of unequal length, or one that is all zeros and has no direction.
    """
    return float(similarity_matrix(a[np.newaxis], b[np.newaxis], metric="cosine")[0, 0])


def dot_product(a: Vectors, b: Vectors) -> float:
    """Return a·b = |a| |b| cos(a, b), any number: a vector twice as long scores twice as high."""
    return float(similarity_matrix(a[np.newaxis], b[np.newaxis], metric="dot product")[0, 0])


def l2_distance(a: Vectors, b: Vectors) -> float:
    """Return |a - b|, 0 or more; 0 is the same point. For unit vectors |a - b|² = 2 - 2 cos."""
    return float(similarity_matrix(a[np.newaxis], b[np.newaxis], metric="L2 distance")[0, 0])


def similarity_matrix(
    vectors: Vectors, others: Vectors | None = None, *, metric: str = "cosine"
) -> FloatArray:
    """Compare every vector with every other: float32 (n, m), or (n, n) without `others`.

    Args:
        vectors: (n, d), of any length.
        others: (m, d).
        metric: a key of METRICS. "L2 distance" is the one where less is more alike.

    Raises:
        ValueError: for an unknown metric, other shapes, numbers that are not finite, or, with
            "cosine", a vector of zeros.
    """
    if metric not in METRICS:
        raise ValueError(f"unknown metric {metric!r}; known are {', '.join(METRICS)}")
    left = _checked(vectors)
    right = left if others is None else _checked(others)
    if left.shape[1] != right.shape[1]:
        raise ValueError(f"vectors of {left.shape[1]} and {right.shape[1]} numbers do not compare")
    return METRICS[metric](left, right).astype(np.float32)


def _checked(vectors: Vectors) -> npt.NDArray[np.float64]:
    if vectors.ndim != 2:
        raise ValueError(f"vectors must have the shape (n, d), not {vectors.shape}")
    wide = vectors.astype(np.float64)
    if not np.isfinite(wide).all():
        raise ValueError("a vector holds a number that is not finite")
    return wide


def _cosines(
    left: npt.NDArray[np.float64], right: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    # Rounding may leave 1.0000000000000002, which no arc cosine takes.
    return np.clip(_unit(left) @ _unit(right).T, -1.0, 1.0)


def _unit(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    # By the largest number first: squares of 1e-200 would vanish, of 1e200 overflow
    largest = np.abs(vectors).max(axis=1, keepdims=True, initial=0.0)
    if not largest.all():
        raise ValueError("a vector of zeros has no direction, and so no cosine")
    scaled: npt.NDArray[np.float64] = vectors / largest
    lengths: npt.NDArray[np.float64] = np.linalg.norm(scaled, axis=1, keepdims=True)
    return scaled / lengths


def _dots(left: npt.NDArray[np.float64], right: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    product: npt.NDArray[np.float64] = left @ right.T
    return product


def _distances(
    left: npt.NDArray[np.float64], right: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    # Row by row, from the differences: |a|² + |b|² - 2ab would lose small distances to rounding.
    rows = [np.linalg.norm(right - row, axis=1) for row in left]
    return np.array(rows).reshape(len(left), len(right))


METRICS: dict[str, Callable[..., npt.NDArray[np.float64]]] = {
    "cosine": _cosines,
    "dot product": _dots,
    "L2 distance": _distances,
}
"""How vectors can be compared; float64 (n, d) and (m, d) -> (n, m)."""


def more_is_alike(metric: str) -> bool:
    """Return whether a larger number means more alike; a distance is the other way round."""
    return metric != "L2 distance"


def clustered_order(matrix: FloatArray) -> list[int]:
    """Return an order of the rows in which alike ones stand side by side.

    Args:
        matrix: (n, n) cosines.

    Source: average linkage with the leaves turned so that neighbours are as alike as they can be
    (Bar-Joseph, Gifford and Jaakkola, 2001), by scipy.
    """
    from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
    from scipy.spatial.distance import squareform

    if len(matrix) < 3:
        return list(range(len(matrix)))
    far = np.clip(1.0 - (matrix.astype(np.float64) + matrix.T) / 2, 0.0, 2.0)
    np.fill_diagonal(far, 0.0)
    distances = squareform(far, checks=False)
    tree = optimal_leaf_ordering(linkage(distances, "average"), distances)
    return [int(leaf) for leaf in leaves_list(tree)]
