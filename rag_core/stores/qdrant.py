"""Qdrant: embedded in this process (qdrant:///folder), or a server or cluster (qdrant+http://).

Needs the package in requirements-qdrant.txt. The embedded one reads every vector at each query: it
is exact, and meant for up to 20,000 chunks. Options of a server's url: shards, replicas, m,
ef_construct, ef_search. The key of a server is QDRANT_API_KEY.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np

from rag_core.datatypes import Chunk, SearchHit
from rag_core.errors import MissingDependencyError, StoreError
from rag_core.filters import checked, conditions, matches
from rag_core.protocols import FloatArray, Where
from rag_core.stores import common
from rag_core.stores.health import Description

try:
    from qdrant_client import QdrantClient, models
    from qdrant_client.http.exceptions import ApiException
except ImportError as error:  # this file is imported when a qdrant url is opened
    raise MissingDependencyError("qdrant-client", requirements="requirements-qdrant.txt") from error

from rag_core.stores import qdrant_payload as payloads
from rag_core.stores.qdrant_folder import Folder

PAGE = 1_000
BATCH = 256  # points a request: a few megabytes, well below a server's 32
TIMEOUT = 60  # seconds
_INDEX = {"m": 16, "ef_construct": 100, "ef_search": 128}
_OPTIONS = dict.fromkeys(("shards", "replicas", *_INDEX), int)
_HINT = "The documents are safe; what is unfinished can be tried again."
_HINT_DOWN = "Check that Qdrant runs and that the url's host and port are right."


class QdrantStore:
    """One Qdrant collection, by cosine similarity. Thread-safe."""

    def __init__(self, url: str, *, collection: str, dimension: int, fingerprint: str = "") -> None:
        parts = urlsplit(url)
        embedded = parts.scheme == "qdrant"
        self._folder: Folder | None = None
        self._closed = False
        self._name = collection
        self._dimension = dimension
        common.only_known(parts.query, () if embedded else _OPTIONS)
        asked = common.take_options(parts.query, _OPTIONS)
        self._options = _INDEX | {name: int(value) for name, value in asked.items()}
        with self._errors_as_ours("Qdrant could not be opened"):
            if embedded:
                path = Path(url2pathname(parts.path)).absolute()
                self._address = str(path)
                self._folder = Folder.open(path)
                self._client = self._folder.client
            else:
                self._address = f"{parts.hostname}:{parts.port or 6333}"
                self._client = QdrantClient(
                    url=f"{parts.scheme.removeprefix('qdrant+')}://{self._address}",
                    api_key=os.environ.get("QDRANT_API_KEY") or None,
                    timeout=TIMEOUT,
                    check_compatibility=False,  # it asks in a thread, and only warns
                )
        try:
            with self._called("Qdrant could not be opened"):
                self._set_up(fingerprint)
        except BaseException:
            self.close()
            raise

    def _set_up(self, fingerprint: str) -> None:
        if not self._client.collection_exists(self._name):
            self._create(fingerprint)
        config = self._client.get_collection(self._name).config
        kept = config.metadata or {}
        vectors = config.params.vectors
        length = vectors.size if isinstance(vectors, models.VectorParams) else 0
        found = length, str(kept.get("fingerprint", ""))
        common.check_model(self._name, found, (self._dimension, fingerprint))
        if self._folder is not None:
            self._folder.group_commits(self._name)

    def _create(self, fingerprint: str) -> None:
        replicas = self._options.get("replicas")
        try:
            self._client.create_collection(
                self._name,
                vectors_config=models.VectorParams(
                    size=self._dimension, distance=models.Distance.COSINE
                ),
                hnsw_config=models.HnswConfigDiff(
                    m=self._options["m"], ef_construct=self._options["ef_construct"]
                ),
                shard_number=self._options.get("shards"),
                replication_factor=replicas,
                # What was acknowledged must outlive a node: most of the replicas have it by then.
                write_consistency_factor=replicas and replicas // 2 + 1,
                metadata={"fingerprint": fingerprint},
            )
        except (ApiException, ValueError):
            if not self._client.collection_exists(self._name):
                raise
            return  # another process was quicker
        if self._folder is None:
            self._client.create_payload_index(
                self._name, "eq_document_id", models.PayloadSchemaType.KEYWORD
            )

    def upsert(self, chunks: Sequence[Chunk], vectors: FloatArray) -> None:
        """Insert the chunks, or replace those whose id exists; durable when it returns.

        Raises:
            ValueError: when the number of vectors or their length is wrong.
            StoreError: when Qdrant cannot be reached or refuses; a part may be stored by then.
        """
        common.check_vectors(chunks, vectors, self._dimension)
        rows = range(len(chunks))
        for part in common.pages(rows, BATCH):
            points = [
                models.PointStruct(
                    id=payloads.point_id(chunks[row].id),
                    vector=vectors[row].tolist(),
                    payload=payloads.payload(chunks[row]),
                )
                for row in part
            ]
            with self._called("The chunks could not be stored"):
                self._client.upsert(self._name, points, wait=True)
        self._sync()

    def delete(self, ids: Sequence[str]) -> None:
        """Remove chunks by id; unknown ids are ignored."""
        for part in common.pages(ids, PAGE):
            with self._called("The chunks could not be removed"):
                points: list[Any] = [payloads.point_id(id_) for id_ in part]
                self._client.delete(self._name, models.PointIdsList(points=points), wait=True)
        self._sync()

    def delete_document(self, document_id: str) -> None:
        """Remove every chunk of a document."""
        gone = models.FilterSelector(filter=payloads.of_document(document_id))
        with self._called("The document's chunks could not be removed"):
            self._client.delete(self._name, gone, wait=True)
        self._sync()

    def _sync(self) -> None:
        if self._folder is not None:
            with self._called("The changes could not be brought to the disk"):
                self._folder.sync(self._name)

    def query(self, vector: FloatArray, k: int, where: Where | None = None) -> list[SearchHit]:
        """Return the k most similar chunks, score = cosine (-1 to 1), best first, ties by id."""
        common.check_query(vector, k, self._dimension)
        chosen = None if where is None else self._condition(where)

        def look(wanted: int) -> list[tuple[Chunk, float]]:
            with self._called("The query failed"):
                found = self._client.query_points(
                    self._name,
                    query=vector.tolist(),
                    query_filter=chosen,
                    limit=wanted,
                    with_payload=payloads.READ,
                    search_params=models.SearchParams(
                        hnsw_ef=max(self._options["ef_search"], wanted)
                    ),
                )
            return [(payloads.chunk_of(point.payload or {}), point.score) for point in found.points]

        return common.ranked(common.past_ties(look, k, max(self.count(), k + 1)), k)

    def _condition(self, where: Where) -> models.Filter:
        full = checked(where)
        if all(op != "$contains" for _, op, _ in conditions(full)):
            return payloads.condition(full)
        # Qdrant finds words in text, not parts of words: the metadata is read here.
        ids = [chunk.id for chunk in self if matches(full, _filterable(chunk))]
        return payloads.of_ids(ids)

    def get(self, ids: Sequence[str]) -> list[Chunk]:
        """Return the chunks of these ids, in this order; unknown ids are left out."""
        records = self._retrieve(ids, with_payload=payloads.READ)
        found = {record.payload["id"]: payloads.chunk_of(record.payload) for record in records}
        return [found[id_] for id_ in ids if id_ in found]

    def vectors(self, ids: Sequence[str]) -> dict[str, FloatArray]:
        """Return the vectors, float32 (dimension,), of these ids; unknown ids are left out."""
        records = self._retrieve(ids, with_payload=["id"], with_vectors=True)
        return {
            record.payload["id"]: np.asarray(record.vector, dtype=np.float32) for record in records
        }

    def _retrieve(self, ids: Sequence[str], **what: Any) -> Iterator[Any]:  # noqa: ANN401
        for part in common.pages(ids, PAGE):
            with self._called("The chunks could not be read"):
                wanted = [payloads.point_id(id_) for id_ in part]
                found = self._client.retrieve(self._name, wanted, **what)
            yield from found

    def __iter__(self) -> Iterator[Chunk]:
        after: Any = None
        while True:
            with self._called("The chunks could not be read"):
                records, after = self._client.scroll(
                    self._name, limit=PAGE, offset=after, with_payload=payloads.READ
                )
            yield from (payloads.chunk_of(record.payload or {}) for record in records)
            if after is None:
                return

    def count(self) -> int:
        """Return how many chunks there are."""
        with self._called("The chunks could not be counted"):
            return self._client.count(self._name, exact=True).count

    def drop(self) -> None:
        """Remove the whole collection; the store cannot be used afterwards."""
        with self._called("The collection could not be removed"):
            self._client.delete_collection(self._name)

    def close(self) -> None:
        """Let go of the folder or the connections."""
        if self._closed:
            return
        self._closed = True
        if self._folder is None:
            self._client.close()
        else:
            self._folder.close()

    def describe(self) -> Description:
        """Return the engine's version and the collection's settings."""
        with self._called("Qdrant does not answer"):
            info = self._client.get_collection(self._name)
            told = f"embedded, client {version('qdrant-client')}"
            if self._folder is None:
                told = self._client.info().version
        index: dict[str, str | int] = {"kind": "exact: every vector is read; up to 20,000 chunks"}
        if self._folder is None:
            params = info.config.params
            index = {
                "kind": "hnsw",
                "m": info.config.hnsw_config.m,
                "ef_construct": info.config.hnsw_config.ef_construct,
                "ef_search": self._options["ef_search"],
                "shards": params.shard_number or 1,
                "replicas": params.replication_factor or 1,
                "state": str(info.status.value),
            }
        return Description("Qdrant", told, self._address, index)

    @contextmanager
    def _called(self, what: str) -> Iterator[None]:
        with self._errors_as_ours(what):
            if self._folder is None:
                yield
                return
            with self._folder.calling():
                yield

    @contextmanager
    def _errors_as_ours(self, what: str) -> Iterator[None]:
        try:
            yield
        # RuntimeError: a folder that another process uses
        except (ApiException, ValueError, OSError, RuntimeError, sqlite3.Error) as error:
            said = " ".join(str(error).split())
            down = self._folder is None and not hasattr(error, "status_code")
            raise StoreError(f"{what}: {said}", hint=_HINT_DOWN if down else _HINT) from error


def _filterable(chunk: Chunk) -> dict[str, Any]:
    return {**chunk.metadata, **payloads.place_of(chunk)}
