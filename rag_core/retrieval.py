"""Searching: by vector, by keyword, or both fused, then reranked, every stage kept and timed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypedDict, get_args

import numpy as np

from rag_core.datatypes import Chunk, SearchHit, SearchResult, Stage
from rag_core.diversity import maximal_marginal_relevance
from rag_core.fusion import RRF_K, convex_combination, normalised, reciprocal_rank_fusion
from rag_core.giving_way import in_front
from rag_core.keyword import KeywordIndex
from rag_core.protocols import Embedder, FloatArray, Reranker, VectorStore, Where

Mode = Literal["vector", "keyword", "hybrid"]
MODES: tuple[Mode, ...] = get_args(Mode)
Fusion = Literal["rrf", "convex"]
FUSIONS: tuple[Fusion, ...] = get_args(Fusion)
CANDIDATES = 50  # a side, before fusion
RERANKED = 20  # how many of the best a reranker reads


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """Everything that decides what a search finds, besides the query.

    Args:
        mode: "vector", "keyword" or "hybrid".
        k: how many hits, at least 1.
        where: a metadata filter; see `filters`.
        rerank: None, the name of a reranker (see RERANKERS), or a reranker.
        fusion: "rrf" or "convex"; see `fusion`. For hybrid alone, as are the next two.
        weights: of the vector side and the keyword side, each at least 0, one above 0.
        rrf_k: at least 0; the larger, the less a first place counts.
        candidates: how many hits each side gives to the fusion, at least 1.
        reranked: how many of the best a reranker reads and diversity chooses from, at least 1;
            never fewer than k.
        diversity: None, or from 0 to 1: the lambda of maximal marginal relevance. 1 changes
            nothing, 0 looks at novelty alone.

    Raises:
        ValueError: for a value outside its range; the message names both.
    """

    mode: Mode = "hybrid"
    k: int = 5
    where: Where | None = None
    rerank: str | Reranker | None = None
    fusion: Fusion = "convex"  # measured: README; by ranks, hybrid was below vector alone
    weights: tuple[float, float] = (1.0, 1.0)
    rrf_k: float = RRF_K
    candidates: int = CANDIDATES
    reranked: int = RERANKED
    diversity: float | None = None

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"unknown mode {self.mode!r}; known are {', '.join(MODES)}")
        if self.fusion not in FUSIONS:
            raise ValueError(f"unknown fusion {self.fusion!r}; known are {', '.join(FUSIONS)}")
        if self.k < 1 or self.candidates < 1:
            raise ValueError(
                f"k and candidates must be at least 1, not {self.k} and {self.candidates}"
            )
        if self.reranked < 1:
            raise ValueError(f"reranked must be at least 1, not {self.reranked}")
        if self.diversity is not None and not 0 <= self.diversity <= 1:
            raise ValueError(f"diversity must be from 0 to 1, not {self.diversity}")
        # k and weights are checked where they are used: over no rankings, so it costs nothing
        reciprocal_rank_fusion([[], []], k=self.rrf_k, weights=self.weights)

    @property
    def depth(self) -> int:
        """How many of the best go on after vector, keyword or fusion."""
        again = self.rerank is not None or self.diversity is not None
        return max(self.k, self.reranked) if again else self.k

    @property
    def wide(self) -> int:
        """How many hits a side is asked for."""
        return max(self.candidates, self.depth) if self.mode == "hybrid" else self.depth


class FinerOptions(TypedDict, total=False):
    """The options of a search that few calls need; see `SearchOptions`."""

    fusion: Fusion
    weights: tuple[float, float]
    rrf_k: float
    candidates: int
    reranked: int
    diversity: float | None


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

    @in_front()
    def search(
        self, query: str, options: SearchOptions, *, reranker: Reranker | None = None
    ) -> SearchResult:
        """Return the k best chunks and the stages that led to them.

        The stages are, as far as they are asked for: embed, vector, keyword, fusion, rerank,
        diversity. With a reranker, the best `options.depth` of the ranking before are read again.
        An empty query finds nothing.

        Args:
            query: words or a question.
            options: what to do.
            reranker: what `options.rerank` names, already made; None where it names nothing.

        Raises:
            FilterError, ModelError, StoreError: as their parts raise them.
        """
        if not query.strip():
            return SearchResult(query, ())
        where, wide, depth = options.where, options.wide, options.depth
        stages: list[Stage] = []
        if options.mode != "keyword":
            stages += self._vector(query, wide, where)
        if options.mode != "vector":
            stages.append(_timed("keyword", lambda: self._keywords().search(query, wide, where)))
        if options.mode == "hybrid":
            sides = [stages[-2], stages[-1]]
            stages.append(_timed("fusion", lambda: fused(sides, options)))
        if reranker:
            chosen, judge = stages[-1].hits[:depth], reranker
            stages.append(_timed("rerank", lambda: judge.rerank(query, chosen)))
        if options.diversity is not None:
            before, trade = stages[-1].hits[:depth], options.diversity
            stages.append(_timed("diversity", lambda: self._diverse(before, trade)))
        return SearchResult(query, stages[-1].hits[: options.k], tuple(stages))

    def _diverse(self, hits: Sequence[SearchHit], trade: float) -> list[SearchHit]:
        """Reorder by maximal marginal relevance; relevance is the score so far, made 0 to 1."""
        if not hits:
            return []
        ids = [hit.chunk.id for hit in hits]
        merit = normalised((hit.chunk.id, hit.score) for hit in hits)
        vectors = self.vectors([hit.chunk for hit in hits])
        order = maximal_marginal_relevance([merit[id_] for id_ in ids], vectors, trade)
        return [
            replace(
                hits[row], rank=rank, score=value, scores={**hits[row].scores, "diversity": value}
            )
            for rank, (row, value) in enumerate(order, start=1)
        ]

    def vectors(self, chunks: Sequence[Chunk]) -> FloatArray:
        """Return the chunks' unit vectors, in order: the store's own, else embedded now."""
        found = self._store().vectors([chunk.id for chunk in chunks])
        missing = [chunk for chunk in chunks if chunk.id not in found]
        if missing:
            fresh = self._embedder.embed_documents([chunk.text for chunk in missing])
            found.update(zip((chunk.id for chunk in missing), fresh, strict=True))
        rows = [found[chunk.id] for chunk in chunks]
        return np.array(rows, dtype=np.float32).reshape(len(rows), self._embedder.dimension)

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


def fused(sides: Sequence[Stage], options: SearchOptions) -> list[SearchHit]:
    """Join the stages of two sides into one ranking, by chunk id, as the options say."""
    found: dict[str, SearchHit] = {}
    scores: dict[str, dict[str, float]] = {}
    for side in sides:
        for hit in side.hits:
            found.setdefault(hit.chunk.id, hit)
            scores.setdefault(hit.chunk.id, {}).update(hit.scores)
    return [
        replace(found[id_], rank=rank, score=score, scores={**scores[id_], "fusion": score})
        for rank, (id_, score) in enumerate(_order(sides, options), start=1)
    ]


def _order(sides: Sequence[Stage], options: SearchOptions) -> list[tuple[str, float]]:
    if options.fusion == "convex":
        scored = [[(hit.chunk.id, hit.score) for hit in side.hits] for side in sides]
        return convex_combination(scored, weights=options.weights)
    ranked = [[hit.chunk.id for hit in side.hits] for side in sides]
    return reciprocal_rank_fusion(ranked, k=options.rrf_k, weights=options.weights)
