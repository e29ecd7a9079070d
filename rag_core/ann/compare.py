"""A whole comparison: the exact index, IVF and HNSW over the same vectors and queries."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rag_core.ann.indexes import EF_CONSTRUCTION, AnnIndex, M
from rag_core.ann.measure import (
    Measurement,
    Search,
    Truth,
    exact_answer,
    index_search,
    measure,
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
    results = task.measured(AnnIndex("flat", vectors.shape[1]), [None])
    if n_probes:
        results += task.measured(
            AnnIndex("ivf", vectors.shape[1], n_clusters=n_clusters), sorted(set(n_probes))
        )
    if efs:
        results += task.measured(
            AnnIndex("hnsw", vectors.shape[1], m=M, ef_construction=EF_CONSTRUCTION),
            sorted(set(efs)),
        )
    for name, search in (others or {}).items():
        results.append(measure(name, search, vectors, queries, task.truth, on_progress=on_progress))
    return Comparison(tuple(results), task.truth, len(vectors), vectors.shape[1], n_clusters)


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

    def measured(self, index: AnnIndex, settings: Sequence[int | None]) -> list[Measurement]:
        """Build an index and measure it with every setting; IVF also with the least over RECALL."""
        start = time.perf_counter()
        if self.on_progress:
            self.on_progress(Progress(f"building {index.kind}", 0, len(self.vectors)))
        index.train(self.vectors)
        index.add(self.vectors, self.on_progress)
        build = time.perf_counter() - start
        memory = index.memory_bytes()
        if index.kind == "ivf":
            least = least_n_probe(index, self.vectors, self.queries, self.truth)
            settings = sorted({setting or 1 for setting in settings} | {least})
        return [
            measure(
                index.kind,
                index_search(
                    index,
                    n_probe=setting if index.kind == "ivf" else None,
                    ef=setting if index.kind == "hnsw" else None,
                ),
                self.vectors,
                self.queries,
                self.truth,
                setting=setting,
                build_seconds=build,
                memory_bytes=memory,
                on_progress=self.on_progress,
            )
            for setting in settings
        ]


def _ignore(progress: Progress) -> None:
    """Do nothing."""
