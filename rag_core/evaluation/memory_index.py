"""A vector store in memory that compares the query with every chunk: what sweeps search.

Exact, so that no setting is judged by the luck of an approximate index (the ANN page measures that
one), and gone when the sweep ends: nothing of a sweep ever enters a collection.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from rag_core.datatypes import Chunk, SearchHit
from rag_core.filters import checked, matches
from rag_core.keyword import filterable
from rag_core.protocols import FloatArray, Where


class MemoryIndex:
    """A `VectorStore` over arrays. Chunks must not change while it is queried."""

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension
        self._chunks: dict[str, Chunk] = {}
        self._vectors: dict[str, FloatArray] = {}
        self._matrix: FloatArray | None = None

    def upsert(self, chunks: Sequence[Chunk], vectors: FloatArray) -> None:
        """Insert the chunks, or replace those whose id exists."""
        for chunk, vector in zip(chunks, vectors, strict=True):
            self._chunks[chunk.id], self._vectors[chunk.id] = chunk, vector
        self._matrix = None

    def delete(self, ids: Sequence[str]) -> None:
        """Remove chunks by id; unknown ids are ignored."""
        for id_ in ids:
            self._chunks.pop(id_, None)
            self._vectors.pop(id_, None)
        self._matrix = None

    def delete_document(self, document_id: str) -> None:
        """Remove every chunk of a document."""
        self.delete([id_ for id_, c in self._chunks.items() if c.document_id == document_id])

    def query(self, vector: FloatArray, k: int, where: Where | None = None) -> list[SearchHit]:
        """Return the k most similar chunks, score = cosine, best first; ties break by id."""
        chunks = list(self._chunks.values())
        where = None if where is None else checked(where)
        if not chunks:
            return []
        if self._matrix is None:
            self._matrix = np.array(list(self._vectors.values()), dtype=np.float32)
        scores = self._matrix @ vector
        order = sorted(
            (row for row in self._near(scores, k, where) if _fits(chunks[row], where)),
            key=lambda row: (-float(scores[row]), chunks[row].id),
        )[:k]
        return [
            SearchHit(chunks[row], rank, float(scores[row]), {"vector": float(scores[row])})
            for rank, row in enumerate(order, start=1)
        ]

    def get(self, ids: Sequence[str]) -> list[Chunk]:
        """Return the chunks of these ids, in this order; unknown ids are left out."""
        return [self._chunks[id_] for id_ in ids if id_ in self._chunks]

    def vectors(self, ids: Sequence[str]) -> dict[str, FloatArray]:
        """Return the vectors of these ids; unknown ids are left out."""
        return {id_: self._vectors[id_] for id_ in ids if id_ in self._vectors}

    def __iter__(self) -> Iterator[Chunk]:
        yield from list(self._chunks.values())

    def count(self) -> int:
        """Return how many chunks there are."""
        return len(self._chunks)

    def close(self) -> None:
        """Forget everything."""
        self._chunks, self._vectors, self._matrix = {}, {}, None

    def _near(self, scores: FloatArray, k: int, where: Where | None) -> Sequence[int]:
        """Return the rows that could be among the k best: with a filter, all."""
        if where is not None or k >= len(scores):
            return range(len(scores))
        least = np.partition(scores, -k)[-k]  # every row that ties with the last is kept
        return [int(row) for row in np.flatnonzero(scores >= least)]


def _fits(chunk: Chunk, where: Where | None) -> bool:
    return where is None or matches(where, filterable(chunk))
