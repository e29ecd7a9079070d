"""Files that were accepted and are not indexed yet: what a crash must not make us forget."""

from __future__ import annotations

import json
import sqlite3
import time
from dataclasses import dataclass

from rag_core.database import Database
from rag_core.datatypes import Document


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was accepted and is not yet indexed. `accepted_at` is a Unix time."""

    id: int
    name: str
    sha256: str
    size: int
    accepted_at: float


class Uploads:
    """The accepted files of one home, collection by collection."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def accept(
        self, collection: str, name: str, sha256: str, size: int, document: Document | None = None
    ) -> Upload:
        """Note a file that is to be indexed. Once this returns, the file is not forgotten.

        A document that was already loaded is noted with it; a file is loaded again after a crash.
        """
        now = time.time()
        packed = None if document is None else _pack(document)
        with self._database.transaction() as db:
            latest = db.execute(
                "SELECT * FROM uploads WHERE collection = ? AND name = ? ORDER BY id DESC LIMIT 1",
                (collection, name),
            ).fetchone()
            if latest and latest["sha256"] == sha256:
                # A second try of the same file is the same upload: work on it may be under way.
                db.execute("UPDATE uploads SET document = ? WHERE id = ?", (packed, latest["id"]))
                return _upload(latest)
            # Back to an earlier content: it has to come after the one that is newer now.
            db.execute(
                "DELETE FROM uploads WHERE collection = ? AND name = ? AND sha256 = ?",
                (collection, name, sha256),
            )
            cursor = db.execute(
                "INSERT INTO uploads (collection, name, sha256, size, accepted_at, document) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (collection, name, sha256, size, now, packed),
            )
        return Upload(int(cursor.lastrowid or 0), name, sha256, size, now)

    def pending(self, collection: str) -> list[Upload]:
        """Return the accepted files that are not indexed yet, in the order they came."""
        rows = self._database.rows(
            "SELECT * FROM uploads WHERE collection = ? ORDER BY id", collection
        )
        return [_upload(row) for row in rows]

    def document(self, upload: Upload) -> Document | None:
        """Return the document noted with the upload, or None if the file has to be loaded."""
        rows = self._database.rows("SELECT document FROM uploads WHERE id = ?", upload.id)
        return _unpack(rows[0]["document"]) if rows and rows[0]["document"] else None

    def forget(self, upload: Upload) -> None:
        """Drop an upload that failed, was cancelled, or turned out to be indexed already."""
        with self._database.transaction() as db:
            db.execute("DELETE FROM uploads WHERE id = ?", (upload.id,))


def _upload(row: sqlite3.Row) -> Upload:
    return Upload(row["id"], row["name"], row["sha256"], row["size"], row["accepted_at"])


def _pack(document: Document) -> str:
    return json.dumps(
        {
            "id": document.id,
            "name": document.name,
            "text": document.text,
            "metadata": dict(document.metadata),
            "pages": document.pages,
            "notes": document.notes,
        }
    )


def _unpack(packed: str) -> Document:
    values = json.loads(packed)
    pages = tuple((int(start), int(end)) for start, end in values.pop("pages"))
    return Document(**{**values, "pages": pages, "notes": tuple(values["notes"])})
