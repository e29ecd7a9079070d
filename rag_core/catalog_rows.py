"""The rows of the catalog as objects: what the SQL of it writes and reads."""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rag_core.datatypes import Chunk, Document


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """A row of the library: an indexed document without its text. `size` is the file's bytes."""

    id: str
    name: str
    sha256: str
    characters: int
    pages: int
    chunks: int
    size: int
    seconds: float
    added_at: float
    chunker: Mapping[str, Any] = field(default_factory=dict, hash=False)
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a chunk's vector comes from: the model's fingerprint, and when it was computed."""

    fingerprint: str
    embedded_at: float


@dataclass(frozen=True, slots=True)
class Model:
    """The embedding model of a collection: fingerprint, name, and length of its vectors."""

    fingerprint: str
    name: str
    dimension: int


def as_json(values: Mapping[str, Any]) -> str:
    """Return the values as JSON, the same text for the same values."""
    return json.dumps(dict(values), ensure_ascii=False, sort_keys=True)


def document_of(row: sqlite3.Row) -> Document:
    """Return the document of a row, with its text."""
    return Document(
        id=row["id"],
        name=row["name"],
        text=row["text"],
        metadata=json.loads(row["metadata"]),
        pages=tuple((int(start), int(end)) for start, end in json.loads(row["pages"])),
        notes=tuple(json.loads(row["notes"])),
    )


def info_of(row: sqlite3.Row) -> DocumentInfo:
    """Return what a row says of a document, without its text."""
    return DocumentInfo(
        id=row["id"],
        name=row["name"],
        sha256=row["sha256"],
        characters=row["characters"],
        pages=len(json.loads(row["pages"])),
        chunks=row["chunks"],
        size=row["size"],
        seconds=row["seconds"],
        added_at=row["added_at"],
        chunker=json.loads(row["chunker"]),
        metadata=json.loads(row["metadata"]),
        notes=tuple(json.loads(row["notes"])),
    )


def chunk_of(row: sqlite3.Row, document: Document) -> Chunk:
    """Return the chunk of a row, its text cut from the document (law 1)."""
    return Chunk(
        id=row["id"],
        document_id=document.id,
        index=row["position"],
        start=row["start"],
        end=row["end"],
        text=document.text[row["start"] : row["end"]],
        metadata=json.loads(row["metadata"]),
    )


def chunk_row(key: str, chunk: Chunk, stamp: Stamp) -> tuple[Any, ...]:
    """Return the row of a chunk in the index of this key."""
    place = (key, chunk.id, chunk.document_id, chunk.index, chunk.start, chunk.end)
    return (*place, as_json(chunk.metadata), stamp.fingerprint, stamp.embedded_at)


def free_key(db: sqlite3.Connection, collection: str) -> str:
    """Return a key for another index of a collection; no index of it ever had the same.

    A pipeline sees by the key that another index is live, and a store is named by it.
    """
    used = {row[0] for row in db.execute("SELECT key FROM indexes")}
    used |= {row[0] for row in db.execute("SELECT name FROM collections")} - {collection}
    place = (collection, "index.number")
    row = db.execute("SELECT value FROM settings WHERE collection = ? AND key = ?", place)
    numbers = itertools.count(int((row.fetchone() or [0])[0]) + 1)
    number = next(n for n in numbers if _key(collection, n) not in used)
    db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?, ?)", (*place, str(number)))
    return _key(collection, number)


def _key(collection: str, number: int) -> str:
    return collection if number == 1 else f"{collection}.{number}"
