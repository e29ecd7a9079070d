"""Qdrant embedded in this process: one engine a folder, shared by whoever opens the folder."""

from __future__ import annotations

import sqlite3
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qdrant_client import QdrantClient


class Folder:
    """An embedded Qdrant. It locks its folder, and knows no threads: work under `calling`."""

    _open: dict[Path, Folder] = {}  # noqa: RUF012  # one registry for the process, on purpose
    _registry = threading.Lock()

    def __init__(self, path: Path) -> None:
        """Do not call: use `Folder.open`, which shares and counts."""
        self._path = path
        self._lock = threading.RLock()
        self._users = 0
        with self.calling():
            self.client = QdrantClient(path=str(path), force_disable_check_same_thread=True)

    @classmethod
    def open(cls, path: Path) -> Folder:
        """Open the folder, creating it if need be.

        Raises:
            RuntimeError: when another process has it open.
        """
        with cls._registry:
            if path not in cls._open:
                cls._open[path] = cls(path)
            cls._open[path]._users += 1
            return cls._open[path]

    def close(self) -> None:
        """Give the folder back; the last user's close lets other processes have it."""
        with Folder._registry:
            self._users -= 1
            if self._users == 0:
                del Folder._open[self._path]
                self.client.close()

    @contextmanager
    def calling(self) -> Iterator[None]:
        """Hold the engine while it is called."""
        with self._lock, warnings.catch_warnings():
            # It warns of collections beyond 20,000 points; our description of it says so.
            warnings.simplefilter("ignore", UserWarning)
            yield

    def group_commits(self, collection: str) -> None:
        """Let points be committed without waiting for the disk each time; `sync` waits once.

        Every point is a commit of its own here, and waiting takes up to 20 ms.
        """
        database = self._database(collection)
        if database is not None:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")

    def sync(self, collection: str) -> None:
        """Wait until everything committed so far is on the disk."""
        database = self._database(collection)
        if database is not None:
            database.execute("PRAGMA wal_checkpoint(FULL)")

    def _database(self, collection: str) -> sqlite3.Connection | None:
        """Return the SQLite file under a collection; the client has no public name for it."""
        engine = getattr(self.client, "_client", None)
        kept = getattr(engine, "collections", {}).get(collection)
        database = getattr(getattr(kept, "storage", None), "storage", None)
        return database if isinstance(database, sqlite3.Connection) else None
