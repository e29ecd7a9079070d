"""What this data folder knows of the records on a server: which documents others can see there."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from rag_core.database import Database


@dataclass(frozen=True, slots=True)
class Mark:
    """The version of a document's record as it was last seen, and the data folder that wrote it.

    `leaving` says that the document was deleted here and its record is yet to be removed.
    """

    version: str
    writer: str
    leaving: bool = False


class SharedMarks:
    """The marks of one home, by index and document. A mark of another space is as good as none."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def home_id(self) -> str:
        """Return the data folder's own id; it is made the first time."""
        with self._database.transaction() as db:
            made = json.dumps(uuid.uuid4().hex)
            db.execute("INSERT OR IGNORE INTO settings VALUES ('', 'home.id', ?)", (made,))
        rows = self._database.rows("SELECT value FROM settings WHERE key = 'home.id'")
        return str(json.loads(rows[0]["value"]))

    def all(self, key: str, space: str) -> dict[str, Mark]:
        """Return the marks of an index, by document id."""
        rows = self._database.rows(
            "SELECT * FROM shared WHERE collection = ? AND space = ?", key, space
        )
        return {
            row["document_id"]: Mark(row["version"], row["writer"], bool(row["leaving"]))
            for row in rows
        }

    def put(self, key: str, space: str, document_id: str, mark: Mark) -> None:
        """Keep a mark."""
        with self._database.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO shared VALUES (?, ?, ?, ?, ?, ?)",
                (key, document_id, space, mark.version, mark.writer, int(mark.leaving)),
            )

    def remove(self, key: str, document_ids: Iterable[str]) -> None:
        """Forget marks."""
        with self._database.transaction() as db:
            db.executemany(
                "DELETE FROM shared WHERE collection = ? AND document_id = ?",
                ((key, document_id) for document_id in document_ids),
            )

    def leave(self, key: str, document_ids: Iterable[str]) -> None:
        """Note that documents are being deleted here, whatever is known of their records."""
        with self._database.transaction() as db:
            db.executemany(
                "UPDATE shared SET leaving = 1 WHERE collection = ? AND document_id = ?",
                ((key, document_id) for document_id in document_ids),
            )

    def leaving(self, key: str) -> bool:
        """Return whether a record is yet to be removed."""
        sql = "SELECT 1 FROM shared WHERE collection = ? AND leaving LIMIT 1"
        return bool(self._database.rows(sql, key))

    def writers(self, key: str) -> dict[str, str]:
        """Return which data folder each document of an index came from, by document id."""
        sql = "SELECT document_id, writer FROM shared WHERE collection = ?"
        return {row["document_id"]: row["writer"] for row in self._database.rows(sql, key)}
