"""The SQLite file under the catalog: its tables, its durability, and its errors as ours."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rag_core.errors import HomeError

FORMAT = 3
# A collection has one live index, and perhaps one that is being built and one that is kept for
# going back. Documents, chunks and unwanted ids have its key as their "collection".
_INDEXES = """
CREATE TABLE IF NOT EXISTS indexes (
    key TEXT PRIMARY KEY, collection TEXT NOT NULL, state TEXT NOT NULL,
    fingerprint TEXT NOT NULL DEFAULT '', embedder TEXT NOT NULL DEFAULT '',
    dimension INTEGER NOT NULL DEFAULT 0, chunker TEXT NOT NULL DEFAULT '', made_at REAL NOT NULL
);
"""
_SCHEMA = (
    _INDEXES
    + """
CREATE TABLE IF NOT EXISTS collections (
    name TEXT PRIMARY KEY, generation INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS documents (
    collection TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, sha256 TEXT NOT NULL,
    text TEXT NOT NULL, metadata TEXT NOT NULL, pages TEXT NOT NULL, notes TEXT NOT NULL,
    characters INTEGER NOT NULL, size INTEGER NOT NULL, chunker TEXT NOT NULL,
    chunks INTEGER NOT NULL, seconds REAL NOT NULL, added_at REAL NOT NULL,
    PRIMARY KEY (collection, id)
);
CREATE UNIQUE INDEX IF NOT EXISTS documents_name ON documents (collection, name);
CREATE INDEX IF NOT EXISTS documents_sha256 ON documents (sha256);
CREATE TABLE IF NOT EXISTS chunks (
    collection TEXT NOT NULL, id TEXT NOT NULL, document_id TEXT NOT NULL,
    position INTEGER NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL,
    metadata TEXT NOT NULL, fingerprint TEXT NOT NULL DEFAULT '',
    embedded_at REAL NOT NULL DEFAULT 0, PRIMARY KEY (collection, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS chunks_document ON chunks (collection, document_id, position);
CREATE TABLE IF NOT EXISTS uploads (
    id INTEGER PRIMARY KEY AUTOINCREMENT, collection TEXT NOT NULL, name TEXT NOT NULL,
    sha256 TEXT NOT NULL, size INTEGER NOT NULL, accepted_at REAL NOT NULL, document TEXT
);
CREATE TABLE IF NOT EXISTS unwanted (
    collection TEXT NOT NULL, chunk_id TEXT NOT NULL, PRIMARY KEY (collection, chunk_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS shared (
    collection TEXT NOT NULL, document_id TEXT NOT NULL, space TEXT NOT NULL,
    version TEXT NOT NULL, writer TEXT NOT NULL, leaving INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (collection, document_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS settings (
    collection TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (collection, key)
) WITHOUT ROWID;
"""
)

# From each older format to the next. The keys of the first indexes are their collections' names.
_MIGRATIONS = {
    2: _INDEXES
    + """
INSERT INTO indexes (key, collection, state, fingerprint, embedder, dimension, made_at)
    SELECT name, name, 'live', fingerprint, embedder, dimension, 0 FROM collections;
ALTER TABLE chunks ADD COLUMN fingerprint TEXT NOT NULL DEFAULT '';
ALTER TABLE chunks ADD COLUMN embedded_at REAL NOT NULL DEFAULT 0;
UPDATE chunks SET
    fingerprint = coalesce(
        (SELECT fingerprint FROM collections WHERE name = chunks.collection), ''),
    embedded_at = coalesce((SELECT added_at FROM documents AS d
        WHERE d.collection = chunks.collection AND d.id = chunks.document_id), 0);
ALTER TABLE collections DROP COLUMN fingerprint;
ALTER TABLE collections DROP COLUMN embedder;
ALTER TABLE collections DROP COLUMN dimension;
"""
}
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_RESTORE = (
    "It is damaged. Restore a backup of it, or move it away and add the documents again; the "
    "files themselves stay in the folder."
)
_MAKE_ROOM = "Free some space, or make the data folder writable, and try again."


@dataclass(frozen=True, slots=True)
class Layout:
    """What a file holds: its name in messages, its format's number (from 1), and its tables.

    `migrations` bring a file from each older format to the next; one that is not there is refused.
    """

    name: str
    format: int
    schema: str
    migrations: Mapping[int, str] = field(default_factory=dict, hash=False)


CATALOG = Layout("catalog", FORMAT, _SCHEMA, _MIGRATIONS)


class Database:
    """One SQLite file. Thread-safe; other processes may read beside it with `read_only`.

    `created` says that the file was not there, or empty, and has just been laid out.

    Raises:
        HomeError: when the file is damaged, has another format, or cannot be read or written.
    """

    def __init__(self, path: Path, *, read_only: bool = False, layout: Layout = CATALOG) -> None:
        self._path = path
        self._layout = layout
        self._lock = threading.RLock()
        self._closed = False
        with self._errors_as_ours():
            mode = "ro" if read_only else "rwc"
            self._db = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={mode}",
                uri=True,
                check_same_thread=False,
                isolation_level=None,
            )
        try:
            with self._errors_as_ours():
                self.created = self._prepare(read_only)
        except HomeError:
            self._db.close()
            raise

    def _prepare(self, read_only: bool) -> bool:
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA busy_timeout = 10000")
        # The format first: a file that is not ours to read must not be changed either.
        found = int(self._db.execute("PRAGMA user_version").fetchone()[0])
        older = found in self._layout.migrations
        if found not in (self._layout.format, *(() if read_only else (0,))) and not (
            older and not read_only
        ):
            raise self._refused(found, older=older)
        if read_only:
            return False
        self._db.execute("PRAGMA journal_mode = WAL")
        # FULL: a commit is on the disk when it returns, so that what was said is kept
        self._db.execute("PRAGMA synchronous = FULL")
        if older:
            self._migrate(found)
        self._db.executescript(self._layout.schema)  # a table that came after the format is added
        if found == 0:
            self._db.execute(f"PRAGMA user_version = {self._layout.format}")
        return found == 0

    def _refused(self, found: int, *, older: bool) -> HomeError:
        hint = (
            "Use the version of Ragscope that made it, or set RAGSCOPE_HOME to another folder."
            if not older
            else "Open it once for writing, with: verify. That brings it up to date."
        )
        return HomeError(
            f"{self._path} has format {found}; this version reads format {self._layout.format}.",
            hint=f"{hint} Nothing was changed.",
        )

    def _migrate(self, found: int) -> None:
        for number in range(found, self._layout.format):
            # One transaction: a crash leaves the file in the older format, whole
            self._db.executescript(
                f"BEGIN IMMEDIATE;{self._layout.migrations[number]}"
                f"PRAGMA user_version = {number + 1};COMMIT;"
            )

    def close(self) -> None:
        """Close the file; it cannot be used afterwards."""
        with self._lock:
            self._closed = True
            self._db.close()

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:  # noqa: ANN401
        """Run a query and return all its rows."""
        with self._lock, self._errors_as_ours():
            return self._db.execute(sql, values).fetchall()

    def problems(self) -> list[str]:
        """Return what SQLite finds wrong with the file; nothing when it is whole."""
        return [str(row[0]) for row in self.rows("PRAGMA quick_check") if row[0] != "ok"]

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run what is inside as one durable step: all of it, or nothing."""
        with self._lock, self._errors_as_ours():
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if not self._closed and self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _errors_as_ours(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.IntegrityError:
            raise  # a mistake of ours, and nothing a person could mend
        except sqlite3.Error as error:
            if self._closed:
                raise HomeError(
                    f"The data folder {self._path.parent} has been closed.", hint="Open it again."
                ) from error
            damaged = getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED
            raise HomeError(
                f"The {self._layout.name} {self._path} cannot be used: {error}.",
                hint=_RESTORE if damaged else _MAKE_ROOM,
            ) from error
