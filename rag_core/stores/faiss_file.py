"""The truth under the FAISS store: one SQLite file a folder, with the chunks and their vectors."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rag_core.errors import StoreError
from rag_core.stores.common import check_model

FILE = "faiss.sqlite3"
_PATIENCE = 10.0  # seconds to wait while another process writes
_SCHEMA = """
CREATE TABLE IF NOT EXISTS collections (
    name TEXT PRIMARY KEY, dimension INTEGER NOT NULL, fingerprint TEXT NOT NULL,
    generation INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS chunks (
    place INTEGER PRIMARY KEY, collection TEXT NOT NULL, id TEXT NOT NULL,
    document_id TEXT NOT NULL, text TEXT NOT NULL, packed TEXT NOT NULL, vector BLOB NOT NULL,
    UNIQUE (collection, id)
);
CREATE INDEX IF NOT EXISTS chunks_document ON chunks (collection, document_id);
"""


class ChunkFile:
    """One collection of a folder's database. Thread-safe; other processes may write beside it.

    The generation goes up by one with every write: who remembers it sees that others have written.

    Raises:
        FingerprintError: when the collection holds vectors of another model or length.
        StoreError: when the folder cannot be used.
    """

    def __init__(self, folder: Path, collection: str, dimension: int, fingerprint: str) -> None:
        self._collection = collection
        self._lock = threading.RLock()
        what = f"The FAISS folder {folder} could not be opened"
        with errors_as_ours(what):
            folder.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                folder / FILE, timeout=_PATIENCE, check_same_thread=False, isolation_level=None
            )
        try:
            with errors_as_ours(what):
                self._db.execute("PRAGMA journal_mode = WAL")
                # FULL: a commit is on the disk when it returns
                self._db.execute("PRAGMA synchronous = FULL")
                self._db.executescript(_SCHEMA)
                self._db.execute(
                    "INSERT OR IGNORE INTO collections VALUES (?, ?, ?, 0)",
                    (collection, dimension, fingerprint),
                )
                [kept] = self.select(
                    "SELECT dimension, fingerprint FROM collections WHERE name = ?"
                )
            check_model(collection, (int(kept[0]), str(kept[1])), (dimension, fingerprint))
        except BaseException:
            self._db.close()
            raise

    def select(self, statement: str, *values: object) -> list[Any]:
        """Return the rows of a query whose first value is the collection."""
        with self._lock:
            return self._db.execute(statement, (self._collection, *values)).fetchall()

    def generation(self) -> int:
        """Return how many writes there have been.

        Raises:
            StoreError: when the collection was removed.
        """
        found = self.select("SELECT generation FROM collections WHERE name = ?")
        if not found:
            raise StoreError(
                f"The collection {self._collection!r} was removed.", hint="Open it again."
            )
        return int(found[0][0])

    def write(self, statement: str, values: Sequence[Sequence[Any]]) -> int:
        """Run the statement with each of the values, whose first is the collection; durable.

        All of it or nothing. Returns the generation before.
        """
        with self._transaction() as db:
            before = self.generation()
            db.executemany(statement, [(self._collection, *each) for each in values])
            db.execute(
                "UPDATE collections SET generation = ? WHERE name = ?",
                (before + 1, self._collection),
            )
        return before

    def remove(self) -> None:
        """Remove the collection, and give its place on the disk back."""
        with self._transaction() as db:
            db.execute("DELETE FROM chunks WHERE collection = ?", (self._collection,))
            db.execute("DELETE FROM collections WHERE name = ?", (self._collection,))
        with self._lock:
            self._db.execute("VACUUM")

    def close(self) -> None:
        """Close the file; it cannot be used afterwards."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise


@contextmanager
def errors_as_ours(what: str) -> Iterator[None]:
    """Turn errors of the database and the disk into StoreError."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StoreError(
            f"{what}: {error}",
            hint="Check that the folder is writable and has space; the documents themselves are "
            "safe and can be indexed again.",
        ) from error
