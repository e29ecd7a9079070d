"""The searchable side of the FAISS store: one collection's ids, metadata and indexes in memory.

All of it is derived from the database and can be made again at any time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from rag_core.filters import matches
from rag_core.protocols import FloatArray, IntArray, Where
from rag_core.stores.faiss_saved import key_of, load, save

Packed = Mapping[str, Any]
_MORE = 1  # fetched beyond k, so that an equal at the last place is seen
_TIE = 1e-6  # float32 products nearer than this may stand in either order
_POINTS_A_CLUSTER = 39  # what FAISS wants for k-means; with fewer, comparing all is quick anyway
_FILTERS_KEPT = 16
_OUTGROWN = 2.0  # clusters are found anew when the collection has grown by this factor


@dataclass(frozen=True, slots=True)
class IndexOptions:
    """Which index answers queries without a filter; "flat" is exact and needs no numbers."""

    kind: str = "flat"
    n_clusters: int = 100
    n_probe: int = 10
    m: int = 32
    ef: int = 64


class Rows:
    """Vectors in rows, with ids and metadata beside them. Not thread-safe.

    IndexFlatIP holds the vectors and answers exactly, also among a choice of rows. Beside it stands
    the approximate index, if one was asked for: made at the next query when there is none, and
    dropped when rows go away, because a graph cannot forget.
    """

    def __init__(self, dimension: int, options: IndexOptions, saved: Path | None = None) -> None:
        self._options = options
        self._saved = saved  # where the approximate index is kept from one opening to the next
        self._flat = _faiss().IndexFlatIP(dimension)
        self._ids: list[str] = []
        self._packed: list[Packed] = []
        self._row_of: dict[str, int] = {}
        self._matched: dict[str, IntArray] = {}
        self._approximate: Any = None
        self._trained_on = 0

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, ids: Sequence[str], packed: Sequence[Packed], vectors: FloatArray) -> None:
        """Insert rows, or replace those whose id exists; vectors float32 (n, d) of unit length."""
        self.remove(ids)
        self._matched.clear()
        self._row_of.update(zip(ids, range(len(self), len(self) + len(ids)), strict=True))
        self._ids += ids
        self._packed += packed
        self._flat.add(vectors)
        if self._approximate is not None:
            with _one_thread():
                self._approximate.add(vectors)

    def remove(self, ids: Sequence[str]) -> None:
        """Take rows out; those behind them move up. Unknown ids are ignored."""
        gone = {self._row_of[id_] for id_ in ids if id_ in self._row_of}
        if not gone:
            return
        self._flat.remove_ids(_faiss().IDSelectorBatch(np.array(sorted(gone), np.int64)))
        kept = [row for row in range(len(self)) if row not in gone]
        self._ids = [self._ids[row] for row in kept]
        self._packed = [self._packed[row] for row in kept]
        self._row_of = {id_: row for row, id_ in enumerate(self._ids)}
        self._matched.clear()
        self._approximate = None

    def vectors(self, ids: Sequence[str]) -> dict[str, FloatArray]:
        """Return the vectors, float32 (d,), of these ids; unknown ids are left out."""
        known = [id_ for id_ in ids if id_ in self._row_of]
        rows = self._vectors(np.array([self._row_of[id_] for id_ in known], np.int64))
        return dict(zip(known, rows, strict=True))

    def packed(self, ids: Sequence[str]) -> dict[str, Packed]:
        """Return the metadata of these ids, with their places; not to be changed."""
        return {id_: self._packed[self._row_of[id_]] for id_ in ids}

    def nearest(
        self, vector: FloatArray, k: int, where: Where | None = None
    ) -> list[tuple[str, float]]:
        """Return (id, cosine) of the k nearest, best first, ties by id.

        Args:
            vector: (d,), of unit length.
            k: at least 1.
            where: a `checked` filter. What matches it is compared row by row: exact, whatever the
                index.
        """
        only = None if where is None else self._matching(where)
        most = len(self) if only is None else len(only)
        wanted = min(k, most)
        fetched = wanted
        while wanted:
            # Doubled until nothing that was not fetched could tie with the last place.
            fetched = min(most, 2 * fetched if fetched > wanted else wanted + _MORE)
            rows, products = self._search(vector, fetched, only)
            if len(rows) == fetched and _apart(products[: wanted + 1]):
                return self._named(rows[:wanted], products[:wanted])
            found = self._scored(vector, rows)
            if fetched == most or found[wanted - 1][1] > found[-1][1] + _TIE:
                return found[:wanted]
        return []

    def ids_matching(self, where: Where) -> list[str]:
        """Return the ids whose metadata satisfies a `checked` filter."""
        return [self._ids[row] for row in self._matching(where)]

    def _matching(self, where: Where) -> IntArray:
        """Return the rows that match; kept until rows change, for a filter is seldom used once."""
        key = json.dumps(where, sort_keys=True)
        if key not in self._matched:
            rows = [row for row, packed in enumerate(self._packed) if matches(where, packed)]
            if len(self._matched) == _FILTERS_KEPT:
                self._matched.clear()
            self._matched[key] = np.array(rows, np.int64)
        return self._matched[key]

    def _search(
        self, vector: FloatArray, k: int, only: IntArray | None
    ) -> tuple[list[int], list[float]]:
        """Return rows and their float32 products, best first."""
        faiss = _faiss()
        if only is not None:
            choice = faiss.SearchParameters(sel=faiss.IDSelectorBatch(only))
            return self._asked(self._flat, vector, k, choice)
        index = self._approximate_now()
        if index is not None:
            rows, products = self._asked(index, vector, k, self._effort(k))
            if len(rows) == k:
                return rows, products
        # also when the clusters or the part of the graph that were looked at hold too few
        return self._asked(self._flat, vector, k, None)

    def _asked(
        self,
        index: Any,  # noqa: ANN401
        vector: FloatArray,
        k: int,
        choice: Any,  # noqa: ANN401
    ) -> tuple[list[int], list[float]]:
        # Two threads gain little on one query, and lose much where others compute too.
        with _one_thread():
            products, rows = index.search(vector[np.newaxis], k, params=choice)
        # Lists from here on: for ten numbers NumPy takes longer to be called than to compute.
        found: list[int] = rows[0].tolist()
        count = found.index(-1) if found[-1] < 0 else len(found)  # where it ran out of rows
        return found[:count], products[0].tolist()[:count]

    def _named(self, rows: list[int], products: list[float]) -> list[tuple[str, float]]:
        ids = self._ids
        return [
            (ids[row], min(1.0, max(-1.0, product)))
            for row, product in zip(rows, products, strict=True)
        ]

    def _effort(self, k: int) -> Any:  # noqa: ANN401
        if self._options.kind == "ivf":
            return _faiss().SearchParametersIVF(nprobe=self._options.n_probe)
        return _faiss().SearchParametersHNSW(efSearch=max(self._options.ef, k))

    def _scored(self, vector: FloatArray, rows: Sequence[int]) -> list[tuple[str, float]]:
        # In float64 and row by row: equal vectors get equal scores, wherever they stand.
        products = self._vectors(np.array(rows, np.int64)).astype(np.float64) * vector.astype(
            np.float64
        )
        scores = np.clip(products.sum(axis=1), -1.0, 1.0).tolist()
        pairs = [(self._ids[row], score) for row, score in zip(rows, scores, strict=True)]
        return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))

    def _vectors(self, rows: IntArray) -> FloatArray:
        found: FloatArray = self._flat.reconstruct_batch(rows)
        return found

    def _approximate_now(self) -> Any:  # noqa: ANN401
        """Return the approximate index over all rows, made if need be; None for "flat".

        None too for an IVF index with too few rows to find its clusters in.
        """
        options = self._options
        least = {"flat": np.inf, "ivf": _POINTS_A_CLUSTER * options.n_clusters, "hnsw": 1}
        if len(self) < least[options.kind]:
            return None
        outgrown = options.kind == "ivf" and len(self) > _OUTGROWN * self._trained_on
        if self._approximate is None or outgrown:
            vectors = self._flat.reconstruct_n(0, len(self))
            self._approximate, self._trained_on = self._kept_or_made(vectors), len(self)
        return self._approximate

    def _kept_or_made(self, vectors: FloatArray) -> Any:  # noqa: ANN401
        # Not all settings: how far a query looks is no part of the index
        options = self._options
        shape = {"ivf": {"n_clusters": options.n_clusters}, "hnsw": {"m": options.m}}[options.kind]
        key = key_of(self._ids, vectors, {"kind": options.kind, **shape})
        kept = load(self._saved, key) if self._saved else None
        if kept is not None:
            return kept
        index = _made(options, self._flat.d)
        with _one_thread():
            index.train(vectors)
            index.add(vectors)
        if self._saved:
            save(self._saved, index, key)
        return index


def _apart(products: Sequence[float]) -> bool:
    """Return whether these products, falling, differ by so much that their order is certain."""
    return all(one - other > _TIE for one, other in pairwise(products))


def _made(options: IndexOptions, dimension: int) -> Any:  # noqa: ANN401
    """Return an empty index: IVF (Jégou et al. 2011) or HNSW (Malkov, Yashunin 2018)."""
    faiss = _faiss()
    if options.kind == "hnsw":
        return faiss.IndexHNSWFlat(dimension, options.m, faiss.METRIC_INNER_PRODUCT)
    centres = faiss.IndexFlatIP(dimension)
    return faiss.IndexIVFFlat(centres, dimension, options.n_clusters, faiss.METRIC_INNER_PRODUCT)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let FAISS use one thread: with several, the same vectors make another graph every time."""
    faiss = _faiss()
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)  # of the calling thread alone
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def _faiss() -> Any:  # noqa: ANN401 - its stubs lack much of what it has
    import faiss

    return faiss
