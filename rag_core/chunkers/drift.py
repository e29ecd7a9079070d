"""How far neighbouring sentences drift apart, and where that says to cut. Plain arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from rag_core.protocols import FloatArray, IntArray

Floats = npt.NDArray[np.floating[Any]]

METHODS: dict[str, float] = {"percentile": 90.0, "deviation": 1.0, "gradient": 90.0, "optimal": 0.0}
"""Every method and its default amount; "optimal" takes none."""


def group_distances(vectors: FloatArray, group: int) -> FloatArray:
    """Return, for each gap between two sentences, the cosine distance of the groups beside it.

    A group is the mean of up to `group` sentence vectors on one side. `vectors` is float of shape
    (n, d); the result has n - 1 values from 0 (same direction) to 2 (opposite).
    """
    count = len(vectors)
    if count < 2:
        return np.zeros(0, dtype=np.float32)
    sums = np.zeros((count + 1, vectors.shape[1]))
    np.cumsum(vectors, axis=0, out=sums[1:])
    gaps = np.arange(1, count)
    left = _unit(sums[gaps] - sums[np.maximum(gaps - group, 0)])
    right = _unit(sums[np.minimum(gaps + group, count)] - sums[gaps])
    distances: FloatArray = (1.0 - np.einsum("ij,ij->i", left, right)).astype(np.float32)
    return distances


def threshold(distances: FloatArray, method: str, amount: float) -> float:
    """Return the height above which a peak is a cut; for "gradient", of the curve's slope."""
    if method == "deviation":
        return float(np.mean(distances) + amount * np.std(distances))
    curve = _curve(distances, method)
    return float(np.percentile(curve, amount))


def cut_points(distances: FloatArray, method: str, amount: float) -> list[int]:
    """Return the gaps to cut at: the peaks above the threshold. Gap i follows sentence i.

    A peak is no lower than its neighbours, so that one broad change of subject gives one cut.
    """
    if not len(distances):
        return []
    curve = _curve(distances, method)
    around = np.pad(curve, 1, constant_values=-np.inf)
    # strict on one side: a plateau counts once, and an even curve has no peak
    peaks = (curve > around[:-2]) & (curve >= around[2:])
    return [
        int(gap) for gap in np.flatnonzero(peaks & (curve > threshold(distances, method, amount)))
    ]


def best_cuts(vectors: FloatArray, lowest: IntArray, small: IntArray) -> list[int]:
    """Return the gaps of the best segmentation of all, found by dynamic programming.

    A segment earns, for every pair of its sentences, how much more alike the two are than two
    sentences of the document are on average. `lowest[j]` is the first sentence a segment that ends
    with j may begin with (its maximum size), and beginning later than `small[j]` makes it smaller
    than its minimum, which is done only where nothing else is possible. Of equals the longest wins.
    """
    unit = _unit(vectors.astype(np.float64))
    count = len(unit)
    average = float((np.sum(np.sum(unit, axis=0) ** 2) - count) / max(1, count * (count - 1)))
    best = np.zeros(count + 1)  # of the sentences before j
    begins = np.zeros(count, dtype=np.int64)
    earned = np.zeros(count + 1)  # by the segment from i to the sentence at hand
    penalty = 2.0 * count * count + 1.0  # more than all pairs together can earn
    for last in range(count):
        low = int(lowest[last])
        gains = unit[low:last] @ unit[last] - average
        earned[low:last] += np.cumsum(gains[::-1])[::-1]
        totals = best[low : last + 1] + earned[low : last + 1]
        totals[max(0, int(small[last]) + 1 - low) :] -= penalty
        begins[last] = low + int(np.argmax(totals))
        best[last + 1] = totals[begins[last] - low]
    return _traced(begins)


def _traced(begins: IntArray) -> list[int]:
    cuts = []
    begin = int(begins[-1]) if len(begins) else 0
    while begin > 0:
        cuts.append(begin - 1)
        begin = int(begins[begin - 1])
    return cuts[::-1]


def _curve(distances: FloatArray, method: str) -> FloatArray:
    if method == "gradient" and len(distances) > 1:
        slope: FloatArray = np.gradient(distances)
        return slope
    return distances


def _unit(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    result: Floats = vectors / np.where(lengths > 0, lengths, 1.0)
    return result
