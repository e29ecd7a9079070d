"""FAISS in memory, over a SQLite file that keeps chunks and vectors."""

from __future__ import annotations

import json
import math
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np

from rag_core.datatypes import Chunk, SearchHit
from rag_core.errors import SettingsError, StoreError
from rag_core.filters import checked
from rag_core.protocols import FloatArray, Where
from rag_core.stores.common import (
    PLACE,
    check_query,
    check_vectors,
    only_known,
    pages,
    take_options,
)
from rag_core.stores.faiss_file import ChunkFile, errors_as_ours
from rag_core.stores.faiss_rows import IndexOptions, Packed, Rows
from rag_core.stores.health import Description

KINDS = ("flat", "ivf", "hnsw")
PAGE = 500  # ids in one statement: SQLite takes 32,766 values
_OPTIONS: dict[str, type[int] | type[str]] = {
    "index": str, "n_clusters": int, "n_probe": int, "m": int, "ef": int,
}  # fmt: skip
_NAME = re.compile(r"[A-Za-z0-9._-]{3,512}")
_UNKNOWN = -1  # the state of rows that have to be read (again)


class FaissStore:
    """One collection of a folder, by cosine similarity; exact unless told otherwise. Thread-safe.

    The database is the truth: what `upsert` acknowledged is on the disk. FAISS's index is derived
    from it, at the first query, and again when another process has written.

    The url is faiss:///folder, with `?index=ivf&n_clusters=100&n_probe=10` or
    `?index=hnsw&m=32&ef=64` for an approximate index. IVF compares with every vector until there
    are 39 a cluster; both make their index anew after something was removed, and keep it in a
    file beside the database from one opening to the next.

    Raises:
        FingerprintError: when the collection holds vectors of another model or length.
        SettingsError: for an option that is unknown or out of its range.
        StoreError: when the folder cannot be used.
    """

    def __init__(self, url: str, *, collection: str, dimension: int, fingerprint: str = "") -> None:
        parts = urlsplit(url)
        self._options = _options(parts.query)
        self._collection, self._dimension = collection, dimension
        self._lock = threading.RLock()
        self._folder = Path(url2pathname(parts.path))
        self._saved = self._folder / f"{collection}.index"
        self._rows = Rows(dimension, self._options, self._saved)
        self._generation = _UNKNOWN
        if not _NAME.fullmatch(collection):
            raise StoreError(
                f"The collection {collection!r} could not be opened: names have 3 to 512 letters "
                "(a to z), digits, dots, dashes and underscores.",
                hint="Choose another name.",
            )
        self._file = ChunkFile(self._folder, collection, dimension, fingerprint)

    def upsert(self, chunks: Sequence[Chunk], vectors: FloatArray) -> None:
        """Insert the chunks, or replace those whose id exists; durable when it returns.

        Vectors are brought to unit length.

        Raises:
            ValueError: when the number of vectors or their length is wrong, or one has no
                direction.
            StoreError: when the database refuses, for instance on a full disk.
        """
        check_vectors(chunks, vectors, self._dimension)
        unit = _unit(vectors)
        last = {chunk.id: row for row, chunk in enumerate(chunks)}  # of one id the last one counts
        places = list(last.values())
        packed = [_packed(chunks[row]) for row in places]
        values = [
            (
                chunks[row].id, chunks[row].document_id, chunks[row].text,
                json.dumps(kept), unit[row].tobytes(),
            )
            for row, kept in zip(places, packed, strict=True)
        ]  # fmt: skip
        self._write(
            "The chunks could not be stored",
            "INSERT OR REPLACE INTO chunks (collection, id, document_id, text, packed, vector) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            values,
            lambda rows: rows.add(list(last), packed, unit[places]),
        )

    def delete(self, ids: Sequence[str]) -> None:
        """Remove chunks by id; unknown ids are ignored."""
        self._write(
            "The chunks could not be removed",
            "DELETE FROM chunks WHERE collection = ? AND id = ?",
            [(id_,) for id_ in ids],
            lambda rows: rows.remove(ids),
        )

    def delete_document(self, document_id: str) -> None:
        """Remove every chunk of a document."""
        of_it = checked({"document_id": document_id})
        self._write(
            "The document's chunks could not be removed",
            "DELETE FROM chunks WHERE collection = ? AND document_id = ?",
            [(document_id,)],
            lambda rows: rows.remove(rows.ids_matching(of_it)),
        )

    def query(self, vector: FloatArray, k: int, where: Where | None = None) -> list[SearchHit]:
        """Return the k most similar chunks, score = cosine (-1 to 1), best first.

        Ties break by chunk id. Exact with a filter, and without one for the flat index.
        """
        check_query(vector, k, self._dimension)
        full = None if where is None else checked(where)
        unit = _unit_of(vector)
        with self._lock, errors_as_ours("The query failed"):
            rows = self._current()
            found = rows.nearest(unit, k, full)
            ids = [id_ for id_, _ in found]
            texts = {id_: text for page in self._pages("id, text", ids) for id_, text in page}
            # The metadata is in memory already, for the filters.
            packed = rows.packed(ids)
        known = [(id_, score) for id_, score in found if id_ in texts]
        return [
            SearchHit(_chunk(id_, texts[id_], dict(packed[id_])), rank, score, {"vector": score})
            for rank, (id_, score) in enumerate(known, start=1)
        ]

    def get(self, ids: Sequence[str]) -> list[Chunk]:
        """Return the chunks of these ids, in this order; unknown ids are left out."""
        found: dict[str, Chunk] = {}
        with errors_as_ours("The chunks could not be read"):
            for page in self._pages("id, text, packed", ids):
                found.update((row[0], _unpacked(*row)) for row in page)
        return [found[id_] for id_ in ids if id_ in found]

    def _pages(self, columns: str, ids: Sequence[str]) -> Iterator[list[Any]]:
        for page in pages(ids, PAGE):
            marks = ", ".join("?" * len(page))
            yield self._file.select(
                f"SELECT {columns} FROM chunks WHERE collection = ? AND id IN ({marks})", *page
            )

    def vectors(self, ids: Sequence[str]) -> dict[str, FloatArray]:
        """Return the vectors, float32 (dimension,), of these ids; unknown ids are left out."""
        with self._lock, errors_as_ours("The vectors could not be read"):
            return self._current().vectors(ids)

    def __iter__(self) -> Iterator[Chunk]:
        place = -1
        while True:
            with errors_as_ours("The chunks could not be read"):
                page = self._file.select(
                    "SELECT place, id, text, packed FROM chunks WHERE collection = ? "
                    "AND place > ? ORDER BY place LIMIT ?",
                    place,
                    PAGE,
                )
            if not page:
                return
            yield from (_unpacked(*row[1:]) for row in page)
            place = page[-1][0]

    def count(self) -> int:
        """Return how many chunks there are."""
        with errors_as_ours("The chunks could not be counted"):
            return int(self._file.select("SELECT count(*) FROM chunks WHERE collection = ?")[0][0])

    def describe(self) -> Description:
        """Return FAISS's version, the folder, and the index with its settings."""
        import faiss

        settings: dict[str, str | int] = {"kind": self._options.kind}
        used = {"flat": (), "ivf": ("n_clusters", "n_probe"), "hnsw": ("m", "ef")}
        settings |= {name: getattr(self._options, name) for name in used[self._options.kind]}
        return Description("FAISS", faiss.__version__, str(self._folder), settings)

    def drop(self) -> None:
        """Remove the whole collection; the store cannot be used afterwards."""
        with self._lock, errors_as_ours("The collection could not be removed"):
            self._file.remove()
            self._saved.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Let go of the folder; the store cannot be used afterwards."""
        with self._lock:
            self._file.close()
            self._rows = Rows(self._dimension, self._options, self._saved)

    def _write(
        self,
        what: str,
        statement: str,
        values: Sequence[tuple[Any, ...]],
        change: Callable[[Rows], None],
    ) -> None:
        """Commit to the database, then do the same to the rows in memory."""
        with self._lock, errors_as_ours(what):
            before = self._file.write(statement, values)
            in_step = before == self._generation
            self._generation = _UNKNOWN  # if the change fails half-way, all is read again
            if in_step:
                change(self._rows)
                self._generation = before + 1

    def _current(self) -> Rows:
        """Return the rows, read again if they are not those of the database."""
        generation = self._file.generation()
        if generation != self._generation:
            self._rows = Rows(self._dimension, self._options, self._saved)
            found = self._file.select("SELECT id, packed, vector FROM chunks WHERE collection = ?")
            vectors = np.frombuffer(b"".join(row[2] for row in found), np.float32)
            self._rows.add(
                [row[0] for row in found],
                [json.loads(row[1]) for row in found],
                vectors.reshape(len(found), self._dimension),
            )
            self._generation = generation
        return self._rows


def _options(query: str) -> IndexOptions:
    only_known(query, _OPTIONS)
    given: dict[str, Any] = take_options(query, _OPTIONS)
    options = IndexOptions(
        **{("kind" if name == "index" else name): v for name, v in given.items()}
    )
    if options.kind not in KINDS:
        raise SettingsError(
            f"FAISS has no index {options.kind!r} here.", hint=f"Known are {', '.join(KINDS)}."
        )
    if options.n_probe > options.n_clusters:
        raise SettingsError(
            f"n_probe={options.n_probe} is more than n_clusters={options.n_clusters}.",
            hint="Look into as many clusters as there are, or fewer.",
        )
    if options.m < 2:
        raise SettingsError(f"m must be at least 2, not {options.m}.", hint="32 is usual.")
    return options


def _unit(vectors: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    if not (np.isfinite(lengths).all() and lengths.all()):
        raise ValueError("a vector of zeros, or with a number that is not finite, has no direction")
    return np.ascontiguousarray(vectors / lengths, dtype=np.float32)


def _unit_of(vector: FloatArray) -> FloatArray:
    """Return one query's unit vector; what `_unit` does for many takes five times as long for one.

    Numbers of the size of an embedding's; those that overflow or vanish are left to `_unit`.
    """
    length = math.sqrt(float(vector @ vector))
    if not 1e-6 < length < 1e6:
        vector, length = _unit(vector[np.newaxis])[0], 1.0
    return np.ascontiguousarray(vector / np.float32(length), dtype=np.float32)


def _packed(chunk: Chunk) -> Packed:
    place = zip(PLACE, (chunk.document_id, chunk.index, chunk.start, chunk.end), strict=True)
    return {**chunk.metadata, **dict(place)}


def _unpacked(id_: str, text: str, packed: str) -> Chunk:
    return _chunk(id_, text, json.loads(packed))


def _chunk(id_: str, text: str, metadata: dict[str, Any]) -> Chunk:
    """Return the chunk whose place stands among this metadata, and take it out of there."""
    document_id, index, start, end = (metadata.pop(key) for key in PLACE)
    return Chunk(id_, document_id, index, start, end, text, metadata)
