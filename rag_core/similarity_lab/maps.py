"""A collection on a map: many numbers a chunk pressed into two or three, and what that hides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from rag_core.protocols import FloatArray, IntArray, OnProgress, Progress

METHODS = ("PCA", "t-SNE")
_ITERATIONS = 250  # after as many again of early exaggeration
_EVERY = 10  # iterations between two reports
_PRESSED = 50  # dimensions t-SNE works on; PCA makes them, as van der Maaten and Hinton did
_FEWEST = 5  # points t-SNE can tell apart
CLUSTERS = 8


@dataclass(frozen=True, slots=True)
class Map:
    """Where the points lie, (n, 2 or 3), and how to find a further vector's place.

    `kept` is the share of the vectors' variance that the axes show, 0 to 1; None for t-SNE, whose
    axes mean nothing.
    """

    method: str
    points: FloatArray
    place: Callable[[FloatArray], FloatArray]
    kept: float | None


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A near chunk: its row, its true rank by cosine (from 1), and its rank on the map."""

    row: int
    rank: int
    similarity: float
    map_rank: int
    map_distance: float


def draw_map(
    vectors: FloatArray,
    *,
    method: str = "PCA",
    dimensions: int = 2,
    seed: int = 0,
    on_progress: OnProgress | None = None,
) -> Map:
    """Press unit vectors into 2 or 3 numbers each; the same input gives the same map.

    Args:
        vectors: (n, d), n >= 1.
        method: "PCA", at once, or "t-SNE", some seconds for some thousands, in 2 dimensions only.
        dimensions: 2 or 3.
        seed: of t-SNE's chance.
        on_progress: called now and then by t-SNE; what it raises ends the work.

    Raises:
        ValueError: for another method or number of dimensions, or without any vector.

    Source: Pearson 1901 (PCA); van der Maaten and Hinton, "Visualizing Data using t-SNE", 2008, by
    openTSNE (Poličar, Stražar and Zupan).
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}; known are {', '.join(METHODS)}")
    if dimensions not in (2, 3):
        raise ValueError(f"a map has 2 or 3 dimensions, not {dimensions}")
    if not len(vectors):
        raise ValueError("a map needs at least 1 vector, not 0")
    if method == "t-SNE" and len(vectors) >= _FEWEST:
        return _tsne(vectors, seed, on_progress)
    return _pca(vectors, dimensions)


def _pca(vectors: FloatArray, dimensions: int) -> Map:
    mean = vectors.mean(axis=0)
    centred = (vectors - mean).astype(np.float64)
    # Of the (d, d) covariance: quick for any number of points
    values, axes = np.linalg.eigh(centred.T @ centred)
    chosen = axes[:, ::-1][:, :dimensions]
    # An axis may point either way; the way of its largest number is always the same
    chosen = chosen * np.sign(chosen[np.abs(chosen).argmax(axis=0), np.arange(dimensions)])
    total = float(values.sum())
    kept = float(values[::-1][:dimensions].sum()) / total if total > 0 else 1.0

    def place(more: FloatArray) -> FloatArray:
        return cast(FloatArray, ((more - mean) @ chosen).astype(np.float32))

    return Map("PCA", place(vectors), place, min(kept, 1.0))


def _tsne(vectors: FloatArray, seed: int, on_progress: OnProgress | None) -> Map:
    from openTSNE import TSNE

    pressed = _pressing(vectors, min(_PRESSED, *vectors.shape))
    steps = 0

    def report(*_: Any) -> bool:  # noqa: ANN401 - openTSNE hands over iteration, error, embedding
        nonlocal steps
        steps = min(steps + _EVERY, 2 * _ITERATIONS)
        if on_progress:
            on_progress(Progress("map", steps, 2 * _ITERATIONS))
        return False

    fitted = TSNE(
        perplexity=min(30, (len(vectors) - 1) / 3), early_exaggeration_iter=_ITERATIONS,
        n_iter=_ITERATIONS, random_state=seed, n_jobs=2, callbacks=report,
        callbacks_every_iters=_EVERY,
        neighbors="exact" if len(vectors) < 2_000 else "auto",
    ).fit(pressed(vectors))  # fmt: skip

    def place(more: FloatArray) -> FloatArray:
        found = fitted.transform(pressed(more), perplexity=min(5, (len(vectors) - 1) / 3))
        return np.asarray(found, dtype=np.float32)

    return Map("t-SNE", np.asarray(fitted, dtype=np.float32), place, None)


def _pressing(vectors: FloatArray, dimensions: int) -> Callable[[FloatArray], FloatArray]:
    mean = vectors.mean(axis=0)
    centred = (vectors - mean).astype(np.float64)
    _, axes = np.linalg.eigh(centred.T @ centred)
    chosen = axes[:, ::-1][:, :dimensions]
    return lambda more: cast(FloatArray, ((more - mean) @ chosen).astype(np.float32))


def neighbours(
    vectors: FloatArray, query: FloatArray, points: FloatArray, landed: FloatArray, k: int
) -> list[Neighbour]:
    """Return the k chunks truly nearest to a query, and how near the map shows them.

    Args:
        vectors: (n, d), unit.
        query: (d,), unit.
        points: (n, 2 or 3), their places on the map.
        landed: (2 or 3,), the query's place.
        k: at least 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    similar = vectors @ query
    far = np.linalg.norm(points - landed, axis=1)
    on_map = np.empty(len(far), dtype=np.int64)
    on_map[np.argsort(far, kind="stable")] = np.arange(1, len(far) + 1)
    best = np.argsort(-similar, kind="stable")[:k]
    return [
        Neighbour(int(row), rank, float(similar[row]), int(on_map[row]), float(far[row]))
        for rank, row in enumerate(best, start=1)
    ]


def kept_neighbours(
    vectors: FloatArray, points: FloatArray, *, k: int = 10, seed: int = 0
) -> float:
    """Return the share of true k nearest neighbours that are so on the map too, 0 to 1.

    Measured on 200 points at most; fewer than k others make k as many as there are.
    """
    rows = np.random.default_rng(seed).permutation(len(vectors))[:200]
    k = min(k, len(vectors) - 1)
    if k < 1:
        return 1.0
    similar = vectors[rows] @ vectors.T
    far = np.stack([np.linalg.norm(points - points[row], axis=1) for row in rows])
    similar[np.arange(len(rows)), rows] = -np.inf
    far[np.arange(len(rows)), rows] = np.inf
    true = np.argpartition(-similar, k - 1, axis=1)[:, :k]
    shown = np.argpartition(far, k - 1, axis=1)[:, :k]
    return float(
        np.mean(
            [len(set(a) & set(b)) / k for a, b in zip(true.tolist(), shown.tolist(), strict=True)]
        )
    )


def clusters(vectors: FloatArray, *, count: int = CLUSTERS, seed: int = 0) -> IntArray:
    """Return a cluster's number for each vector, 0 the largest cluster; at most one a vector.

    Source: k-means (Lloyd 1982) in mini-batches (Sculley 2010), by scikit-learn.
    """
    from sklearn.cluster import MiniBatchKMeans

    made = MiniBatchKMeans(min(count, len(vectors)), random_state=seed, n_init=3)
    found = np.asarray(made.fit_predict(vectors), dtype=np.int64)
    _, inverse, sizes = np.unique(found, return_inverse=True, return_counts=True)
    order = np.empty(len(sizes), dtype=np.int64)
    order[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    return order[inverse]
