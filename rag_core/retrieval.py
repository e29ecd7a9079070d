"""Searching: by vector, by keyword, or both fused, then reranked, every stage kept and timed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, get_args

from rag_core.datatypes import SearchHit, SearchResult, Stage
from rag_core.fusion import RRF_K, reciprocal_rank_fusion
from rag_core.keyword import KeywordIndex
from rag_core.protocols import Embedder, FloatArray, Reranker, VectorStore, Where

Mode = Literal["vector", "keyword", "hybrid"]
MODES: tuple[Mode, ...] = get_args(Mode)
CANDIDATES = 50  # a side, before fusion
RERANKED = 20  # how many of the best a reranker reads


class Retriever:
    """Finds chunks in a store and a keyword index that hold the same chunks.

    `allowed` says which of some chunk ids may be shown; a store can hold others for a moment, while
    a document is being written or removed.
    """

    def __init__(
        self,
        *,
        embedder: Embedder,
        store: Callable[[], VectorStore],
        keywords: Callable[[], KeywordIndex],
        allowed: Callable[[Sequence[str]], set[str]] | None = None,
    ) -> None:
        self._embedder = embedder
        self._store = store
        self._keywords = keywords
        self._allowed = allowed

    def search(
        self,
        query: str,
        *,
        mode: Mode = "hybrid",
        k: int = 5,
        where: Where | None = None,
        reranker: Reranker | None = None,
        candidates: int = CANDIDATES,
        rrf_k: int = RRF_K,
    ) -> SearchResult:
        """Return the k best chunks and the stages that led to them.

        With a reranker, the best `max(k, 20)` of the first ranking are read again. An empty query
        finds nothing.

        Raises:
            ValueError: for an unknown mode, or k or candidates below 1.
            FilterError, ModelError, StoreError: as their parts raise them.
        """
        if mode not in MODES:
            raise ValueError(f"unknown mode {mode!r}; known are {', '.join(MODES)}")
        if k < 1 or candidates < 1:
            raise ValueError(f"k and candidates must be at least 1, not {k} and {candidates}")
        if not query.strip():
            return SearchResult(query, ())
        depth = max(k, RERANKED) if reranker else k
        stages: list[Stage] = []
        wide = max(candidates, depth) if mode == "hybrid" else depth
        if mode != "keyword":
            stages += self._vector(query, wide, where)
        if mode != "vector":
            stages.append(_timed("keyword", lambda: self._keywords().search(query, wide, where)))
        if mode == "hybrid":
            sides = [stages[-2], stages[-1]]
            stages.append(_timed("fusion", lambda: _fused(sides, rrf_k)))
        if reranker:
            chosen, judge = stages[-1].hits[:depth], reranker
            stages.append(_timed("rerank", lambda: judge.rerank(query, chosen)))
        return SearchResult(query, stages[-1].hits[:k], tuple(stages))

    def _vector(self, query: str, k: int, where: Where | None) -> list[Stage]:
        start = time.perf_counter()
        vector = self._embedder.embed_query(query)
        embedding = Stage("embed", (), time.perf_counter() - start)
        return [embedding, _timed("vector", lambda: self._nearest(vector, k, where))]

    def _nearest(self, vector: FloatArray, k: int, where: Where | None) -> list[SearchHit]:
        store, wanted = self._store(), k
        while True:
            found = store.query(vector, wanted, where)
            if self._allowed is None:
                return found
            allowed = self._allowed([hit.chunk.id for hit in found])
            shown = [hit for hit in found if hit.chunk.id in allowed]
            if len(shown) >= k or len(found) < wanted:
                return [replace(hit, rank=rank) for rank, hit in enumerate(shown[:k], start=1)]
            wanted *= 4  # hidden chunks took the places: look further


def _timed(name: str, work: Callable[[], Sequence[SearchHit]]) -> Stage:
    start = time.perf_counter()
    hits = tuple(work())
    return Stage(name, hits, time.perf_counter() - start)


def _fused(sides: Sequence[Stage], rrf_k: int) -> list[SearchHit]:
    found: dict[str, SearchHit] = {}
    scores: dict[str, dict[str, float]] = {}
    for side in sides:
        for hit in side.hits:
            found.setdefault(hit.chunk.id, hit)
            scores.setdefault(hit.chunk.id, {}).update(hit.scores)
    order = reciprocal_rank_fusion([[hit.chunk.id for hit in side.hits] for side in sides], k=rrf_k)
    return [
        replace(found[id_], rank=rank, score=score, scores={**scores[id_], "fusion": score})
        for rank, (id_, score) in enumerate(order, start=1)
    ]
