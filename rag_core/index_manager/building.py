"""Filling an index beside the live one, until both hold the same documents."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from rag_core.catalog import DocumentInfo
from rag_core.changed import described, embed_changed
from rag_core.datatypes import Chunk
from rag_core.errors import StoreError
from rag_core.index_manager.sharing import used_by_others
from rag_core.indexes import IndexInfo
from rag_core.pipeline import RagPipeline
from rag_core.protocols import Chunker, Embedder, Progress, VectorStore
from rag_core.uploads import Upload

SAMPLES = 50
PAGE = 500
_STORED = 64  # chunks a step, so that searches come in between
_FOUND = 0.95  # of the sampled chunks; an approximate index may miss one
Report = Callable[[Progress], None]


class Builder:
    """Copies a collection's documents into another of its indexes, embedded and cut anew.

    Every document is announced, stored and committed as in any other writing, so that a kill leaves
    it wholly there or not; a builder that comes later goes on from there.
    """

    def __init__(
        self,
        pipeline: RagPipeline,
        index: IndexInfo,
        *,
        embedder: Embedder,
        chunker: Chunker,
        report: Report,
    ) -> None:
        self._pipeline = pipeline
        self._collection = pipeline.collection
        self._embedder = embedder
        self._chunker = chunker
        self._report = report
        self._live = pipeline.home.catalog
        self._key = index.key
        self._catalog = pipeline.home.catalog.pinned(index.key)
        self._store: VectorStore = pipeline.open_index(index.key, index.model)
        self._remove_unwanted()

    def close(self) -> None:
        """Let go of the store."""
        self._store.close()

    def differing(self) -> tuple[list[DocumentInfo], list[str]]:
        """Return the live documents that this index has not as they are now, and ids gone since."""
        live = {info.id: info for info in self._live.documents(self._collection)}
        ours = {info.id: info for info in self._catalog.documents(self._collection)}
        # The time a document was added tells its versions apart, other metadata included
        wanting = [
            info
            for id_, info in live.items()
            if id_ not in ours or ours[id_].added_at != info.added_at
        ]
        return wanting, [id_ for id_ in ours if id_ not in live]

    def catch_up(self) -> int:
        """Take over every change of the live index; return how many documents there were."""
        wanting, gone = self.differing()
        if gone:
            self._catalog.retire(self._collection, gone)
        total = sum(info.chunks for info in wanting)
        done = 0
        self._report(Progress("embedding", 0, total))
        for info in wanting:
            self._put(info, done, total)
            done += info.chunks
            self._report(Progress("embedding", done, total, info.name))
        self._remove_unwanted()
        return len(wanting) + len(gone)

    def check(self) -> None:
        """Make sure that the index is whole: its count, every id, and sampled queries.

        Raises:
            StoreError: when it is not.
        """
        self._report(Progress("checking", 0, 1))
        wanted = [chunk.id for chunk in self._catalog.chunks(self._collection)]
        kept = self._store.count()
        # Another instance may have this index as its live one, with documents of its own
        more = kept > len(wanted) and used_by_others(self._pipeline, self._key)
        if kept != len(wanted) and not more:
            raise _broken(f"holds {kept:,} of {len(wanted):,} chunks")
        for start in range(0, len(wanted), PAGE):
            page = wanted[start : start + PAGE]
            if len(self._store.get(page)) != len(page):
                raise _broken("does not give back every chunk it was given")
            self._report(Progress("checking", start, len(wanted)))
        found = self_found(self._store, wanted[:: max(1, len(wanted) // SAMPLES)][:SAMPLES])
        if found and sum(found.values()) < _FOUND * len(found):
            raise _broken(f"finds {sum(found.values())} of {len(found)} sampled chunks by vector")
        self._report(Progress("checking", len(wanted), len(wanted)))

    def _put(self, info: DocumentInfo, done: int, total: int) -> None:
        start = time.perf_counter()
        document = self._live.document(self._collection, info.id)
        if document is None:
            return  # deleted meanwhile; the next round sees that
        chunks = [described(chunk, document) for chunk in self._chunker.chunk(document)]

        def report(progress: Progress) -> None:
            part = progress.done / progress.total if progress.total else 0.0
            self._report(Progress("embedding", done + int(part * info.chunks), total, info.name))

        old = self._live.document_chunks(self._collection, info.id)
        stamps = self._live.stamps(self._collection, info.id)
        made = embed_changed(self._embedder, chunks, old, stamps, self._pipeline.store, report)
        self._catalog.announce(self._collection, [chunk.id for chunk in chunks])
        for first in range(0, len(chunks), _STORED):
            self._store.upsert(
                chunks[first : first + _STORED], made.vectors[first : first + _STORED]
            )
            report(Progress("storing", 1, 1))
        self._catalog.commit(
            self._collection,
            document,
            chunks,
            upload=Upload(0, info.name, info.sha256, info.size, info.added_at),
            chunker={"name": self._chunker.name, **self._chunker.settings},
            seconds=time.perf_counter() - start,
            stamps=made.stamps,
            added_at=info.added_at,
        )

    def _remove_unwanted(self) -> None:
        unwanted = self._catalog.unwanted(self._collection)
        if unwanted:
            self._store.delete(unwanted)
            self._catalog.removed(self._collection, unwanted)


def self_found(store: VectorStore, ids: Sequence[str], k: int = 10) -> dict[str, bool]:
    """Return for each id whether a query with the chunk's own vector finds it.

    Where more than k chunks have the same vector, one of them stands for all.
    """
    found = {}
    vectors = store.vectors(ids)
    for id_ in ids:
        vector = vectors.get(id_)
        hits = store.query(vector, k) if vector is not None else []
        equal = len(hits) == k and all(hit.score > 1 - 1e-4 for hit in hits)
        found[id_] = equal or any(hit.chunk.id == id_ for hit in hits)
    return found


def same_record(kept: Chunk, wanted: Chunk) -> bool:
    """Return whether the store's record of a chunk is what the catalog says."""
    return replace(kept, metadata=dict(kept.metadata)) == replace(
        wanted, metadata=dict(wanted.metadata)
    )


def sampled(ids: Sequence[str], most: int) -> list[str]:
    """Return at most so many of the ids, the same ones every time."""
    if len(ids) <= most:
        return list(ids)
    return [ids[row] for row in np.linspace(0, len(ids) - 1, most).astype(int)]


def _broken(what: str) -> StoreError:
    return StoreError(
        f"The new index {what}; the old one goes on.",
        hint="Rebuild again; if it persists, look at the store with: verify",
    )
