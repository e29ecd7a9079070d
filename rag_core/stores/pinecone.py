"""Pinecone, serverless: pinecone://index?namespace=...; the key is PINECONE_API_KEY.

Needs the package in requirements-pinecone.txt. An index that is missing is created in `cloud` and
`region`. A collection is a namespace of it; a `namespace` of the url comes before its name. What is
written can be found only some time later: every write here waits until it can.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from rag_core.datatypes import Chunk, SearchHit
from rag_core.errors import FingerprintError, MissingDependencyError, SettingsError, StoreError
from rag_core.filters import checked, conditions, matches
from rag_core.protocols import FloatArray, Where
from rag_core.stores import common
from rag_core.stores.health import Description
from rag_core.stores.pinecone_records import batches, chunk_of, condition, record

try:
    from pinecone import Pinecone, ServerlessSpec
    from pinecone.errors.exceptions import (
        ConflictError,
        NotFoundError,
        PineconeConnectionError,
        PineconeError,
    )
except ImportError as error:  # this file is imported when a pinecone:// url is opened
    raise MissingDependencyError("pinecone", requirements="requirements-pinecone.txt") from error

FETCH = 100  # ids a request: they travel in the address
LIST = 100  # ids a page, the most Pinecone gives
DELETE = 1_000  # ids a request
TOP = 10_000  # hits of a query, the most Pinecone gives
WITH_TEXT = 200  # hits that come with their text; of more, the ids are asked for first
WAIT = 60.0  # seconds, for what was written to be found
READY = 300  # seconds, for a new index
_OPTIONS = dict.fromkeys(("namespace", "cloud", "region"), str)
_REGISTER = "ragscope-collections"  # the namespace that holds one record a collection
_HINT = "The documents are safe; what is unfinished can be tried again."
_HINT_DOWN = "Check the network, and that the index's region is up."


class PineconeStore:
    """One namespace of a Pinecone index, by cosine similarity. Thread-safe."""

    def __init__(self, url: str, *, collection: str, dimension: int, fingerprint: str = "") -> None:
        parts = urlsplit(url)
        common.only_known(parts.query, _OPTIONS)
        options = common.take_options(parts.query, _OPTIONS)
        if not os.environ.get("PINECONE_API_KEY"):
            raise SettingsError(
                "Pinecone needs a key.", hint="Set PINECONE_API_KEY, or use another store."
            )
        before = options.get("namespace")
        self._namespace = f"{before}.{collection}" if before else collection
        self._name = parts.hostname or ""
        self._dimension = dimension
        with _errors_as_ours("The Pinecone index could not be opened"):
            self._client = Pinecone()
            try:
                self._require_index(options)
                self._index = self._client.index(self._name)
                self._check_model(collection, fingerprint)
            except BaseException:
                self.close()
                raise

    def _require_index(self, options: Mapping[str, Any]) -> None:
        try:
            found = self._client.indexes.describe(self._name)
        except NotFoundError:
            spec = ServerlessSpec(
                cloud=options.get("cloud", "aws"), region=options.get("region", "us-east-1")
            )
            try:
                found = self._client.create_index(
                    self._name,
                    spec=spec,
                    dimension=self._dimension,
                    metric="cosine",
                    timeout=READY,
                )
            except ConflictError:  # another process was quicker
                found = self._client.indexes.describe(self._name)
        if found.dimension != self._dimension or found.metric != "cosine":
            raise FingerprintError(
                f"The index {self._name!r} holds vectors of {found.dimension} numbers by "
                f"{found.metric}, not of {self._dimension} by cosine.",
                hint="Use another index, or the model it was made for.",
            )

    def _check_model(self, collection: str, fingerprint: str) -> None:
        """Compare the model with the noted one, or note it, in a namespace apart."""
        found = self._index.fetch(ids=[self._namespace], namespace=_REGISTER).vectors
        if found:
            kept = str((found[self._namespace].metadata or {}).get("fingerprint", ""))
            asked = self._dimension, fingerprint
            common.check_model(collection, (self._dimension, kept), asked)
            return
        values = [1.0, *[0.0] * (self._dimension - 1)]
        note = {"id": self._namespace, "values": values, "metadata": {"fingerprint": fingerprint}}
        self._index.upsert(vectors=[note], namespace=_REGISTER)
        self._until(
            lambda: self._index.fetch(ids=[self._namespace], namespace=_REGISTER).vectors != {}
        )

    def upsert(self, chunks: Sequence[Chunk], vectors: FloatArray) -> None:
        """Insert the chunks, or replace those whose id exists; all can be found when it returns.

        Raises:
            ValueError: when the number of vectors or their length is wrong.
            StoreError: when Pinecone cannot be reached, refuses, or takes longer than `WAIT` to
                show what was written; a part may be stored by then.
        """
        common.check_vectors(chunks, vectors, self._dimension)
        kept, rows = common.last_of_each(chunks, vectors)
        # Microseconds, not a name: another writer's later version of a chunk counts as shown too.
        write = time.time_ns() // 1_000
        records = [record(chunk, row, write) for chunk, row in zip(kept, rows, strict=True)]
        with _errors_as_ours("The chunks could not be stored"):
            sent = []
            for batch in batches(records):
                self._index.upsert(vectors=batch, namespace=self._namespace)
                ids = [each["id"] for each in batch]
                sent.append(partial(self._shows, batch[0]["values"], ids, write))
            for shown in sent:
                self._until(shown)

    def _shows(self, values: list[float], ids: list[str], write: int) -> bool:
        """Return whether queries and fetches show all that a batch wrote.

        They do not see it at one time, so both are asked.
        """
        chosen = {"$and": [{"write": {"$gte": write}}, {"chunk": {"$in": ids}}]}
        found = self._index.query(
            vector=values, top_k=len(ids), namespace=self._namespace, filter=chosen
        )
        if len(found.matches) < len(ids):
            return False
        last = self._index.fetch(ids=[ids[-1]], namespace=self._namespace).vectors.get(ids[-1])
        return last is not None and float((last.metadata or {})["write"]) >= write

    def delete(self, ids: Sequence[str]) -> None:
        """Remove chunks by id; unknown ids are ignored. None is found when it returns."""
        for part in common.pages(ids, DELETE):
            with _errors_as_ours("The chunks could not be removed"):
                if self._exists():
                    self._index.delete(ids=list(part), namespace=self._namespace)
                    self._until_gone({"chunk": {"$in": list(part)}})

    def delete_document(self, document_id: str) -> None:
        """Remove every chunk of a document."""
        chosen = {"document_id": {"$eq": document_id}}
        with _errors_as_ours("The document's chunks could not be removed"):
            if self._exists():
                self._index.delete(filter=chosen, namespace=self._namespace)
                self._until_gone(chosen)

    def _exists(self) -> bool:
        """Return whether the namespace is there: Pinecone refuses to delete from what is not."""
        return self._namespace in self._index.describe_index_stats().namespaces

    def query(self, vector: FloatArray, k: int, where: Where | None = None) -> list[SearchHit]:
        """Return the k most similar chunks (10,000 at most), score = cosine, best first."""
        common.check_query(vector, k, self._dimension)
        values = vector.tolist()
        scored: list[tuple[Chunk, float]] = []
        for chosen in self._conditions(where):

            def look(wanted: int, chosen: Any = chosen) -> list[tuple[Chunk, float]]:  # noqa: ANN401
                return self._look(values, wanted, chosen)

            scored += common.past_ties(look, min(k, TOP - 1), TOP)
        return common.ranked(scored, k)

    def _conditions(self, where: Where | None) -> Iterator[Any]:
        """Yield Pinecone's filters whose hits together are those of the filter."""
        full = None if where is None else checked(where)
        if full is None:
            yield None
        elif all(op != "$contains" for _, op, _ in conditions(full)):
            yield condition(full)
        else:  # Pinecone cannot look into text: the metadata is read here
            ids = [chunk.id for chunk in self if matches(full, _filterable(chunk))]
            for part in common.pages(ids, DELETE):
                yield {"chunk": {"$in": list(part)}}

    def _look(self, values: list[float], wanted: int, chosen: Any) -> list[tuple[Chunk, float]]:  # noqa: ANN401
        with_text = wanted <= WITH_TEXT
        with _errors_as_ours("The query failed"):
            found = self._index.query(
                vector=values,
                top_k=wanted,
                namespace=self._namespace,
                filter=chosen,
                include_metadata=with_text,
            ).matches
        if with_text:
            return [(chunk_of(match.metadata or {}), match.score) for match in found]
        chunks = {chunk.id: chunk for chunk in self.get([match.id for match in found])}
        return [(chunks[match.id], match.score) for match in found if match.id in chunks]

    def get(self, ids: Sequence[str]) -> list[Chunk]:
        """Return the chunks of these ids, in this order; unknown ids are left out."""
        found = {id_: chunk_of(each.metadata or {}) for id_, each in self._fetched(ids)}
        return [found[id_] for id_ in ids if id_ in found]

    def vectors(self, ids: Sequence[str]) -> dict[str, FloatArray]:
        """Return the vectors, float32 (dimension,), of these ids; unknown ids are left out."""
        return {id_: np.asarray(each.values, dtype=np.float32) for id_, each in self._fetched(ids)}

    def _fetched(self, ids: Sequence[str]) -> Iterator[tuple[str, Any]]:
        for part in common.pages(ids, FETCH):
            with _errors_as_ours("The chunks could not be read"):
                found = self._index.fetch(ids=list(part), namespace=self._namespace)
            yield from found.vectors.items()

    def __iter__(self) -> Iterator[Chunk]:
        with _errors_as_ours("The chunks could not be read"):
            for page in self._index.list(namespace=self._namespace, limit=LIST):
                yield from self.get([str(each.id) for each in page.vectors])

    def count(self) -> int:
        """Return how many chunks there are; Pinecone's count can be some seconds behind."""
        with _errors_as_ours("The chunks could not be counted"):
            namespaces = self._index.describe_index_stats().namespaces
            known = namespaces.get(self._namespace)
            return known.vector_count if known else 0

    def drop(self) -> None:
        """Remove the whole collection; the store cannot be used afterwards."""
        with _errors_as_ours("The collection could not be removed"):
            if self._exists():
                self._index.delete_namespace(name=self._namespace)
            self._index.delete(ids=[self._namespace], namespace=_REGISTER)

    def close(self) -> None:
        """Close the connections."""
        if hasattr(self, "_index"):  # not when opening it failed
            self._index.close()
        self._client.close()

    def describe(self) -> Description:
        """Return where the index runs, and its settings."""
        with _errors_as_ours("Pinecone does not answer"):
            found = self._client.indexes.describe(self._name)
        place = json.loads(json.dumps(found.to_dict()["deployment"], default=str))
        index = {"kind": "serverless", "metric": "cosine", "state": found.status.state}
        index |= {key: str(place[key]) for key in ("cloud", "region") if key in place}
        return Description("Pinecone", "serverless", f"{self._name}/{self._namespace}", index)

    # -- waiting ------------------------------------------------------------------------------

    def _until_gone(self, chosen: dict[str, Any]) -> None:
        values = [1.0, *[0.0] * (self._dimension - 1)]

        def gone() -> bool:
            found = self._index.query(
                vector=values, top_k=1, namespace=self._namespace, filter=chosen
            )
            return not found.matches

        self._until(gone)

    @staticmethod
    def _until(shown: Callable[[], bool]) -> None:
        end = time.monotonic() + WAIT
        pause = 0.02
        while not shown():
            if time.monotonic() > end:
                raise StoreError(
                    f"Pinecone has not shown a write for {WAIT:.0f} seconds.",
                    hint="It is busy. Try again: what is stored already is only replaced.",
                )
            time.sleep(pause)
            pause = min(pause * 1.5, 1.0)


def _filterable(chunk: Chunk) -> dict[str, Any]:
    place = (chunk.document_id, chunk.index, chunk.start, chunk.end)
    return {**chunk.metadata, **dict(zip(common.PLACE, place, strict=True))}


@contextmanager
def _errors_as_ours(what: str) -> Iterator[None]:
    try:
        yield
    except PineconeError as error:
        down = isinstance(error, PineconeConnectionError)
        said = " ".join(str(error).split())
        raise StoreError(f"{what}: {said}", hint=_HINT_DOWN if down else _HINT) from error
