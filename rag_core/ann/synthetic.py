"""Vectors to measure with: without any order, or in clusters as texts are."""

from __future__ import annotations

import numpy as np

from rag_core.protocols import FloatArray

_CENTRES = 200
_SPREAD = 1.3
_DIRECTIONS = 48


def random_vectors(n: int = 50_000, dimension: int = 384, *, seed: int = 0) -> FloatArray:
    """Return unit vectors, float32 (n, dimension), in directions of pure chance.

    The hardest case for every approximate index: in many dimensions all of them are about equally
    far from each other, so that no cluster and no neighbourhood says where to look.

    Raises:
        ValueError: for a number below 1.
    """
    _check(n=n, dimension=dimension)
    chance = np.random.default_rng(seed)
    return _unit(chance.standard_normal((n, dimension), dtype=np.float32))


def clustered_vectors(
    n: int = 50_000,
    dimension: int = 384,
    *,
    seed: int = 0,
    clusters: int = _CENTRES,
    spread: float = _SPREAD,
) -> FloatArray:
    """Return unit vectors, float32 (n, dimension), scattered around random centres.

    As vectors of texts do, they fill fewer directions than they have numbers: the neighbours of a
    vector are near enough to be told from the rest, and some of them stand in the next cluster.

    Args:
        n: how many, in no order.
        dimension: their length.
        seed: the same seed gives the same vectors.
        clusters: how many centres; each vector belongs to one by chance.
        spread: how far they scatter, in lengths of a centre's vector: 0 puts all on their centre,
            and beyond about 3 nothing of the clusters is left.

    Raises:
        ValueError: for a number below 1, or a spread that is negative or not finite.
    """
    _check(n=n, dimension=dimension, clusters=clusters)
    if not 0 <= spread < np.inf:
        raise ValueError(f"spread must be 0 or more, not {spread}")
    chance = np.random.default_rng(seed)
    filled = min(dimension, _DIRECTIONS)
    centres = _unit(chance.standard_normal((clusters, filled), dtype=np.float32))
    points = chance.standard_normal((n, filled), dtype=np.float32)
    # Noise of unit variance has the length sqrt(filled): divided by it, `spread` is a length.
    points *= np.float32(spread / filled**0.5)
    points += centres[chance.integers(clusters, size=n)]
    # Orthonormal rows turn them into the larger space: lengths and angles stay.
    axes = np.linalg.qr(chance.standard_normal((dimension, filled)))[0].T.astype(np.float32)
    return _unit(points @ axes)


def _check(**numbers: int) -> None:
    for name, value in numbers.items():
        if value < 1:
            raise ValueError(f"{name} must be at least 1, not {value}")


def _unit(vectors: FloatArray) -> FloatArray:
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors
