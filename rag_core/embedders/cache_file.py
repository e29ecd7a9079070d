"""The SQLite file under the embedding cache: shared, replaceable, never a reason to fail."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

log = logging.getLogger(__name__)

FORMAT = 1
# The totals are kept by triggers, so that every process sees the same and none has to count.
# Pages of 16 kB waste least on vectors of 256 to 3,072 numbers: 13 to 36 %.
_SCHEMA = f"""
PRAGMA page_size = 16384;
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
BEGIN IMMEDIATE;
CREATE TABLE vectors (
    key BLOB PRIMARY KEY, fingerprint TEXT NOT NULL, vector BLOB NOT NULL, used REAL NOT NULL
);
CREATE INDEX vectors_used ON vectors (used);
CREATE TABLE totals (
    fingerprint TEXT PRIMARY KEY, entries INTEGER NOT NULL, bytes INTEGER NOT NULL
);
CREATE TRIGGER added AFTER INSERT ON vectors BEGIN
    INSERT INTO totals VALUES (NEW.fingerprint, 1, length(NEW.vector))
    ON CONFLICT DO UPDATE SET entries = entries + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER removed AFTER DELETE ON vectors BEGIN
    UPDATE totals SET entries = entries - 1, bytes = bytes - length(OLD.vector)
    WHERE fingerprint = OLD.fingerprint;
    DELETE FROM totals WHERE fingerprint = OLD.fingerprint AND entries = 0;
END;
PRAGMA user_version = {FORMAT};
COMMIT;
"""


class CacheFile:
    """One file that threads and processes may use at the same time.

    Damaged, it is made anew; on a full or read-only disk nothing is done; both are logged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._opened: sqlite3.Connection | None = None
        self._parents: sqlite3.Connection | None = None
        self._process = os.getpid()
        self._reasons: set[str] = set()

    def size(self) -> int:
        """Return the bytes on the disk, with what is not yet written back."""
        return sum(path.stat().st_size for path in self._files() if path.exists())

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
            self._opened = None

    def _files(self) -> list[Path]:
        return [Path(f"{self._path}{end}") for end in ("", "-wal", "-shm")]

    def use(self, work: Callable[[sqlite3.Connection], None]) -> None:
        """Do the work on the file; if it is damaged, make it anew and do the work on that.

        What SQLite or the disk says against it is logged, once, and the work is left undone.
        """
        with self._lock:
            try:
                try:
                    work(self._connection())
                except sqlite3.DatabaseError as error:
                    # A damaged file is told by the class itself; those below it mean something
                    # else: OperationalError, for one, a locked file or a full disk
                    if type(error) is not sqlite3.DatabaseError:
                        raise
                    self._replace(error)
                    work(self._connection())
            except (sqlite3.Error, OSError) as error:
                if (reason := str(error)) not in self._reasons:
                    log.warning("The embedding cache %s is not used: %s.", self._path, reason)
                self._reasons.add(reason)

    def _connection(self) -> sqlite3.Connection:
        if self._process != os.getpid():
            # A connection must not be used, nor closed, on the other side of a fork
            self._parents, self._opened, self._process = self._opened, None, os.getpid()
        if self._opened is None:
            self._opened = self._open()
        return self._opened

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None, timeout=10)
        try:
            (found,) = db.execute("PRAGMA user_version").fetchone()
            if found != FORMAT:
                self._create(db)
            # NORMAL: a crash of the machine may lose the last vectors, never the file
            db.execute("PRAGMA synchronous = NORMAL")
        except sqlite3.Error:
            db.close()
            raise
        return db

    def _create(self, db: sqlite3.Connection) -> None:
        with self._alone():
            (found,) = db.execute("PRAGMA user_version").fetchone()  # another process was first?
            if found == 0:
                db.executescript(_SCHEMA)
            elif found != FORMAT:
                raise sqlite3.DatabaseError(f"it has format {found}, not {FORMAT}")

    def _replace(self, error: sqlite3.DatabaseError) -> None:
        """Make the file anew, unless another process has done so already."""
        log.warning("The embedding cache %s is damaged and starts anew: %s.", self._path, error)
        self.close()
        with self._alone():
            if not self._sound():
                for path in self._files():
                    path.unlink(missing_ok=True)

    def _sound(self) -> bool:
        try:
            with contextlib.closing(sqlite3.connect(self._path, timeout=10)) as db:
                (format_,) = db.execute("PRAGMA user_version").fetchone()
                (said,) = db.execute("PRAGMA quick_check(1)").fetchone()
                return bool(format_ == FORMAT and said == "ok")
        except sqlite3.DatabaseError:
            return False

    def _alone(self) -> FileLock:
        return FileLock(f"{self._path}.lock", timeout=10)


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Run what is inside as one step: all of it, or nothing."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def used_bytes(db: sqlite3.Connection) -> int:
    """Return how much of the file holds something; the rest is free for what comes next."""
    pages, free, size = (
        db.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)
