"""Copying a collection from one store to another with its vectors: nothing is embedded again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from rag_core.datatypes import Chunk
from rag_core.errors import StoreError
from rag_core.protocols import FloatArray, OnProgress, Progress, VectorStore

BATCH = 500
SAMPLES = 20
K = 10
_AGAIN = "Move it again: what is there already is not copied twice."

Known = Callable[[Sequence[str]], set[str]]


@dataclass(frozen=True, slots=True)
class MoveReport:
    """What was moved. `overlap` is the share of the source's top 10 that the target finds too.

    It is a mean over `queries` sampled vectors, and below 1 where an index is approximate.
    """

    chunks: int
    copied: int
    queries: int
    overlap: float
    seconds: float


def move(
    source: VectorStore,
    target: VectorStore,
    *,
    known: Known = set,
    on_progress: OnProgress | None = None,
) -> MoveReport:
    """Copy every chunk with its vector, then verify the count and sampled queries.

    The source is only read. A move that was stopped goes on where it was; nobody may write to
    either store meanwhile.

    Args:
        source: the store to read.
        target: an empty store, or one that an earlier move has begun to fill.
        known: returns those of the ids that are to be moved; all of them by default.
        on_progress: called with the stages "moving" and "checking"; it may raise `Cancelled`.

    Raises:
        StoreError: when a store fails, the target holds other chunks too, or the check fails.
    """
    start = time.perf_counter()
    report = on_progress or (lambda progress: None)
    wanted = {chunk.id for page in _pages(source, known) for chunk in page}
    _refuse_others(target, wanted)
    done = copied = 0
    sample: list[str] = []
    every = max(1, len(wanted) // SAMPLES)
    report(Progress("moving", 0, len(wanted)))
    for page in _pages(source, known):
        copied += _copy(source, target, page)
        sample += [chunk.id for place, chunk in enumerate(page, done) if place % every == 0]
        done += len(page)
        report(Progress("moving", done, len(wanted)))
    overlap = _verify(source, target, len(wanted), sample[:SAMPLES], report)
    seconds = time.perf_counter() - start
    return MoveReport(len(wanted), copied, len(sample[:SAMPLES]), overlap, seconds)


def _pages(store: VectorStore, known: Known) -> Iterator[list[Chunk]]:
    chunks = iter(store)
    while page := list(islice(chunks, BATCH)):
        kept = known([chunk.id for chunk in page])
        yield [chunk for chunk in page if chunk.id in kept]


def _refuse_others(target: VectorStore, wanted: set[str]) -> None:
    others = sum(chunk.id not in wanted for chunk in target) if target.count() else 0
    if others:
        raise StoreError(
            f"The target holds {others:,} chunks that the source does not have.",
            hint="Move to another collection or an empty store; nothing was changed.",
        )


def _copy(source: VectorStore, target: VectorStore, page: Sequence[Chunk]) -> int:
    """Copy the chunks that the target does not have just so; return how many there were."""
    ids = [chunk.id for chunk in page]
    vectors = source.vectors(ids)
    there = {chunk.id: chunk for chunk in target.get(ids)}
    kept = target.vectors(list(there))
    missing = [
        chunk
        for chunk in page
        if there.get(chunk.id) != chunk or not _same(kept.get(chunk.id), vectors.get(chunk.id))
    ]
    lost = [chunk.id for chunk in missing if chunk.id not in vectors]
    if lost:
        raise StoreError(
            f"The source has no vector for {len(lost):,} chunks, such as {lost[0]}.",
            hint="Rebuild the source's index first.",
        )
    if missing:
        target.upsert(missing, np.stack([vectors[chunk.id] for chunk in missing]))
    return len(missing)


def _same(one: FloatArray | None, other: FloatArray | None) -> bool:
    return one is not None and other is not None and np.allclose(one, other, atol=1e-5)


def _verify(
    source: VectorStore, target: VectorStore, count: int, sample: Sequence[str], report: OnProgress
) -> float:
    """Return the mean overlap of the two stores' answers to sampled vectors.

    Raises:
        StoreError: when the count differs, or a sampled chunk is not found by its own vector.
    """
    if target.count() != count:
        raise StoreError(f"The target holds {target.count():,} of {count:,} chunks.", hint=_AGAIN)
    overlaps = []
    for done, (id_, vector) in enumerate(source.vectors(sample).items()):
        report(Progress("checking", done, len(sample)))
        found = target.query(vector, K)
        expected = {hit.chunk.id for hit in source.query(vector, K)}
        # Equal passages tie, and more than K of them can stand before this one.
        if not found or found[0].score < 1 - 1e-3:
            raise StoreError(f"The target does not find the chunk {id_} it was given.", hint=_AGAIN)
        if expected:
            overlaps.append(len(expected & {hit.chunk.id for hit in found}) / len(expected))
    report(Progress("checking", len(sample), len(sample)))
    return float(np.mean(overlaps)) if overlaps else 1.0
