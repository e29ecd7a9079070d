"""The SQLite file under the catalog: its tables, its durability, and its errors as ours."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rag_core.errors import HomeError

FORMAT = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS collections (
    name TEXT PRIMARY KEY, fingerprint TEXT NOT NULL DEFAULT '', embedder TEXT NOT NULL DEFAULT '',
    dimension INTEGER NOT NULL DEFAULT 0, generation INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS documents (
    collection TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, sha256 TEXT NOT NULL,
    text TEXT NOT NULL, metadata TEXT NOT NULL, pages TEXT NOT NULL, notes TEXT NOT NULL,
    size INTEGER NOT NULL, chunker TEXT NOT NULL, chunks INTEGER NOT NULL, seconds REAL NOT NULL,
    added_at REAL NOT NULL, PRIMARY KEY (collection, id)
);
CREATE UNIQUE INDEX IF NOT EXISTS documents_name ON documents (collection, name);
CREATE INDEX IF NOT EXISTS documents_sha256 ON documents (sha256);
CREATE TABLE IF NOT EXISTS chunks (
    collection TEXT NOT NULL, id TEXT NOT NULL, document_id TEXT NOT NULL,
    position INTEGER NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL,
    metadata TEXT NOT NULL, PRIMARY KEY (collection, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS chunks_document ON chunks (collection, document_id, position);
CREATE TABLE IF NOT EXISTS uploads (
    id INTEGER PRIMARY KEY AUTOINCREMENT, collection TEXT NOT NULL, name TEXT NOT NULL,
    sha256 TEXT NOT NULL, size INTEGER NOT NULL, accepted_at REAL NOT NULL, document TEXT
);
CREATE TABLE IF NOT EXISTS unwanted (
    collection TEXT NOT NULL, chunk_id TEXT NOT NULL, PRIMARY KEY (collection, chunk_id)
) WITHOUT ROWID;
"""


class Database:
    """One SQLite file. Thread-safe; other processes may read beside it.

    Raises:
        HomeError: when the file is damaged, has another format, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        try:
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._db.row_factory = sqlite3.Row
            self._db.execute("PRAGMA busy_timeout = 10000")
            self._db.execute("PRAGMA journal_mode = WAL")
            # FULL: a commit is on the disk when it returns, so that what was said is kept
            self._db.execute("PRAGMA synchronous = FULL")
            self._prepare()
        except sqlite3.DatabaseError as error:
            raise HomeError(
                f"The catalog {path} cannot be read: {error}.",
                hint="If it is damaged, restore a backup, or move it away and add the documents "
                "again. Nothing was changed.",
            ) from error

    def _prepare(self) -> None:
        found = self._db.execute("PRAGMA user_version").fetchone()[0]
        if found not in (0, FORMAT):
            raise HomeError(
                f"{self._path} has format {found}; this version reads format {FORMAT}.",
                hint="Update Ragscope, or set RAGSCOPE_HOME to another folder.",
            )
        if found == 0:
            self._db.executescript(_SCHEMA)
            self._db.execute(f"PRAGMA user_version = {FORMAT}")

    def close(self) -> None:
        """Close the file; it cannot be used afterwards."""
        with self._lock:
            self._db.close()

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:  # noqa: ANN401
        """Run a query and return all its rows."""
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run what is inside as one durable step: all of it, or nothing."""
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
                self._db.execute("COMMIT")
            except sqlite3.OperationalError as error:
                self._rollback()
                raise HomeError(
                    f"The catalog could not be written: {error}.",
                    hint="Free some space, or make the data folder writable, and try again.",
                ) from error
            except BaseException:
                self._rollback()
                raise

    def _rollback(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")
