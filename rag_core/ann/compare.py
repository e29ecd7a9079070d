"""A whole comparison: the exact index, IVF and HNSW over the same vectors and queries."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rag_core.ann.indexes import AnnIndex
from rag_core.ann.measure import (
    Candidate,
    Measurement,
    Search,
    Truth,
    exact_answer,
    index_search,
    measure_all,
    recall_in_batch,
)
from rag_core.protocols import FloatArray, IntArray, OnProgress, Progress

RECALL = 0.9


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was measured, and the exact answer it was measured against.

    `results` holds the exact index first, then IVF by n_probe, HNSW by ef, and what came besides.
    The IVF index has `n_clusters`; among its results is the least n_probe with recall over RECALL.
    """

    results: tuple[Measurement, ...]
    truth: Truth = field(repr=False)
    size: int
    dimension: int
    n_clusters: int


def compare(
    vectors: FloatArray,
    queries: FloatArray,
    *,
    k: int = 10,
    n_clusters: int = 100,
    n_probes: Sequence[int] = (1, 10, 50),
    efs: Sequence[int] = (16, 64, 256),
    own: IntArray | None = None,
    others: Mapping[str, Search] | None = None,
    on_progress: OnProgress | None = None,
) -> Comparison:
    """Build every index, ask every query of each, one at a time, and compare.

    Args:
        vectors: (n, d), of unit length.
        queries: (q, d), of unit length.
        k: how many neighbours.
        n_clusters: of the IVF index.
        n_probes: in how many clusters to look; without any there is no IVF index.
        efs: how many candidates HNSW keeps; without any there is no HNSW index, which is by far
            the slowest to build.
        own: the row each query was taken from, to be left out of its answers, or -1.
        others: further searches over the same vectors, by name.
        on_progress: called often; "building" and "asking" are its stages.

    Raises:
        ValueError: for fewer vectors than clusters, an n_probe beyond the clusters, shapes that do
            not fit.
        Cancelled: out of `on_progress`.
    """
    # First, so that a mistake does not cost the minute that building takes
    if n_probes and (max(n_probes) > n_clusters or min(n_probes) < 1):
        raise ValueError(f"n_probe must be from 1 to the {n_clusters} clusters, not {n_probes}")
    if n_probes and n_clusters > len(vectors):
        raise ValueError(f"{n_clusters} clusters need at least as many vectors, not {len(vectors)}")
    if efs and min(efs) < 1:
        raise ValueError(f"ef must be at least 1, not {efs}")
    report = on_progress or _ignore
    report(Progress("comparing with every vector", 0, len(queries)))
    task = _Task(vectors, queries, exact_answer(vectors, queries, k, own=own), on_progress)
    dimension = vectors.shape[1]
    candidates = task.built(AnnIndex("flat", dimension), [None])
    if n_probes:
        candidates += task.built(AnnIndex("ivf", dimension, n_clusters=n_clusters), n_probes)
    if efs:
        candidates += task.built(AnnIndex("hnsw", dimension), efs)
    candidates += [Candidate(name, search) for name, search in (others or {}).items()]
    # All are built before one is asked: none is asked while the machine still works on another.
    results = measure_all(candidates, vectors, queries, task.truth, on_progress)
    return Comparison(tuple(results), task.truth, len(vectors), dimension, n_clusters)


def first_over(
    results: Iterable[Measurement], recall: float = RECALL, *, method: str = "ivf"
) -> Measurement | None:
    """Return the result of a method with the smallest setting whose recall is over `recall`."""
    over = [one for one in results if one.method == method and one.recall > recall]
    return min(over, key=lambda one: one.setting or 0, default=None)


def least_n_probe(
    index: AnnIndex,
    vectors: FloatArray,
    queries: FloatArray,
    truth: Truth,
    recall: float = RECALL,
) -> int:
    """Return the least n_probe whose recall is over `recall`, or all clusters if none is.

    Found by halving, for looking into one cluster more never loses a neighbour.

    Raises:
        ValueError: for an index that is not "ivf".
    """
    if index.kind != "ivf":
        raise ValueError(f"only an ivf index has an n_probe, not {index.kind}")
    low, high = 1, index.n_clusters
    while low < high:
        middle = (low + high) // 2
        if recall_in_batch(index, vectors, queries, truth, middle) > recall:
            high = middle
        else:
            low = middle + 1
    return low


@dataclass(frozen=True, slots=True)
class _Task:
    """Vectors, queries and the exact answer, for one index after another."""

    vectors: FloatArray
    queries: FloatArray
    truth: Truth
    on_progress: OnProgress | None

    def built(self, index: AnnIndex, settings: Sequence[int | None]) -> list[Candidate]:
        """Build an index and return it with every setting, IVF also with the least over RECALL."""
        start = time.perf_counter()
        if self.on_progress:
            self.on_progress(Progress(f"building {index.kind}", 0, len(self.vectors)))
        index.train(self.vectors)
        index.add(self.vectors, self.on_progress)
        seconds, memory = time.perf_counter() - start, index.memory_bytes()
        wanted = set(settings)
        if index.kind == "ivf":
            wanted.add(least_n_probe(index, self.vectors, self.queries, self.truth))
        return [
            Candidate(index.kind, index_search(index, setting), setting, seconds, memory)
            for setting in sorted(wanted, key=lambda setting: setting or 0)
        ]


def _ignore(progress: Progress) -> None:
    """Do nothing."""
