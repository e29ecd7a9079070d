"""From settings to vectors and queries, and to what was measured; runs beside the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from rag_core import Chunk, RagPipeline
from rag_core.ann import Comparison, clustered_vectors, compare, random_vectors
from rag_core.protocols import FloatArray, IntArray, OnProgress, Progress
from ui.ann_lab.settings import CLUSTERED, Settings, check

_PAGE = 1_000  # vectors read at once


@dataclass(frozen=True, slots=True)
class Outcome:
    """A comparison, and what it was made of.

    `chunks[row]` is behind every row of the vectors and `asked[query]` is the text of every query;
    both are empty for synthetic vectors.
    """

    settings: Settings
    comparison: Comparison
    chunks: tuple[Chunk, ...] = field(default=(), repr=False)
    asked: tuple[str, ...] = field(default=(), repr=False)


def solve(settings: Settings, pipeline: RagPipeline | None, report: OnProgress) -> Outcome:
    """Measure; `pipeline` is the collection's, None for synthetic vectors.

    Raises:
        SettingsError: for what cannot be measured.
        Cancelled: out of `report`.
        RagError: as the collection's store and model raise them.
    """
    if pipeline is None:
        return _synthetic(settings, report)
    return _collection(settings, pipeline, report)


def _synthetic(settings: Settings, report: OnProgress) -> Outcome:
    check(settings, settings.size)
    report(Progress("drawing vectors", 0, settings.size))
    make = clustered_vectors if settings.spread == CLUSTERED else random_vectors
    # Queries come out of the same clusters, or the same chance, as what they look for.
    drawn = make(settings.size + settings.queries, settings.dimension, seed=settings.seed)
    vectors, queries = drawn[: settings.size], drawn[settings.size :]
    comparison = compare(
        vectors, queries, n_clusters=settings.n_clusters, n_probes=settings.n_probes,
        efs=settings.efs, on_progress=report,
    )  # fmt: skip
    return Outcome(settings, comparison)


def _collection(settings: Settings, pipeline: RagPipeline, report: OnProgress) -> Outcome:
    chunks = tuple(pipeline.home.catalog.chunks(pipeline.collection))
    check(settings, len(chunks))
    vectors = _vectors(pipeline, chunks, report)
    queries, own, asked = _queries(settings, pipeline, chunks, vectors, report)
    store, row_of = pipeline.store(), {chunk.id: row for row, chunk in enumerate(chunks)}

    def search(query: FloatArray, k: int) -> Sequence[int]:
        return [row_of.get(hit.chunk.id, -1) for hit in store.query(query, k)]

    comparison = compare(
        vectors, queries, n_clusters=settings.n_clusters, n_probes=settings.n_probes,
        efs=settings.efs, own=own, others={_name(store): search}, on_progress=report,
    )  # fmt: skip
    return Outcome(settings, comparison, chunks, asked)


def _vectors(pipeline: RagPipeline, chunks: Sequence[Chunk], report: OnProgress) -> FloatArray:
    parts = []
    for start in range(0, len(chunks), _PAGE):
        report(Progress("reading vectors", start, len(chunks)))
        parts.append(pipeline.vectors(chunks[start : start + _PAGE]))
    return np.vstack(parts)


def _queries(
    settings: Settings,
    pipeline: RagPipeline,
    chunks: Sequence[Chunk],
    vectors: FloatArray,
    report: OnProgress,
) -> tuple[FloatArray, IntArray, tuple[str, ...]]:
    """Return the queries' vectors, the rows they are not to find, and their texts."""
    if settings.questions:
        report(Progress("embedding questions", 0, len(settings.questions)))
        embedded = [pipeline.embedder.embed_query(text) for text in settings.questions]
        return np.stack(embedded), np.full(len(embedded), -1, np.int64), settings.questions
    rows = chosen_rows(len(chunks), settings.queries, settings.seed)
    return vectors[rows], rows, tuple(chunks[row].text for row in rows)


def chosen_rows(size: int, count: int, seed: int) -> IntArray:
    """Return which rows are asked: `count` by chance, or all if there are not more, in order."""
    rows = np.random.default_rng(seed).choice(size, min(count, size), replace=False)
    return np.sort(rows).astype(np.int64)


def _name(store: object) -> str:
    return type(store).__name__.removesuffix("Store").lower()
