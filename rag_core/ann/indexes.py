"""One FAISS index of three kinds, with the mistakes that FAISS answers by a crash made readable."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, get_args

import numpy as np

from rag_core.protocols import FloatArray, IntArray, OnProgress, Progress

Kind = Literal["flat", "ivf", "hnsw"]
KINDS: tuple[Kind, ...] = get_args(Kind)
M = 32
"""Neighbours a node of the HNSW graph keeps, on its lowest layer twice as many."""
EF_CONSTRUCTION = 40
_BATCH = 1_000  # vectors between two looks at whether to stop
# FAISS samples at most 256 points a cluster for k-means; fewer than one a cluster is no clustering.
_MIN_POINTS = 1


@contextmanager
def one_thread() -> Iterator[None]:
    """Let FAISS use one thread: latencies mean something, and graphs come out the same."""
    faiss = _faiss()
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)  # of the calling thread alone: others go on with theirs
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


class AnnIndex:
    """Vectors by inner product, which is the cosine when all are of unit length.

    Args:
        kind: "flat" (exact), "ivf" or "hnsw".
        dimension: the length of the vectors.
        n_clusters: of "ivf".
        m: of "hnsw": neighbours a node keeps.
        ef_construction: of "hnsw": how many candidates are looked at for each new vector.

    Raises:
        ValueError: for an unknown kind, or a number below 1 (2 for m).
    """

    def __init__(
        self,
        kind: Kind,
        dimension: int,
        *,
        n_clusters: int = 100,
        m: int = M,
        ef_construction: int = EF_CONSTRUCTION,
    ) -> None:
        if kind not in KINDS:
            raise ValueError(f"unknown kind of index {kind!r}; known are {', '.join(KINDS)}")
        for name, value, least in (
            ("dimension", dimension, 1),
            ("n_clusters", n_clusters, 1),
            ("m", m, 2),
            ("ef_construction", ef_construction, 1),
        ):
            if value < least:
                raise ValueError(f"{name} must be at least {least}, not {value}")
        self.kind = kind
        self.dimension = dimension
        self.n_clusters = n_clusters
        self._index = _made(kind, dimension, n_clusters, m, ef_construction)

    @property
    def size(self) -> int:
        """How many vectors it holds."""
        return int(self._index.ntotal)

    @property
    def trained(self) -> bool:
        """Whether vectors can be added; only "ivf" needs training first."""
        return bool(self._index.is_trained)

    def train(self, vectors: FloatArray) -> None:
        """Find the clusters of "ivf" by k-means; the other kinds need none and do nothing.

        Raises:
            ValueError: for fewer vectors than clusters, or vectors of another length.
        """
        self._check_shape(vectors)
        if self.kind != "ivf":
            return
        if len(vectors) < self.n_clusters:
            raise ValueError(
                f"{self.n_clusters} clusters need at least as many training vectors, "
                f"not {len(vectors)}"
            )
        with one_thread():
            self._index.train(np.ascontiguousarray(vectors))

    def add(self, vectors: FloatArray, on_progress: OnProgress | None = None) -> None:
        """Append vectors; they are numbered on from `size`.

        Raises:
            ValueError: before training, or for vectors of another length.
            Cancelled: out of `on_progress`; the index then holds a part of them.
        """
        self._check_shape(vectors)
        if not self.trained:
            raise ValueError(f"train this {self.kind} index before vectors are added")
        report = on_progress or _ignore
        with one_thread():
            for start in range(0, len(vectors), _BATCH):
                report(Progress(f"building {self.kind}", start, len(vectors)))
                self._index.add(np.ascontiguousarray(vectors[start : start + _BATCH]))

    def search(
        self,
        queries: FloatArray,
        k: int,
        *,
        n_probe: int | None = None,
        ef: int | None = None,
    ) -> tuple[IntArray, FloatArray]:
        """Return the rows found, int64 (q, k), and their inner products, float32, best first.

        k beyond the size gives the size. Places that the index could not fill, because too few
        vectors stand in the clusters it looked at, hold row -1 and the score -inf.

        Args:
            queries: (q, dimension).
            k: at least 1.
            n_probe: of "ivf": in how many clusters to look, 1 when None.
            ef: of "hnsw": how many candidates to keep, at least k are; 16 when None.

        Raises:
            ValueError: before training, for an n_probe beyond the clusters, other shapes, k < 1.
        """
        self._check_shape(queries)
        if k < 1:
            raise ValueError(f"k must be at least 1, not {k}")
        if not self.trained:
            raise ValueError(f"train this {self.kind} index before it is searched")
        wanted = min(k, self.size)
        if wanted == 0:
            nothing = (len(queries), 0)
            return np.zeros(nothing, np.int64), np.zeros(nothing, np.float32)
        options = self._options(wanted, n_probe, ef)
        scores, rows = self._index.search(np.ascontiguousarray(queries), wanted, params=options)
        return rows, np.where(rows >= 0, scores, np.float32(-np.inf)).astype(np.float32)

    def memory_bytes(self) -> int:
        """Return how large the index is, as FAISS writes it; in memory it is about as large."""
        faiss = _faiss()
        counted = 0

        def count(piece: bytes) -> None:
            nonlocal counted
            counted += len(piece)

        faiss.write_index(self._index, faiss.PyCallbackIOWriter(count))
        return counted

    def _options(self, k: int, n_probe: int | None, ef: int | None) -> Any:  # noqa: ANN401
        faiss = _faiss()
        if self.kind == "ivf":
            probed = 1 if n_probe is None else n_probe
            if not 1 <= probed <= self.n_clusters:
                raise ValueError(
                    f"n_probe must be from 1 to the {self.n_clusters} clusters, not {probed}"
                )
            return faiss.SearchParametersIVF(nprobe=probed)
        if self.kind == "hnsw":
            kept = 16 if ef is None else ef
            if kept < 1:
                raise ValueError(f"ef must be at least 1, not {kept}")
            return faiss.SearchParametersHNSW(efSearch=max(kept, k))
        return None

    def _check_shape(self, vectors: FloatArray) -> None:
        if vectors.ndim != 2 or vectors.shape[1] != self.dimension:
            raise ValueError(
                f"vectors must have the shape (n, {self.dimension}), not {vectors.shape}"
            )


def _faiss() -> Any:  # noqa: ANN401 - its stubs lack much of what it has
    import faiss

    return faiss


def _made(kind: Kind, dimension: int, n_clusters: int, m: int, ef_construction: int) -> Any:  # noqa: ANN401
    faiss = _faiss()
    if kind == "flat":
        return faiss.IndexFlatIP(dimension)
    if kind == "hnsw":
        graph = faiss.IndexHNSWFlat(dimension, m, faiss.METRIC_INNER_PRODUCT)
        graph.hnsw.efConstruction = ef_construction
        return graph
    centres = faiss.IndexFlatIP(dimension)
    lists = faiss.IndexIVFFlat(centres, dimension, n_clusters, faiss.METRIC_INNER_PRODUCT)
    lists.cp.min_points_per_centroid = _MIN_POINTS  # or FAISS warns on stderr; we say it ourselves
    return lists


def _ignore(progress: Progress) -> None:
    """Do nothing."""
