"""Records of documents on a Chroma server: rows of a collection beside that of the chunks."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rag_core.stores import common
from rag_core.stores.chroma_client import close_client, errors_as_ours, open_client
from rag_core.stores.records import PAGE, SHELF, Row

_WHAT = "The documents' records could not be reached"
_BODY = "body"  # it goes as the text, which may be long; metadata may not
_LISTED = 1_000  # rows without a body a call


class ChromaShelf:
    """The rows of one collection. Chroma wants a vector of each; they all have the same."""

    def __init__(self, url: str, *, collection: str) -> None:
        self._url = url
        with errors_as_ours(_WHAT, url):
            self._client = open_client(url)
            self._rows = self._client.get_or_create_collection(
                SHELF + collection,
                embedding_function=None,
                metadata={"space": uuid.uuid4().hex},  # of two that make it, the first one's stays
            )
            self._space = str((self._rows.metadata or {})["space"])

    @property
    def space(self) -> str:
        """An id that is made with the shelf."""
        return self._space

    def put(self, rows: Mapping[str, Row]) -> None:
        """Insert rows, or replace those whose id exists; those of a kind have the same fields."""
        packed: list[Any] = [
            {name: value for name, value in row.items() if name != _BODY} for row in rows.values()
        ]
        with errors_as_ours(_WHAT, self._url):
            self._rows.upsert(
                ids=list(rows),
                embeddings=np.ones((len(rows), 2), dtype=np.float32),
                documents=[str(row.get(_BODY, "")) for row in rows.values()],
                metadatas=packed,
            )

    def get(self, ids: Sequence[str]) -> dict[str, Row]:
        """Return the rows of these ids; unknown ids are left out."""
        with errors_as_ours(_WHAT, self._url):
            found = self._rows.get(ids=list(ids), include=["documents", "metadatas"])
        texts, packed = found["documents"] or [], found["metadatas"] or []
        rows: dict[str, Row] = {}
        for id_, text, row in zip(found["ids"], texts, packed, strict=True):
            rows[id_] = {**_plain(row), _BODY: text}
        return rows

    def every(self, kind: str) -> dict[str, Row]:
        """Return all rows of a kind, without their bodies."""
        rows: dict[str, Row] = {}
        offset = 0
        while True:
            with errors_as_ours(_WHAT, self._url):
                page = self._rows.get(
                    where={"kind": kind}, include=["metadatas"], limit=_LISTED, offset=offset
                )
            found = page["metadatas"] or []
            rows |= {id_: _plain(row) for id_, row in zip(page["ids"], found, strict=True)}
            if len(found) < _LISTED:
                return rows
            offset += len(found)

    def delete(self, ids: Sequence[str]) -> None:
        """Remove rows; unknown ids are ignored."""
        for page in common.pages(ids, PAGE):
            with errors_as_ours(_WHAT, self._url):
                self._rows.delete(ids=list(page))

    def drop(self) -> None:
        """Remove the whole shelf."""
        with errors_as_ours(_WHAT, self._url):
            self._client.delete_collection(self._rows.name)

    def close(self) -> None:
        """Let go of the connections."""
        close_client(self._client)


def _plain(row: Mapping[str, Any]) -> Row:
    return dict(row)
