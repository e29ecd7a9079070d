"""Where did it die? A passage followed from its document to the hits, or to where it was lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from rag_core.datatypes import Chunk, Document, SearchHit, SearchResult, Span, Stage
from rag_core.explain import rank_in
from rag_core.filters import checked, matches
from rag_core.findings import (
    Cut,
    Filtered,
    Finding,
    Indexed,
    Loaded,
    Ordered,
    Part,
    Ranked,
    Read,
    Side,
    Status,
    Trace,
)
from rag_core.keyword import filterable
from rag_core.parts import PipelineParts
from rag_core.protocols import TokenEmbedder, Where
from rag_core.retrieval import SearchOptions

SHOWN_ABOVE = 5
MOST_COMPARED = 20_000  # chunks; comparing more by hand takes many seconds
SAME = 1e-5  # cosines of one pair from two engines differ by less


def where_did_it_die(
    parts: PipelineParts, query: str, place: Span | str, options: SearchOptions | None = None
) -> Trace:
    """Search, and follow a passage through every step.

    Args:
        parts: a pipeline.
        query: not empty.
        place: a span of a document, or a chunk's id.
        options: of the search; the defaults when None.

    Raises:
        ValueError: for an empty query, or a span of white space.
        FilterError, ModelError, StoreError: as the search raises them.
    """
    if not query.strip():
        raise ValueError("the query must not be empty")
    chosen = options or SearchOptions()
    result = parts.search_with(query, chosen)
    follower = _Follower(parts, query, chosen, result)
    span = place if isinstance(place, Span) else _span_of(parts, place)
    steps = tuple(follower.steps(place, span))
    chunk = follower.chunk
    rank = next((hit.rank for hit in result.hits if chunk and hit.chunk.id == chunk.id), None)
    return Trace(query, steps, chunk, rank, result)


def _span_of(parts: PipelineParts, chunk_id: str) -> Span | None:
    known = parts.home.catalog.known(parts.collection, [chunk_id])
    found = parts.store().get([chunk_id]) if known else []
    return found[0].span if found else None


class _Follower:
    """One passage on its way. `chunk` is what it was found in, once it was looked for."""

    def __init__(
        self, parts: PipelineParts, query: str, options: SearchOptions, result: SearchResult
    ) -> None:
        self.parts = parts
        self.query = query
        self.options = options
        self.stages = {stage.name: stage for stage in result.stages}
        self.result = result
        self.chunk: Chunk | None = None

    def steps(self, place: Span | str, span: Span | None) -> Iterator[Finding]:
        """Yield every step that applies, in order."""
        document = (
            self.parts.home.catalog.document(self.parts.collection, span.document_id)
            if span
            else None
        )
        passage = _trimmed(document, span) if document and span else None
        name = place.document_id if isinstance(place, Span) else place
        if document is None or passage is None:
            yield Loaded("failed", document.name if document else name, span, "")
        else:
            text = document.text[passage.start : passage.end]
            yield Loaded("ok", document.name, passage, text)
            self.chunk, cut = self.cut(place, passage)
            yield cut
        yield from self.after_cut(passage)

    def cut(self, place: Span | str, passage: Span) -> tuple[Chunk | None, Cut]:
        """Return the chunk to follow, and what the chunker did to the passage."""
        catalog = self.parts.home.catalog
        chunks = catalog.document_chunks(self.parts.collection, passage.document_id)
        if isinstance(place, str):
            chunks = [chunk for chunk in chunks if chunk.id == place]
        held = [
            Part(chunk, _shared(chunk.span, passage))
            for chunk in chunks
            if chunk.span.overlaps(passage)
        ]
        if not held:
            return None, Cut("failed")
        best = min(held, key=lambda part: (-_length(part.span), *self.fate(part.chunk)))
        return best.chunk, Cut("ok" if best.span == passage else "failed", tuple(held))

    def fate(self, chunk: Chunk) -> tuple[int, int, int]:
        """Return a key that is least for the chunk that got furthest."""
        for lost, stage in enumerate([Stage("", self.result.hits, 0.0), *self.result.stages[::-1]]):
            rank = rank_in(stage, chunk.id)
            if rank is not None:
                return lost, rank, chunk.index
        return len(self.result.stages) + 1, 0, chunk.index

    def after_cut(self, passage: Span | None) -> Iterator[Finding]:
        """Yield the steps from the chunk on; all "not reached" where there is none."""
        options, chunk = self.options, self.chunk
        if options.where is not None:
            yield self.filtered(chunk, options.where)
        if options.mode != "keyword" and isinstance(self.parts.embedder, TokenEmbedder):
            yield self.read(chunk, passage) if chunk and passage else Read("not reached")
        if chunk is None or not _passes(chunk, options.where):
            if options.mode != "keyword":
                yield Indexed("not reached")
            yield Ranked("not reached")
        else:
            exact = None
            if options.mode != "keyword":
                yield (indexed := self.indexed(chunk))
                exact = indexed.exact_rank
            yield self.ranked(chunk, exact)
        yield from self.ordered(chunk)

    def filtered(self, chunk: Chunk | None, where: Where) -> Filtered:
        """Say whether the filter lets the chunk through."""
        if chunk is None:
            return Filtered("not reached")
        return Filtered("ok" if _passes(chunk, where) else "failed")

    def read(self, chunk: Chunk, passage: Span) -> Read:
        """Say how much of the chunk the model read."""
        embedder = self.parts.embedder
        total = embedder.count_tokens([chunk.text])[0] if isinstance(embedder, TokenEmbedder) else 0
        offsets = self.parts.tokens().passages([chunk.text])[0].offsets
        seen = chunk.end
        if len(offsets) < total:
            seen = chunk.start + (int(offsets[-1, 1]) if len(offsets) else 0)
        inside = _shared(chunk.span, passage)
        if inside.end <= seen:
            return Read("ok", total, len(offsets))
        unseen = Span(chunk.document_id, max(seen, inside.start), inside.end)
        return Read("failed", total, len(offsets), unseen)

    def indexed(self, chunk: Chunk) -> Indexed:
        """Say whether the vector store kept a chunk back that it should have returned."""
        returned = self.stages["vector"].hits
        rank, wanted = rank_in(self.stages["vector"], chunk.id), self.options.wide
        if rank is not None:
            return Indexed("ok", wanted, returned[rank - 1].score, None, rank)
        asked = self.parts.embedder.embed_query(self.query)
        others = self.comparable()
        if others is None:
            cosine = float(self.parts.vectors([chunk])[0] @ asked)
            worst = min((hit.score for hit in returned), default=-1.0)
            missed = cosine > worst + SAME or len(returned) < wanted
            return Indexed("failed" if missed else "ok", wanted, cosine)
        cosines = self.parts.vectors(others) @ asked
        row = next(row for row, other in enumerate(others) if other.id == chunk.id)
        exact = int(np.count_nonzero(cosines >= cosines[row] - SAME))
        return Indexed("failed" if exact <= wanted else "ok", wanted, float(cosines[row]), exact)

    def comparable(self) -> list[Chunk] | None:
        """Return every chunk the filter lets through; None where they are too many."""
        catalog, collection = self.parts.home.catalog, self.parts.collection
        if sum(info.chunks for info in catalog.documents(collection)) > MOST_COMPARED:
            return None
        where = self.options.where
        return [chunk for chunk in catalog.chunks(collection) if _passes(chunk, where)]

    def ranked(self, chunk: Chunk, exact: int | None) -> Ranked:
        """Say where each side ranks the chunk; `exact` is its vector rank beyond the hits."""
        sides, wide = [], self.options.wide
        if "vector" in self.stages:
            stage = self.stages["vector"]
            rank = rank_in(stage, chunk.id)
            above = _above(stage.hits, rank)
            sides.append(Side("vector", rank or exact, wide, rank is not None, above))
        if "keyword" in self.stages:
            passed = rank_in(self.stages["keyword"], chunk.id) is not None
            index = self.parts.keywords()
            hits = index.search(self.query, max(1, len(index)), self.options.where)
            rank = next((hit.rank for hit in hits if hit.chunk.id == chunk.id), None)
            sides.append(Side("keyword", rank, wide, passed, _above(hits, rank)))
        return Ranked("ok" if any(side.passed for side in sides) else "failed", tuple(sides))

    def ordered(self, chunk: Chunk | None) -> Iterator[Ordered]:
        """Yield what fusion, reranking and diversity did, as far as they were asked for."""
        names = [name for name in self.stages if name in ("fusion", "rerank", "diversity")]
        before = None
        if self.options.mode != "hybrid" and chunk:
            before = rank_in(self.stages[self.options.mode], chunk.id)
        for name in names:
            stage = self.stages[name]
            rank = rank_in(stage, chunk.id) if chunk else None
            limit = self.options.k if name == names[-1] else self.options.depth
            if rank is None:
                yield Ordered(name, "not reached", limit=limit)
                continue
            status: Status = "ok" if rank <= limit else "failed"
            yield Ordered(name, status, before, rank, limit, _above(stage.hits, rank))
            before = rank


def _trimmed(document: Document, span: Span) -> Span | None:
    """Return the span without white space at its ends; None where it leaves the text."""
    if not 0 <= span.start < span.end <= len(document.text):
        return None
    text = document.text[span.start : span.end]
    if not text.strip():
        raise ValueError(f"the passage from {span.start} to {span.end} is white space")
    start = span.start + len(text) - len(text.lstrip())
    return Span(span.document_id, start, start + len(text.strip()))


def _shared(one: Span, other: Span) -> Span:
    return Span(one.document_id, max(one.start, other.start), min(one.end, other.end))


def _length(span: Span) -> int:
    return span.end - span.start


def _passes(chunk: Chunk, where: Where | None) -> bool:
    return where is None or matches(checked(where), filterable(chunk))


def _above(hits: Sequence[SearchHit], rank: int | None) -> tuple[SearchHit, ...]:
    return tuple(hits[:SHOWN_ABOVE] if rank is None else hits[: min(rank - 1, SHOWN_ABOVE)])
