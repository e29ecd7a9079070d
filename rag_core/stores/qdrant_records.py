"""Records of documents on a Qdrant server or cluster: points of a collection beside the chunks'."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from rag_core.errors import MissingDependencyError, StoreError
from rag_core.stores import common
from rag_core.stores.records import PAGE, SHELF, Row

try:
    from qdrant_client import QdrantClient, models
    from qdrant_client.http.exceptions import ApiException
except ImportError as error:  # this file is imported when a qdrant url is opened
    raise MissingDependencyError("qdrant-client", requirements="requirements-qdrant.txt") from error

from rag_core.stores.qdrant_payload import point_id

_TIMEOUT = 10  # seconds; pages wait for it
_LISTED = 1_000  # points a call
_HINT = "Check that Qdrant runs; what others changed is taken over once it answers."


class QdrantShelf:
    """The rows of one collection. Qdrant wants a vector of each; they all have the same."""

    def __init__(self, url: str, *, collection: str) -> None:
        parts = urlsplit(url)
        self._name = SHELF + collection
        address = f"{parts.hostname}:{parts.port or 6333}"
        with _errors_as_ours():
            self._client = QdrantClient(
                url=f"{parts.scheme.removeprefix('qdrant+')}://{address}",
                api_key=os.environ.get("QDRANT_API_KEY") or None,
                timeout=_TIMEOUT,
                check_compatibility=False,  # it asks in a thread, and only warns
            )
            if not self._client.collection_exists(self._name):
                self._create(int(dict(parse_qsl(parts.query)).get("replicas", 1)))
            kept = self._client.get_collection(self._name).config.metadata or {}
        self._space = str(kept["space"])

    def _create(self, replicas: int) -> None:
        try:
            self._client.create_collection(
                self._name,
                vectors_config=models.VectorParams(size=1, distance=models.Distance.DOT),
                replication_factor=replicas,
                # As for the chunks: what was acknowledged must outlive a node
                write_consistency_factor=replicas // 2 + 1,
                metadata={"space": uuid.uuid4().hex},
            )
        except (ApiException, ValueError):
            if not self._client.collection_exists(self._name):
                raise
            return  # another process was quicker
        self._client.create_payload_index(self._name, "kind", models.PayloadSchemaType.KEYWORD)

    @property
    def space(self) -> str:
        """An id that is made with the shelf."""
        return self._space

    def put(self, rows: Mapping[str, Row]) -> None:
        """Insert rows, or replace those whose id exists."""
        points = [
            models.PointStruct(id=point_id(id_), vector=[1.0], payload={"id": id_, **row})
            for id_, row in rows.items()
        ]
        with _errors_as_ours():
            self._client.upsert(self._name, points, wait=True)

    def get(self, ids: Sequence[str]) -> dict[str, Row]:
        """Return the rows of these ids; unknown ids are left out."""
        with _errors_as_ours():
            found = self._client.retrieve(
                self._name, [point_id(id_) for id_ in ids], with_payload=True
            )
        return dict(_row(point.payload) for point in found)

    def every(self, kind: str) -> dict[str, Row]:
        """Return all rows of a kind."""
        of_it = models.FieldCondition(key="kind", match=models.MatchAny(any=[kind]))
        rows: dict[str, Row] = {}
        after: Any = None
        while True:
            with _errors_as_ours():
                found, after = self._client.scroll(
                    self._name,
                    scroll_filter=models.Filter(must=[of_it]),
                    limit=_LISTED,
                    offset=after,
                    with_payload=True,
                )
            rows |= dict(_row(point.payload) for point in found)
            if after is None:
                return rows

    def delete(self, ids: Sequence[str]) -> None:
        """Remove rows; unknown ids are ignored."""
        for page in common.pages(ids, PAGE):
            points: list[Any] = [point_id(id_) for id_ in page]
            with _errors_as_ours():
                self._client.delete(self._name, models.PointIdsList(points=points), wait=True)

    def drop(self) -> None:
        """Remove the whole shelf."""
        with _errors_as_ours():
            self._client.delete_collection(self._name)

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()


def _row(payload: Any) -> tuple[str, Row]:  # noqa: ANN401
    values = dict(payload or {})
    return str(values.pop("id")), values


@contextmanager
def _errors_as_ours() -> Iterator[None]:
    try:
        yield
    except (ApiException, ValueError, OSError) as error:
        said = " ".join(str(error).split())
        raise StoreError(
            f"The documents' records could not be reached: {said}", hint=_HINT
        ) from error
