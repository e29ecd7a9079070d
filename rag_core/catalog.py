"""The record of what is there: collections, documents, chunks. The truth.

The vector store is derived from it. What the catalog does not know is not found, whatever a store
still holds; so a document appears, changes and disappears in one transaction, here.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rag_core.catalog_rows import (
    DocumentInfo,
    Model,
    Stamp,
    as_json,
    chunk_of,
    chunk_row,
    document_of,
    free_key,
    info_of,
)
from rag_core.database import Database
from rag_core.datatypes import Chunk, Document
from rag_core.errors import Cancelled
from rag_core.uploads import Upload

__all__ = ["Catalog", "DocumentInfo", "Model", "Stamp", "next_generation"]

_INFO = (  # all but the text, which is long
    "id, name, sha256, characters, pages, chunks, size, seconds, added_at, chunker, metadata, notes"
)


class Catalog:
    """What is indexed in one home, collection by collection."""

    def __init__(self, database: Database, *, pinned: str = "") -> None:
        self._database = database
        self._pinned = pinned

    def pinned(self, key: str) -> Catalog:
        """Return a catalog that speaks of one index, live or not, whatever collection is named."""
        return Catalog(self._database, pinned=key)

    def key(self, collection: str) -> str:
        """Return the key of the collection's live index: its rows here, and its store's name.

        It is the collection's own name when there is no such collection yet.
        """
        if self._pinned:
            return self._pinned
        rows = self._database.rows(
            "SELECT key FROM indexes WHERE collection = ? AND state = 'live'", collection
        )
        return str(rows[0]["key"]) if rows else collection

    # -- collections ------------------------------------------------------------------------

    def collections(self) -> list[str]:
        """Return the names of all collections, sorted."""
        return [
            row["name"] for row in self._database.rows("SELECT name FROM collections ORDER BY name")
        ]

    def add_collection(self, name: str) -> None:
        """Create the collection unless it exists."""
        with self._database.transaction() as db:
            known = db.execute("SELECT 1 FROM collections WHERE name = ?", (name,)).fetchone()
            if known is None:
                db.execute("INSERT INTO collections (name) VALUES (?)", (name,))
                db.execute(
                    "INSERT INTO indexes (key, collection, state, made_at) "
                    "VALUES (?, ?, 'live', ?)",
                    (free_key(db, name), name, time.time()),
                )

    def remove_collection(self, name: str) -> None:
        """Forget a collection and every record in it; its stores go when space is reclaimed."""
        with self._database.transaction() as db:
            of_it = "SELECT key FROM indexes WHERE collection = ?"
            for table in ("documents", "chunks", "unwanted", "shared"):
                db.execute(f"DELETE FROM {table} WHERE collection IN ({of_it})", (name,))
            db.execute("UPDATE indexes SET state = 'dropped' WHERE collection = ?", (name,))
            db.execute("DELETE FROM uploads WHERE collection = ?", (name,))
            db.execute(  # the number stays, so that no index is ever called like one before
                "DELETE FROM settings WHERE collection = ? AND key != 'index.number'", (name,)
            )
            db.execute("DELETE FROM collections WHERE name = ?", (name,))

    def generation(self, collection: str) -> int:
        """Return a number that grows with every change of the collection's chunks."""
        rows = self._database.rows("SELECT generation FROM collections WHERE name = ?", collection)
        return int(rows[0]["generation"]) if rows else 0

    def model(self, collection: str) -> Model | None:
        """Return the model this collection's vectors come from; None before the first."""
        rows = self._database.rows("SELECT * FROM indexes WHERE key = ?", self.key(collection))
        if not rows or not rows[0]["fingerprint"]:
            return None
        return Model(rows[0]["fingerprint"], rows[0]["embedder"], rows[0]["dimension"])

    def set_model(self, collection: str, model: Model) -> None:
        """Note which model this collection's vectors come from (law 7)."""
        with self._database.transaction() as db:
            db.execute(
                "UPDATE indexes SET fingerprint = ?, embedder = ?, dimension = ? WHERE key = ?",
                (model.fingerprint, model.name, model.dimension, self.key(collection)),
            )

    # -- documents --------------------------------------------------------------------------

    def documents(self, collection: str) -> list[DocumentInfo]:
        """Return the indexed documents, by name."""
        rows = self._database.rows(
            f"SELECT {_INFO} FROM documents WHERE collection = ? ORDER BY name, id",
            self.key(collection),
        )
        return [info_of(row) for row in rows]

    def document(self, collection: str, document_id: str) -> Document | None:
        """Return the document with its text, or None if it is not indexed."""
        rows = self._database.rows(
            "SELECT * FROM documents WHERE collection = ? AND id = ?",
            self.key(collection),
            document_id,
        )
        return document_of(rows[0]) if rows else None

    def named(self, collection: str, name: str) -> DocumentInfo | None:
        """Return the indexed document of this name, or None."""
        rows = self._database.rows(
            f"SELECT {_INFO} FROM documents WHERE collection = ? AND name = ?",
            self.key(collection),
            name,
        )
        return info_of(rows[0]) if rows else None

    def same_content(self, collection: str, sha256: str, text: str, *, but: str) -> list[str]:
        """Return the names of other documents with the same file or the same text."""
        rows = self._database.rows(
            "SELECT name FROM documents WHERE collection = ? AND name != ? "
            "AND (sha256 = ? OR (characters = ? AND text = ?)) ORDER BY name",
            self.key(collection), but, sha256, len(text), text,
        )  # fmt: skip
        return [row["name"] for row in rows]

    def originals(self) -> set[str]:
        """Return the SHA-256 of every original that some document or upload needs."""
        rows = self._database.rows("SELECT sha256 FROM documents UNION SELECT sha256 FROM uploads")
        return {row["sha256"] for row in rows}

    # -- chunks -----------------------------------------------------------------------------

    def chunks(self, collection: str) -> Iterator[Chunk]:
        """Iterate over every chunk, by document name and place."""
        fixed = self.pinned(self.key(collection))  # a swap meanwhile changes nothing
        for info in fixed.documents(collection):
            yield from fixed.document_chunks(collection, info.id)

    def document_chunks(self, collection: str, document_id: str) -> list[Chunk]:
        """Return one document's chunks in order, their text cut from the document (law 1)."""
        key = self.key(collection)
        document = self.pinned(key).document(collection, document_id)
        if document is None:
            return []
        rows = self._database.rows(
            "SELECT * FROM chunks WHERE collection = ? AND document_id = ? ORDER BY position",
            key, document_id,
        )  # fmt: skip
        return [chunk_of(row, document) for row in rows]

    def stamps(self, collection: str, document_id: str) -> dict[str, Stamp]:
        """Return what each chunk of a document was embedded with and when, by chunk id."""
        rows = self._database.rows(
            "SELECT id, fingerprint, embedded_at FROM chunks "
            "WHERE collection = ? AND document_id = ?",
            self.key(collection), document_id,
        )  # fmt: skip
        return {row["id"]: Stamp(row["fingerprint"], row["embedded_at"]) for row in rows}

    def known(self, collection: str, chunk_ids: Sequence[str]) -> set[str]:
        """Return those of the ids that belong to indexed documents."""
        rows = self._database.rows(
            "SELECT id FROM chunks WHERE collection = ? AND id IN (SELECT value FROM json_each(?))",
            self.key(collection),
            json.dumps(list(chunk_ids)),
        )
        return {row["id"] for row in rows}

    # -- the life of a document in the store ------------------------------------------------

    def announce(self, collection: str, chunk_ids: Iterable[str]) -> None:
        """Note ids that are about to be stored; until `commit` they are unwanted there.

        A crash in between leaves them noted, and `unwanted` says what to remove.
        """
        with self._database.transaction() as db:
            key = self.key(collection)
            db.executemany(
                "INSERT OR IGNORE INTO unwanted (collection, chunk_id) SELECT ?, ? WHERE NOT "
                "EXISTS (SELECT 1 FROM chunks WHERE collection = ? AND id = ?)",
                ((key, chunk_id, key, chunk_id) for chunk_id in chunk_ids),
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
        stamps: Mapping[str, Stamp] | None = None,
        added_at: float | None = None,
        theirs: bool = False,
    ) -> None:
        """Make the document visible: one transaction that also retires what it replaces.

        `stamps` say what the chunks were embedded with, by id. An upload of id 0 is none: the
        document was indexed already, elsewhere. What it replaces leaves unwanted chunks, unless
        they are `theirs` to remove, who replaced it.

        Raises:
            Cancelled: when the upload is no longer on record; then nothing has changed.
        """
        now, stamped = time.time(), stamps or {}
        with self._database.transaction() as db:
            key = self.key(collection)
            replaced = (document.name, document.id)
            self._retire(db, key, "name = ? OR id = ?", replaced, theirs=theirs)
            db.execute(
                "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    key, document.id, document.name, upload.sha256, document.text,
                    as_json(document.metadata), json.dumps(document.pages),
                    json.dumps(document.notes), len(document.text), upload.size, as_json(chunker),
                    len(chunks), seconds, now if added_at is None else added_at,
                ),
            )  # fmt: skip
            db.executemany(
                "INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (chunk_row(key, c, stamped.get(c.id, Stamp("", now))) for c in chunks),
            )
            db.executemany(
                "DELETE FROM unwanted WHERE collection = ? AND chunk_id = ?",
                ((key, chunk.id) for chunk in chunks),
            )
            gone = not db.execute("DELETE FROM uploads WHERE id = ?", (upload.id,)).rowcount
            if gone and upload.id:
                raise Cancelled(f"{upload.name} was discarded, or indexed elsewhere.")
            self._changed(db, collection)

    def retire(self, collection: str, document_ids: Iterable[str], *, theirs: bool = False) -> None:
        """Make documents invisible and note their chunks as unwanted, unless they are `theirs`."""
        with self._database.transaction() as db:
            for document_id in document_ids:
                place = self.key(collection), "id = ?", (document_id,)
                self._retire(db, *place, theirs=theirs)
            self._changed(db, collection)

    def unwanted(self, collection: str) -> list[str]:
        """Return the chunk ids that the store must not keep."""
        sql = "SELECT chunk_id FROM unwanted WHERE collection = ?"
        return [row["chunk_id"] for row in self._database.rows(sql, self.key(collection))]

    def removed(self, collection: str, chunk_ids: Sequence[str]) -> None:
        """Note that the store no longer holds these ids."""
        key = self.key(collection)
        with self._database.transaction() as db:
            db.executemany(
                "DELETE FROM unwanted WHERE collection = ? AND chunk_id = ?",
                ((key, chunk_id) for chunk_id in chunk_ids),
            )

    def _changed(self, db: sqlite3.Connection, collection: str) -> None:
        if not self._pinned:  # of an index beside the live one no search needs to know
            next_generation(db, collection)

    @staticmethod
    def _retire(
        db: sqlite3.Connection,
        key: str,
        condition: str,
        values: tuple[str, ...],
        *,
        theirs: bool,
    ) -> None:
        chosen = f"SELECT id FROM documents WHERE collection = ? AND ({condition})"
        for row in db.execute(chosen, (key, *values)).fetchall():
            place = (key, row["id"])
            if not theirs:
                db.execute(
                    "INSERT OR IGNORE INTO unwanted SELECT collection, id FROM chunks "
                    "WHERE collection = ? AND document_id = ?",
                    place,
                )
            db.execute("DELETE FROM chunks WHERE collection = ? AND document_id = ?", place)
            db.execute("DELETE FROM documents WHERE collection = ? AND id = ?", place)


def next_generation(db: sqlite3.Connection, collection: str) -> None:
    """Note that the collection's chunks have changed, in the transaction that changes them."""
    db.execute("UPDATE collections SET generation = generation + 1 WHERE name = ?", (collection,))
