"""Vectors by text, computed once: re-chunking embeds only what it has not seen."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from rag_core.datatypes import Chunk, SearchHit
from rag_core.protocols import Embedder, FloatArray, OnProgress

MAX_TEXTS = 20_000  # of 384 numbers each: 31 MB


class RecentVectors:
    """An embedder that remembers the vectors of the latest texts. Thread-safe.

    One cache belongs to one embedder, so vectors of two models never meet in it.
    """

    def __init__(self, embedder: Embedder, max_texts: int = MAX_TEXTS) -> None:
        self._embedder = embedder
        self._max_texts = max_texts
        self._vectors: OrderedDict[str, FloatArray] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The name of the embedder behind the cache."""
        return self._embedder.name

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the embedder behind the cache."""
        return self._embedder.fingerprint

    @property
    def dimension(self) -> int:
        """The length of every vector."""
        return self._embedder.dimension

    def missing(self, texts: Sequence[str]) -> list[str]:
        """Return which of the texts would have to be embedded, each once, in order."""
        with self._lock:
            return [text for text in dict.fromkeys(texts) if text not in self._vectors]

    def embed_documents(
        self, texts: Sequence[str], *, on_progress: OnProgress | None = None
    ) -> FloatArray:
        """Return one unit vector a text, in order; progress counts the new texts only."""
        new = self.missing(texts)
        fresh: dict[str, FloatArray] = {}
        if new:
            vectors = self._embedder.embed_documents(new, on_progress=on_progress)
            fresh = dict(zip(new, vectors, strict=True))
        with self._lock:
            self._vectors.update(fresh)
            rows = []
            for text in texts:
                vector = fresh[text] if text in fresh else self._vectors.get(text)
                if vector is None:  # pushed out by another thread since it was looked up
                    break
                rows.append(vector)
                self._vectors.move_to_end(text)
            while len(self._vectors) > self._max_texts:
                self._vectors.popitem(last=False)
        if len(rows) < len(texts):
            return self._embedder.embed_documents(texts, on_progress=on_progress)
        return np.array(rows, dtype=np.float32).reshape(len(texts), self.dimension)

    def embed_query(self, text: str) -> FloatArray:
        """Return the query's unit vector."""
        return self._embedder.embed_query(text)


def ranked(chunks: Sequence[Chunk], query: FloatArray, vectors: FloatArray) -> list[SearchHit]:
    """Return all chunks by cosine similarity to the query, best first; ties break by id."""
    scores = vectors @ query
    order = sorted(range(len(chunks)), key=lambda row: (-scores[row], chunks[row].id))
    return [
        SearchHit(chunks[row], rank, float(scores[row]), {"vector": float(scores[row])})
        for rank, row in enumerate(order, start=1)
    ]
