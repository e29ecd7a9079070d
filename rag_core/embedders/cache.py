"""Vectors kept on the disk, so that no text is embedded twice by the same model."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rag_core.access import require
from rag_core.embedders.cache_file import CacheFile, transaction, used_bytes
from rag_core.protocols import FloatArray, TokenVectors
from rag_core.quantized import pack, unpack

MAX_BYTES = 2**30  # on the disk; about 600,000 vectors of 384 numbers
_FRESH_SECONDS = 60.0  # an entry used this recently is not marked again: reading stays reading
_PASSAGE = "passage"
_AT_ONCE = 500  # SQLite's oldest limit of parameters is 999


@dataclass(frozen=True, slots=True)
class CacheShare:
    """What one model has in the cache: `bytes` are those of the vectors."""

    entries: int
    bytes: int


@dataclass(frozen=True, slots=True)
class CacheReport:
    """What is in the cache, and what it takes on the disk.

    `hits` and `misses` count this process's lookups since it opened.
    """

    models: Mapping[str, CacheShare]
    max_bytes: int
    file_bytes: int
    hits: int
    misses: int

    @property
    def entries(self) -> int:
        """Return how many vectors there are."""
        return sum(share.entries for share in self.models.values())

    @property
    def bytes(self) -> int:
        """Return how many bytes the vectors have; the file has some more."""
        return sum(share.bytes for share in self.models.values())


class Cache:
    """One SQLite file of bytes by fingerprint, kind and text. Threads and processes may share it.

    It holds no text, only its SHA-256. When full, what was used longest ago goes. It is never
    needed: damaged, it is made anew; on a full or read-only disk it keeps nothing; both are logged.
    `max_bytes` bounds the file; an empty one has 0.1 MB.
    """

    def __init__(
        self, path: Path, *, max_bytes: int = MAX_BYTES, clock: Callable[[], float] = time.time
    ) -> None:
        if max_bytes < 0:
            raise ValueError(f"max_bytes is at least 0, not {max_bytes}")
        self._file = CacheFile(path)
        self._max_bytes = max_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._hits = self._misses = 0

    def known(self, fingerprint: str, kind: str, texts: Sequence[str]) -> set[str]:
        """Return which texts are there. Counts as no use and as no lookup."""
        keys = {_key(fingerprint, kind, text): text for text in texts}
        found: set[str] = set()

        def read(db: sqlite3.Connection) -> None:
            for some in _portions(list(keys)):
                marks = ",".join("?" * len(some))
                rows = db.execute(f"SELECT key FROM vectors WHERE key IN ({marks})", some)
                found.update(keys[key] for (key,) in rows)

        self._file.use(read)
        return found

    # -- for those who know what the bytes are ----------------------------------------------

    def _kept(self, fingerprint: str, kind: str, texts: Sequence[str]) -> dict[str, bytes]:
        """Return what is there, by text, and mark it as used."""
        keys = {_key(fingerprint, kind, text): text for text in texts}
        found: dict[str, bytes] = {}

        def read(db: sqlite3.Connection) -> None:
            for some in _portions(list(keys)):
                marks = ",".join("?" * len(some))
                rows = db.execute(
                    f"SELECT key, vector, used FROM vectors WHERE key IN ({marks})", some
                ).fetchall()
                found.update((keys[key], kept) for key, kept, _ in rows)
                now = self._clock()
                self._touch(db, [row[0] for row in rows if now - row[2] > _FRESH_SECONDS], now)

        self._file.use(read)
        return found

    def _keep(self, fingerprint: str, kind: str, found: Mapping[str, bytes]) -> None:
        """Keep these, by text; what was kept for a text before is replaced."""
        now = self._clock()
        rows = [(_key(fingerprint, kind, text), fingerprint, kept, now)
                for text, kept in found.items()]  # fmt: skip

        def write(db: sqlite3.Connection) -> None:
            with transaction(db):
                # Not INSERT OR REPLACE, which removes the old row without the trigger
                db.executemany("DELETE FROM vectors WHERE key = ?", [row[:1] for row in rows])
                db.executemany("INSERT INTO vectors VALUES (?, ?, ?, ?)", rows)
                self._make_room(db)

        self._file.use(write)

    def _count(self, hits: int, misses: int) -> None:
        with self._lock:
            self._hits += hits
            self._misses += misses

    # -- keeping house ----------------------------------------------------------------------

    def report(self) -> CacheReport:
        """Return what is in the cache, by the fingerprint of the model."""
        models: dict[str, CacheShare] = {}

        def read(db: sqlite3.Connection) -> None:
            rows = db.execute("SELECT fingerprint, entries, bytes FROM totals ORDER BY fingerprint")
            models.update((name, CacheShare(entries, size)) for name, entries, size in rows)

        self._file.use(read)
        return CacheReport(models, self._max_bytes, self._file.size(), self._hits, self._misses)

    def clear(self, fingerprint: str | None = None) -> None:
        """Forget all vectors, or those of one model, and give the disk back.

        Raises:
            AccessError: for a viewer.
        """
        require("editor", "clear the cache of embeddings")

        def write(db: sqlite3.Connection) -> None:
            with transaction(db):
                if fingerprint is None:
                    db.execute("DELETE FROM vectors")
                else:
                    db.execute("DELETE FROM vectors WHERE fingerprint = ?", (fingerprint,))
            db.executescript("PRAGMA incremental_vacuum")  # execute() would free one page only
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

        self._file.use(write)

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        self._file.close()

    def _make_room(self, db: sqlite3.Connection) -> None:
        if used_bytes(db) <= self._max_bytes:
            return
        # A tenth more than needed, so that a full cache does not clean up at every batch
        target = self._max_bytes * 9 // 10
        while (used := used_bytes(db)) > target:
            (entries,) = db.execute("SELECT count(*) FROM vectors").fetchone()
            if not entries:
                return
            share = max(entries * (used - target) // used, entries // 50, 1)
            db.execute(
                "DELETE FROM vectors WHERE rowid IN"
                " (SELECT rowid FROM vectors ORDER BY used, rowid LIMIT ?)",
                (share,),
            )

    def _touch(self, db: sqlite3.Connection, keys: Sequence[bytes], now: float) -> None:
        # Which entry leaves first is not worth failing for
        with contextlib.suppress(sqlite3.OperationalError), transaction(db):
            db.executemany(
                "UPDATE vectors SET used = ? WHERE key = ?", [(now, key) for key in keys]
            )


class VectorCache(Cache):
    """The vectors of texts, one for each."""

    def get(
        self, fingerprint: str, kind: str, texts: Sequence[str], dimension: int
    ) -> dict[str, FloatArray]:
        """Return the vectors that are there, float32 of shape (dimension,), by text."""
        kept = self._kept(fingerprint, kind, texts)
        fitting = {text: one for text, one in kept.items() if len(one) == 4 * dimension}
        rows = np.frombuffer(b"".join(fitting.values()), dtype="<f4").reshape(-1, dimension)
        # SQLite does not notice a flipped bit in a page; the length of the vector does
        whole = np.abs(np.linalg.norm(rows.astype(np.float64), axis=1) - 1) < 1e-3
        found: dict[str, FloatArray] = {
            text: vector.astype(np.float32)
            for text, vector, good in zip(fitting, rows, whole, strict=True)
            if good
        }
        self._count(len(found), len(set(texts)) - len(found))
        return found

    def put(self, fingerprint: str, kind: str, texts: Sequence[str], vectors: FloatArray) -> None:
        """Keep the unit vectors of some texts: float32 of shape (len(texts), dimension)."""
        distinct = dict(zip(texts, vectors, strict=True))
        rows = {text: vector.astype("<f4").tobytes() for text, vector in distinct.items()}
        self._keep(fingerprint, kind, rows)


class PassageCache(Cache):
    """The token vectors of passages, see quantized.py: 16 kB for one of 160 tokens."""

    def get(self, fingerprint: str, texts: Sequence[str]) -> dict[str, TokenVectors]:
        """Return the token vectors that are there, by text."""
        kept = self._kept(fingerprint, _PASSAGE, texts)
        found = {text: tokens for text, one in kept.items() if (tokens := unpack(one)) is not None}
        self._count(len(found), len(set(texts)) - len(found))
        return found

    def put(self, fingerprint: str, found: Mapping[str, TokenVectors]) -> None:
        """Keep the token vectors of some passages."""
        self._keep(fingerprint, _PASSAGE, {text: pack(tokens) for text, tokens in found.items()})


def _key(fingerprint: str, kind: str, text: str) -> bytes:
    digest = hashlib.sha256(f"{fingerprint}\0{kind}\0".encode())
    digest.update(text.encode("utf-8", "surrogatepass"))
    return digest.digest()


def _portions(keys: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(keys), _AT_ONCE):
        yield keys[start : start + _AT_ONCE]
