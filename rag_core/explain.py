"""Why is this here? A found chunk's place, taken apart into the numbers that put it there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rag_core.datatypes import Chunk, SearchResult, Span, Stage
from rag_core.fusion import normalised
from rag_core.keyword import TermScore
from rag_core.protocols import FloatArray, TokenVectors
from rag_core.retrieval import SearchOptions

ONE_AFTER_THE_OTHER = ("rerank", "diversity")


@dataclass(frozen=True, slots=True)
class TokenLink:
    """A token of the query, the chunk's token most alike, where it stands, and their cosine."""

    asked: str
    found: str
    span: Span
    similarity: float


@dataclass(frozen=True, slots=True)
class TokenShare:
    """What one token of the chunk adds to `CosineStory.pooled`; below 0 it takes away."""

    text: str
    span: Span
    share: float


@dataclass(frozen=True, slots=True)
class CosineStory:
    """The cosine of query and chunk, and the tokens that carried it.

    `links` has one entry a query token, in order; `maxsim` is the mean of their similarities.
    `shares` has one a chunk token, in order, and they add up to `pooled`: the cosine of the query
    to the mean of the chunk's token vectors. That is how models with mean pooling make a chunk's
    vector, but for the lengths of the token vectors and two special tokens; how near `pooled` is
    to `cosine` says how far the shares can be trusted. Without token vectors both are empty.
    """

    cosine: float
    pooled: float | None = None
    maxsim: float | None = None
    links: tuple[TokenLink, ...] = ()
    shares: tuple[TokenShare, ...] = ()


@dataclass(frozen=True, slots=True)
class FusionTerm:
    """One side's part of the fused score: `value` = `weight` * `credit`.

    `credit` is 1 / (k + rank) with "rrf" and the score made 0 to 1 with "convex". A side that did
    not find the chunk has no rank and no score, and gives nothing.
    """

    side: str
    weight: float
    rank: int | None
    score: float | None
    credit: float
    value: float


@dataclass(frozen=True, slots=True)
class FusionStory:
    """The fused score as a sum over the sides, and the rank it led to."""

    method: str
    k: float
    terms: tuple[FusionTerm, ...]
    total: float
    rank: int

    @property
    def written(self) -> str:
        """The sum, written out: "1 / (60 + 3) + 1 / (60 + 1) = 0.03227"."""
        found = [term for term in self.terms if term.rank is not None and term.weight]
        if self.method == "rrf":
            parts = [f"{term.weight:g} / ({self.k:g} + {term.rank})" for term in found]
        else:
            parts = [f"{term.weight:.4g} · {term.credit:.4g}" for term in found]
        return f"{' + '.join(parts)} = {self.total:.4g}"


@dataclass(frozen=True, slots=True)
class Move:
    """What a later stage did to the chunk: its rank before and after, and the stage's score."""

    stage: str
    before: int
    after: int
    score: float


@dataclass(frozen=True, slots=True)
class Placing:
    """Where a chunk stands, and how the stages after the two sides led there.

    `rank` is None for a chunk that is not among the hits, `fusion` where nothing was fused.
    """

    chunk: Chunk
    rank: int | None
    fusion: FusionStory | None
    moves: tuple[Move, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that put a chunk where it stands.

    `cosine` is None for a search by keyword alone, `keyword` for one by vector alone. `keyword`
    has what each term of the query adds to the BM25 score, in order of the query.
    """

    placing: Placing
    cosine: CosineStory | None
    keyword: tuple[TermScore, ...] | None


def placing(result: SearchResult, chunk_id: str, options: SearchOptions) -> Placing:
    """Return how fusion, reranking and diversity placed a chunk.

    Args:
        result: of a search with these options.
        chunk_id: of any chunk that some stage found.
        options: what the search was told.

    Raises:
        ValueError: when no stage found the chunk.
    """
    chunk = found_chunk(result, chunk_id)
    rank = next((hit.rank for hit in result.hits if hit.chunk.id == chunk_id), None)
    moves = []
    for before, stage in zip(result.stages, result.stages[1:], strict=False):
        old, new = rank_in(before, chunk_id), rank_in(stage, chunk_id)
        if stage.name in ONE_AFTER_THE_OTHER and old is not None and new is not None:
            moves.append(Move(stage.name, old, new, stage.hits[new - 1].score))
    return Placing(chunk, rank, _fusion(result, chunk_id, options), tuple(moves))


def found_chunk(result: SearchResult, chunk_id: str) -> Chunk:
    """Return a chunk that some stage found.

    Raises:
        ValueError: when none did.
    """
    for stage in result.stages:
        for hit in stage.hits:
            if hit.chunk.id == chunk_id:
                return hit.chunk
    raise ValueError(f"no stage of this search found a chunk {chunk_id!r}")


def rank_in(stage: Stage, chunk_id: str) -> int | None:
    """Return the chunk's rank in a stage, or None where the stage lacks it."""
    return next(
        (rank for rank, hit in enumerate(stage.hits, start=1) if hit.chunk.id == chunk_id), None
    )


def _fusion(result: SearchResult, chunk_id: str, options: SearchOptions) -> FusionStory | None:
    by_name = {stage.name: stage for stage in result.stages}
    rank = rank_in(by_name["fusion"], chunk_id) if "fusion" in by_name else None
    if rank is None:
        return None
    total = sum(options.weights) if options.fusion == "convex" else 1.0
    weights = [weight / total for weight in options.weights]
    sides = [by_name["vector"], by_name["keyword"]]
    terms = tuple(
        _term(side, chunk_id, weight, options) for side, weight in zip(sides, weights, strict=True)
    )
    score = by_name["fusion"].hits[rank - 1].score
    return FusionStory(options.fusion, options.rrf_k, terms, score, rank)


def _term(side: Stage, chunk_id: str, weight: float, options: SearchOptions) -> FusionTerm:
    rank = rank_in(side, chunk_id)
    if rank is None:
        return FusionTerm(side.name, weight, None, None, 0.0, 0.0)
    if options.fusion == "convex":
        credit = normalised((hit.chunk.id, hit.score) for hit in side.hits)[chunk_id]
    else:
        credit = 1 / (options.rrf_k + rank)
    return FusionTerm(side.name, weight, rank, side.hits[rank - 1].score, credit, weight * credit)


def cosine_story(
    cosine: float,
    query: str,
    chunk: Chunk,
    query_vector: FloatArray,
    tokens: Sequence[TokenVectors],
) -> CosineStory:
    """Return which tokens carried a cosine.

    Args:
        cosine: of the query's and the chunk's vectors.
        query: the text asked.
        chunk: the chunk found.
        query_vector: of unit length.
        tokens: of the query and of the chunk; empty where the model does not show them.
    """
    if len(tokens) != 2 or not all(len(text.vectors) for text in tokens):
        return CosineStory(cosine)
    asked, read = tokens
    matrix = np.clip(asked.vectors @ read.vectors.T, -1.0, 1.0)
    best = matrix.argmax(axis=1)
    links = tuple(
        TokenLink(
            query[start:end],
            _text(chunk, read, int(column)),
            _span(chunk, read, int(column)),
            float(matrix[row, column]),
        )
        for row, ((start, end), column) in enumerate(zip(asked.offsets, best, strict=True))
    )
    length = max(float(np.linalg.norm(read.vectors.sum(axis=0))), 1e-12)
    parts = read.vectors @ query_vector / length
    shares = tuple(
        TokenShare(_text(chunk, read, row), _span(chunk, read, row), float(part))
        for row, part in enumerate(parts)
    )
    return CosineStory(cosine, float(parts.sum()), float(matrix.max(axis=1).mean()), links, shares)


def _text(chunk: Chunk, tokens: TokenVectors, row: int) -> str:
    start, end = tokens.offsets[row]
    return chunk.text[start:end]


def _span(chunk: Chunk, tokens: TokenVectors, row: int) -> Span:
    start, end = (int(offset) for offset in tokens.offsets[row])
    return Span(chunk.document_id, chunk.start + start, chunk.start + end)
