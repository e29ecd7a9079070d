"""Records of documents, kept beside the chunks on a server that several instances share.

A record is everything an instance needs to know a document: its head, which is small and says that
there is one, and a body in pieces. The pieces are written before the head and removed after it, so
that a document is wholly there or not, whatever is killed and whenever. After every change the
state moves: who sees the same state twice has missed nothing.
"""

from __future__ import annotations

import base64
import uuid
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from rag_core.stores import common

Row = Mapping[str, str | int | float]
PIECE = 15_000  # characters; Chroma Cloud takes 16 KiB a text
PAGE = 100  # rows a call
SHELF = "documents-of-the-instances-that-share-the-ragscope-collection."
"""The beginning of a shelf's name where it is a collection itself: too long for one of ours."""

_STATE = "state"


class Shelf(Protocol):
    """What an engine needs to be able to do: keep rows by id, each with a text `kind`."""

    @property
    def space(self) -> str:
        """An id that is made with the shelf: another one says that the old one is gone."""
        ...

    def put(self, rows: Mapping[str, Row]) -> None:
        """Insert rows, or replace those whose id exists."""
        ...

    def get(self, ids: Sequence[str]) -> dict[str, Row]:
        """Return the rows of these ids; unknown ids are left out."""
        ...

    def every(self, kind: str) -> dict[str, Row]:
        """Return all rows of a kind."""
        ...

    def delete(self, ids: Sequence[str]) -> None:
        """Remove rows; unknown ids are ignored."""
        ...

    def drop(self) -> None:
        """Remove the whole shelf."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


@dataclass(frozen=True, slots=True)
class Head:
    """What says that a document is there. Two of the same version are the same in all but time.

    `writer` is the id of the data folder it came from, `added_at` a Unix time.
    """

    document_id: str
    name: str
    version: str
    writer: str
    added_at: float
    pieces: int = 0


class DocumentRecords:
    """The records of one collection's documents, and the instances that read them. Thread-safe.

    Raises:
        StoreError: from every method, when the server cannot be reached or refuses.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    @property
    def space(self) -> str:
        """The shelf's id; records of another one say nothing about this one."""
        return self._shelf.space

    def state(self) -> str:
        """Return a text that is another one after every change; cheap to ask."""
        row = self._shelf.get([_STATE]).get(_STATE)
        return str(row["token"]) if row else ""

    def heads(self) -> dict[str, Head]:
        """Return the heads of all documents, by document id."""
        found = map(_head, self._shelf.every("head").values())
        return {head.document_id: head for head in found}

    def head(self, document_id: str) -> Head | None:
        """Return a document's head, or None."""
        row = self._shelf.get([_head_id(document_id)]).get(_head_id(document_id))
        return _head(row) if row else None

    def body(self, head: Head) -> str | None:
        """Return what was put with a head; None when it has been replaced or removed since."""
        ids = _piece_ids(head)
        found: dict[str, Row] = {}
        for page in common.pages(ids, PAGE):
            found |= self._shelf.get(page)
        if len(found) < len(ids):
            return None
        packed = "".join(str(found[id_]["body"]) for id_ in ids)
        return zlib.decompress(base64.b64decode(packed)).decode()

    def put(self, head: Head, body: str) -> None:
        """Say that a document is there; all its chunks have to be in the store by then."""
        before = self.head(head.document_id)
        if before and before.version == head.version:
            return
        packed = base64.b64encode(zlib.compress(body.encode())).decode()
        texts = [packed[start : start + PIECE] for start in range(0, len(packed), PIECE)]
        ids = [_piece_id(head, number) for number in range(len(texts))]
        for page in common.pages(list(zip(ids, texts, strict=True)), PAGE):
            self._shelf.put({id_: {"kind": "piece", "body": text} for id_, text in page})
        row: Row = {
            "kind": "head",
            "document": head.document_id,
            "name": head.name,
            "version": head.version,
            "writer": head.writer,
            "added_at": head.added_at,
            "pieces": len(texts),
        }
        self._shelf.put({_head_id(head.document_id): row})
        self._moved()
        if before:
            self._shelf.delete(_piece_ids(before))

    def remove(self, heads: Sequence[Head]) -> None:
        """Say that documents are gone; their chunks may be removed once this has returned."""
        if heads:
            self._shelf.delete([_head_id(head.document_id) for head in heads])
            self._moved()
            self._shelf.delete([id_ for head in heads for id_ in _piece_ids(head)])

    def join(self, instance: str) -> None:
        """Note that a data folder reads and writes here."""
        self._shelf.put({f"instance.{instance}": {"kind": "instance", "instance": instance}})

    def leave(self, instance: str) -> None:
        """Note that a data folder does so no more."""
        self._shelf.delete([f"instance.{instance}"])

    def instances(self) -> set[str]:
        """Return the ids of the data folders that read and write here."""
        return {str(row["instance"]) for row in self._shelf.every("instance").values()}

    def drop(self) -> None:
        """Remove every record."""
        self._shelf.drop()

    def close(self) -> None:
        """Let go of connections."""
        self._shelf.close()

    def _moved(self) -> None:
        # By chance and not by counting: of two writers at once, neither can undo the other's step
        self._shelf.put({_STATE: {"kind": "state", "token": uuid.uuid4().hex}})


def _head(row: Row) -> Head:
    return Head(
        document_id=str(row["document"]),
        name=str(row["name"]),
        version=str(row["version"]),
        writer=str(row["writer"]),
        added_at=float(row["added_at"]),
        pieces=int(row["pieces"]),
    )


def _head_id(document_id: str) -> str:
    return f"document.{document_id}"


def _piece_ids(head: Head) -> list[str]:
    return [_piece_id(head, number) for number in range(head.pieces)]


def _piece_id(head: Head, number: int) -> str:
    return f"piece.{head.document_id}.{head.version}.{number}"
