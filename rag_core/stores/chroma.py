"""Chroma: on a local directory, the default store, or on a server."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from rag_core.datatypes import Chunk, SearchHit
from rag_core.errors import StoreError
from rag_core.filters import checked, conditions, matches
from rag_core.giving_way import Pace
from rag_core.protocols import FloatArray, Where
from rag_core.stores import common
from rag_core.stores.chroma_client import (
    address_of,
    close_client,
    errors_as_ours,
    is_server,
    open_client,
)
from rag_core.stores.health import Description

PAGE = 1_000  # a `get` of 50,000 records at once fails: "too many SQL variables"
# Better recall than the defaults for a little more building time; exact figures belong to ann.py.
_HNSW: dict[str, str | int] = {
    "space": "cosine",
    "ef_construction": 200,
    "ef_search": 128,
    "max_neighbors": 32,
}
_TRIES = 5
# What Chroma says for a moment while the first chunks of a collection are being written.
_STARTING = "Nothing found on disk"
_PAUSE = 0.05  # seconds

# Chroma starts one engine a directory; two threads that open it at once race to create it.
_opening = threading.Lock()


class ChromaStore:
    """One collection of a Chroma directory or server, by cosine similarity."""

    def __init__(self, url: str, *, collection: str, dimension: int, fingerprint: str = "") -> None:
        self._dimension = dimension
        self._url = url
        self._putting, self._removing = Pace(), Pace()
        where = "server" if is_server(url) else "folder"
        self._unopened = f"The Chroma {where} {address_of(url)} could not be opened"
        with _opening, self._errors(self._unopened):
            self._client = open_client(url)
        try:
            self._open_collection(collection, dimension, fingerprint)
        except BaseException:
            self.close()
            raise

    def _open_collection(self, collection: str, dimension: int, fingerprint: str) -> None:
        with _opening, self._errors(self._unopened):
            self._batch = self._client.get_max_batch_size()
            self._collection = self._client.get_or_create_collection(
                collection,
                embedding_function=None,
                metadata={"fingerprint": fingerprint, "dimension": dimension},
                configuration={"hnsw": _HNSW},  # type: ignore[arg-type]
            )
        kept = self._collection.metadata or {}
        found = int(kept.get("dimension", dimension)), str(kept.get("fingerprint", ""))
        common.check_model(collection, found, (dimension, fingerprint))

    def _errors(self, what: str) -> AbstractContextManager[None]:
        return errors_as_ours(what, self._url)

    def upsert(self, chunks: Sequence[Chunk], vectors: FloatArray) -> None:
        """Insert the chunks, or replace those whose id exists; durable when it returns.

        Raises:
            ValueError: when the number of vectors or their length is wrong.
            StoreError: when Chroma refuses, for instance on a full disk.
        """
        common.check_vectors(chunks, vectors, self._dimension)
        with self._errors("The chunks could not be stored"):
            packed = self._replacing(chunks)
            for part in self._calls(self._putting, len(chunks), self._batch):
                put = chunks[part]
                self._collection.upsert(
                    ids=[chunk.id for chunk in put],
                    embeddings=vectors[part],
                    documents=[chunk.text for chunk in put],
                    metadatas=packed[part],
                )

    def _calls(self, pace: Pace, things: int, most: int) -> Iterator[slice]:
        if not is_server(self._url):
            return pace.calls(things, most)
        return (slice(start, start + most) for start in range(0, things, most))

    def _replacing(self, chunks: Sequence[Chunk]) -> list[Any]:
        """Return the chunks' metadata, with None for what those stored now have besides.

        Chroma adds new metadata to the old, and forgets only what is said to be None.
        """
        packed: dict[str, dict[str, Any]] = {chunk.id: _packed(chunk) for chunk in chunks}
        for ids in common.pages(list(packed), PAGE):
            kept = self._collection.get(ids=list(ids), include=["metadatas"])
            for id_, old in zip(kept["ids"], kept["metadatas"] or [], strict=True):
                packed[id_] = {**dict.fromkeys(old or ()), **packed[id_]}
        return [packed[chunk.id] for chunk in chunks]

    def delete(self, ids: Sequence[str]) -> None:
        """Remove chunks by id; unknown ids are ignored."""
        for part in self._calls(self._removing, len(ids), PAGE):
            with self._errors("The chunks could not be removed"):
                self._collection.delete(ids=list(ids[part]))

    def delete_document(self, document_id: str) -> None:
        """Remove every chunk of a document."""
        with self._errors("The document's chunks could not be removed"):
            self._collection.delete(where={"document_id": document_id})

    def query(self, vector: FloatArray, k: int, where: Where | None = None) -> list[SearchHit]:
        """Return the k most similar chunks, score = cosine (-1 to 1), best first.

        Ties break by chunk id. The index is approximate: see ann.py for how near it comes.
        """
        common.check_query(vector, k, self._dimension)
        full = None if where is None else checked(where)
        # Asking for a few more than there are is quicker than counting: that takes half a search.
        wanted = k if k <= PAGE else min(k, max(1, self.count()))
        # The index can name a chunk that is deleted before Chroma reads its record: look again,
        # for others have moved up into its place.
        for tries_left in reversed(range(_TRIES + 1)):
            try:
                rows = self._rows(vector, wanted, full)
            except StoreError as error:
                by_ids = full is not None and not _speaks(full)  # and one of them has gone
                starting = _STARTING in error.message
                if not tries_left or not (by_ids or starting):
                    raise
                if starting:
                    time.sleep(_PAUSE)
                continue
            if all(packed is not None for _, _, packed, _ in rows):
                break
        scored = [
            (_unpacked(id_, text, packed), 1.0 - float(distance))
            for id_, text, packed, distance in rows
            if packed is not None
        ]
        return common.ranked(scored, k)

    def get(self, ids: Sequence[str]) -> list[Chunk]:
        """Return the chunks of these ids, in this order; unknown ids are left out."""
        found: dict[str, Chunk] = {}
        for start in range(0, len(ids), PAGE):
            for chunk in self._page(ids=list(ids[start : start + PAGE])):
                found[chunk.id] = chunk
        return [found[id_] for id_ in ids if id_ in found]

    def vectors(self, ids: Sequence[str]) -> dict[str, FloatArray]:
        """Return the vectors, float32 (dimension,), of these ids; unknown ids are left out."""
        found: dict[str, FloatArray] = {}
        for start in range(0, len(ids), PAGE):
            with self._errors("The vectors could not be read"):
                page = self._collection.get(
                    ids=list(ids[start : start + PAGE]), include=["embeddings"]
                )
            rows = np.asarray(page["embeddings"], dtype=np.float32)
            found.update(zip(page["ids"], rows, strict=True))
        return found

    def __iter__(self) -> Iterator[Chunk]:
        offset = 0
        while page := self._page(limit=PAGE, offset=offset):
            yield from page
            offset += len(page)

    def count(self) -> int:
        """Return how many chunks there are."""
        with self._errors("The chunks could not be counted"):
            return int(self._collection.count())

    def drop(self) -> None:
        """Remove the whole collection; the store cannot be used afterwards."""
        with self._errors("The collection could not be removed"):
            self._client.delete_collection(self._collection.name)

    def close(self) -> None:
        """Let go of the folder; a store left open keeps its view of it, whoever writes there."""
        close_client(self._client)

    def describe(self) -> Description:
        """Return Chroma's version and how its index is made."""
        with self._errors("Chroma does not answer"):
            told = self._client.get_version()
        version = told if is_server(self._url) else f"embedded, {told}"
        return Description("Chroma", version, address_of(self._url), {"kind": "hnsw", **_HNSW})

    def _rows(self, vector: FloatArray, k: int, where: Where | None) -> list[tuple[Any, ...]]:
        """Return (id, text, metadata, distance) of the nearest; None for what is gone already."""
        choice: dict[str, Any] = {"where": where}
        if where is not None and not _speaks(where):
            choice = {"ids": self._matching(where)}
            k = min(k, len(choice["ids"]))
            if k == 0:
                return []
        with self._errors("The query failed"):
            found = self._collection.query(
                query_embeddings=vector[None, :],
                n_results=k,
                **choice,
                include=["distances", "documents", "metadatas"],
            )
        columns = (found[key] for key in ("ids", "documents", "metadatas", "distances"))
        return list(zip(*map(_first, columns), strict=True))

    def _matching(self, where: Where) -> list[str]:
        """Return the ids of the chunks that match; it takes a second for 50,000 chunks."""
        ids: list[str] = []
        offset = 0
        while True:
            with self._errors("The metadata could not be read"):
                page = self._collection.get(include=["metadatas"], limit=PAGE, offset=offset)
            if not page["ids"]:
                return ids
            pairs = zip(page["ids"], page["metadatas"] or [], strict=True)
            ids += [id_ for id_, found in pairs if matches(where, found)]
            offset += len(page["ids"])

    def _page(self, **choice: Any) -> list[Chunk]:  # noqa: ANN401
        with self._errors("The chunks could not be read"):
            found = self._collection.get(include=["documents", "metadatas"], **choice)
        return [
            _unpacked(*row)
            for row in zip(
                found["ids"], found["documents"] or [], found["metadatas"] or [], strict=True
            )
        ]


def _speaks(where: Where) -> bool:
    """Return whether Chroma takes every condition of a filter as it is meant.

    It looks for $contains in arrays alone; and it compares whole numbers with 2.5 as if it were 2,
    so that a year equal to 2.5 is the year 2.
    """
    return all(
        op != "$contains" and all(map(_exact, operand if isinstance(operand, list) else [operand]))
        for _, op, operand in conditions(where)
    )


def _exact(value: object) -> bool:
    """Return whether a value is the same as a whole number and as a float, if it is a number."""
    return not isinstance(value, float | int) or (value % 1 == 0 and abs(value) <= 2**53)


def _packed(chunk: Chunk) -> dict[str, str | int | float | bool]:
    place = zip(common.PLACE, (chunk.document_id, chunk.index, chunk.start, chunk.end), strict=True)
    return {**chunk.metadata, **dict(place)}


def _unpacked(id_: str, text: str, packed: Any) -> Chunk:  # noqa: ANN401
    metadata = dict(packed)
    document_id, index, start, end = (metadata.pop(key) for key in common.PLACE)
    return Chunk(id_, str(document_id), int(index), int(start), int(end), text, metadata)


def _first(batched: Any) -> list[Any]:  # noqa: ANN401
    return list(batched[0]) if batched else []
