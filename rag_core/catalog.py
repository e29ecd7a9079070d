"""The record of what is there: collections, documents, chunks. The truth.

The vector store is derived from it. What the catalog does not know is not found, whatever a store
still holds; so a document appears, changes and disappears in one transaction, here.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rag_core.database import Database
from rag_core.datatypes import Chunk, Document
from rag_core.errors import Cancelled
from rag_core.uploads import Upload

_INFO = (  # all but the text, which is long
    "id, name, sha256, characters, pages, chunks, size, seconds, added_at, chunker, metadata, notes"
)


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """A row of the library: an indexed document without its text. `size` is the file's bytes."""

    id: str
    name: str
    sha256: str
    characters: int
    pages: int
    chunks: int
    size: int
    seconds: float
    added_at: float
    chunker: Mapping[str, Any] = field(default_factory=dict, hash=False)
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Model:
    """The embedding model of a collection: fingerprint, name, and length of its vectors."""

    fingerprint: str
    name: str
    dimension: int


class Catalog:
    """What is indexed in one home, collection by collection."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- collections ------------------------------------------------------------------------

    def collections(self) -> list[str]:
        """Return the names of all collections, sorted."""
        return [
            row["name"] for row in self._database.rows("SELECT name FROM collections ORDER BY name")
        ]

    def add_collection(self, name: str) -> None:
        """Create the collection unless it exists."""
        with self._database.transaction() as db:
            db.execute("INSERT OR IGNORE INTO collections (name) VALUES (?)", (name,))

    def remove_collection(self, name: str) -> None:
        """Forget a collection and every record in it."""
        with self._database.transaction() as db:
            for table in ("documents", "chunks", "uploads", "unwanted", "settings"):
                db.execute(f"DELETE FROM {table} WHERE collection = ?", (name,))
            db.execute("DELETE FROM collections WHERE name = ?", (name,))

    def generation(self, collection: str) -> int:
        """Return a number that grows with every change of the collection's chunks."""
        rows = self._database.rows("SELECT generation FROM collections WHERE name = ?", collection)
        return int(rows[0]["generation"]) if rows else 0

    def model(self, collection: str) -> Model | None:
        """Return the model this collection's vectors come from; None before the first."""
        rows = self._database.rows("SELECT * FROM collections WHERE name = ?", collection)
        if not rows or not rows[0]["fingerprint"]:
            return None
        return Model(rows[0]["fingerprint"], rows[0]["embedder"], rows[0]["dimension"])

    def set_model(self, collection: str, model: Model) -> None:
        """Note which model this collection's vectors come from (law 7)."""
        with self._database.transaction() as db:
            db.execute(
                "UPDATE collections SET fingerprint = ?, embedder = ?, dimension = ? "
                "WHERE name = ?",
                (model.fingerprint, model.name, model.dimension, collection),
            )

    # -- documents --------------------------------------------------------------------------

    def documents(self, collection: str) -> list[DocumentInfo]:
        """Return the indexed documents, by name."""
        rows = self._database.rows(
            f"SELECT {_INFO} FROM documents WHERE collection = ? ORDER BY name, id", collection
        )
        return [_info(row) for row in rows]

    def document(self, collection: str, document_id: str) -> Document | None:
        """Return the document with its text, or None if it is not indexed."""
        rows = self._database.rows(
            "SELECT * FROM documents WHERE collection = ? AND id = ?", collection, document_id
        )
        return _document(rows[0]) if rows else None

    def named(self, collection: str, name: str) -> DocumentInfo | None:
        """Return the indexed document of this name, or None."""
        rows = self._database.rows(
            f"SELECT {_INFO} FROM documents WHERE collection = ? AND name = ?", collection, name
        )
        return _info(rows[0]) if rows else None

    def same_content(self, collection: str, sha256: str, text: str, *, but: str) -> list[str]:
        """Return the names of other documents with the same file or the same text."""
        rows = self._database.rows(
            "SELECT name FROM documents WHERE collection = ? AND name != ? "
            "AND (sha256 = ? OR (characters = ? AND text = ?)) ORDER BY name",
            collection, but, sha256, len(text), text,
        )  # fmt: skip
        return [row["name"] for row in rows]

    def originals(self) -> set[str]:
        """Return the SHA-256 of every original that some document or upload needs."""
        rows = self._database.rows("SELECT sha256 FROM documents UNION SELECT sha256 FROM uploads")
        return {row["sha256"] for row in rows}

    # -- chunks -----------------------------------------------------------------------------

    def chunks(self, collection: str) -> Iterator[Chunk]:
        """Iterate over every chunk, by document name and place."""
        for info in self.documents(collection):
            yield from self.document_chunks(collection, info.id)

    def document_chunks(self, collection: str, document_id: str) -> list[Chunk]:
        """Return one document's chunks in order, their text cut from the document (law 1)."""
        document = self.document(collection, document_id)
        if document is None:
            return []
        rows = self._database.rows(
            "SELECT * FROM chunks WHERE collection = ? AND document_id = ? ORDER BY position",
            collection, document_id,
        )  # fmt: skip
        return [
            Chunk(
                id=row["id"],
                document_id=document_id,
                index=row["position"],
                start=row["start"],
                end=row["end"],
                text=document.text[row["start"] : row["end"]],
                metadata=json.loads(row["metadata"]),
            )
            for row in rows
        ]

    def known(self, collection: str, chunk_ids: Sequence[str]) -> set[str]:
        """Return those of the ids that belong to indexed documents."""
        rows = self._database.rows(
            "SELECT id FROM chunks WHERE collection = ? AND id IN (SELECT value FROM json_each(?))",
            collection,
            json.dumps(list(chunk_ids)),
        )
        return {row["id"] for row in rows}

    # -- the life of a document in the store ------------------------------------------------

    def announce(self, collection: str, chunk_ids: Iterable[str]) -> None:
        """Note ids that are about to be stored; until `commit` they are unwanted there.

        A crash in between leaves them noted, and `unwanted` says what to remove.
        """
        with self._database.transaction() as db:
            db.executemany(
                "INSERT OR IGNORE INTO unwanted (collection, chunk_id) SELECT ?, ? WHERE NOT "
                "EXISTS (SELECT 1 FROM chunks WHERE collection = ? AND id = ?)",
                ((collection, chunk_id, collection, chunk_id) for chunk_id in chunk_ids),
            )

    def commit(
        self,
        collection: str,
        document: Document,
        chunks: Sequence[Chunk],
        *,
        upload: Upload,
        chunker: Mapping[str, Any],
        seconds: float,
    ) -> None:
        """Make the document visible: one transaction that also retires what it replaces.

        Raises:
            Cancelled: when the upload is no longer on record; then nothing has changed.
        """
        with self._database.transaction() as db:
            self._retire(db, collection, "name = ? OR id = ?", (document.name, document.id))
            db.execute(
                "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    collection, document.id, document.name, upload.sha256, document.text,
                    _json(document.metadata), json.dumps(document.pages),
                    json.dumps(document.notes), len(document.text), upload.size, _json(chunker),
                    len(chunks), seconds, time.time(),
                ),
            )  # fmt: skip
            db.executemany(
                "INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    (collection, c.id, c.document_id, c.index, c.start, c.end, _json(c.metadata))
                    for c in chunks
                ),
            )
            db.executemany(
                "DELETE FROM unwanted WHERE collection = ? AND chunk_id = ?",
                ((collection, chunk.id) for chunk in chunks),
            )
            if not db.execute("DELETE FROM uploads WHERE id = ?", (upload.id,)).rowcount:
                raise Cancelled(f"{upload.name} was discarded, or indexed elsewhere.")
            _next_generation(db, collection)

    def retire(self, collection: str, document_ids: Iterable[str]) -> None:
        """Make documents invisible and note their chunks as unwanted in the store."""
        with self._database.transaction() as db:
            for document_id in document_ids:
                self._retire(db, collection, "id = ?", (document_id,))
            _next_generation(db, collection)

    def unwanted(self, collection: str) -> list[str]:
        """Return the chunk ids that the store must not keep."""
        sql = "SELECT chunk_id FROM unwanted WHERE collection = ?"
        return [row["chunk_id"] for row in self._database.rows(sql, collection)]

    def removed(self, collection: str, chunk_ids: Sequence[str]) -> None:
        """Note that the store no longer holds these ids."""
        with self._database.transaction() as db:
            db.executemany(
                "DELETE FROM unwanted WHERE collection = ? AND chunk_id = ?",
                ((collection, chunk_id) for chunk_id in chunk_ids),
            )

    @staticmethod
    def _retire(
        db: sqlite3.Connection, collection: str, condition: str, values: tuple[str, ...]
    ) -> None:
        chosen = f"SELECT id FROM documents WHERE collection = ? AND ({condition})"
        for row in db.execute(chosen, (collection, *values)).fetchall():
            place = (collection, row["id"])
            db.execute(
                "INSERT OR IGNORE INTO unwanted SELECT collection, id FROM chunks "
                "WHERE collection = ? AND document_id = ?",
                place,
            )
            db.execute("DELETE FROM chunks WHERE collection = ? AND document_id = ?", place)
            db.execute("DELETE FROM documents WHERE collection = ? AND id = ?", place)


def _next_generation(db: sqlite3.Connection, collection: str) -> None:
    db.execute("UPDATE collections SET generation = generation + 1 WHERE name = ?", (collection,))


def _json(values: Mapping[str, Any]) -> str:
    return json.dumps(dict(values), ensure_ascii=False, sort_keys=True)


def _document(row: sqlite3.Row) -> Document:
    return Document(
        id=row["id"],
        name=row["name"],
        text=row["text"],
        metadata=json.loads(row["metadata"]),
        pages=tuple((int(start), int(end)) for start, end in json.loads(row["pages"])),
        notes=tuple(json.loads(row["notes"])),
    )


def _info(row: sqlite3.Row) -> DocumentInfo:
    return DocumentInfo(
        id=row["id"],
        name=row["name"],
        sha256=row["sha256"],
        characters=row["characters"],
        pages=len(json.loads(row["pages"])),
        chunks=row["chunks"],
        size=row["size"],
        seconds=row["seconds"],
        added_at=row["added_at"],
        chunker=json.loads(row["chunker"]),
        metadata=json.loads(row["metadata"]),
        notes=tuple(json.loads(row["notes"])),
    )
