"""A chunk as a Pinecone record, metadata filters as Pinecone's, and batches within its limits.

Pinecone's metadata is flat, and its numbers are 64-bit floats. So the metadata is kept twice: as
JSON, to be read back as it was, and field by field with `m_` before the name, to be filtered by.
Whole numbers beyond 2**53 are compared only as closely as a float holds them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rag_core.datatypes import Chunk
from rag_core.errors import StoreError
from rag_core.protocols import FloatArray
from rag_core.stores.common import PLACE

MAX_RECORDS = 1_000  # of one upsert
MAX_BYTES = 2_000_000  # of one upsert, as JSON
MAX_METADATA = 40_960  # bytes of one record's metadata
Record = dict[str, Any]


def record(chunk: Chunk, vector: FloatArray, write: int) -> Record:
    """Return a chunk as a record; `write` is when it is stored, so that it can be waited for.

    Raises:
        StoreError: when Pinecone would refuse it for its size.
    """
    place = (chunk.document_id, chunk.index, chunk.start, chunk.end)
    metadata: Record = {
        "chunk": chunk.id,
        "write": write,
        "text": chunk.text,
        "json": json.dumps(dict(chunk.metadata), ensure_ascii=False, allow_nan=False),
        **dict(zip(PLACE, place, strict=True)),
        **{f"m_{name}": value for name, value in chunk.metadata.items()},
    }
    size = len(json.dumps(metadata, ensure_ascii=False).encode())
    if size > MAX_METADATA:
        raise StoreError(
            f"A chunk with its metadata takes {size:,} bytes; Pinecone keeps {MAX_METADATA:,}.",
            hint="Cut the documents into smaller chunks, or use another store.",
        )
    return {"id": chunk.id, "values": vector.tolist(), "metadata": metadata}


def chunk_of(metadata: Mapping[str, Any]) -> Chunk:
    """Return the chunk that a record's metadata holds."""
    return Chunk(
        str(metadata["chunk"]),
        str(metadata["document_id"]),
        int(metadata["index"]),
        int(metadata["start"]),
        int(metadata["end"]),
        str(metadata["text"]),
        json.loads(metadata["json"]),
    )


def batches(records: Sequence[Record]) -> Iterator[list[Record]]:
    """Yield the records in batches that one request may hold."""
    batch: list[Record] = []
    size = 0
    for each in records:
        length = len(json.dumps(each).encode()) + 2
        if batch and (len(batch) == MAX_RECORDS or size + length > MAX_BYTES * 0.95):
            yield batch
            batch, size = [], 0
        batch.append(each)
        size += length
    if batch:
        yield batch


def condition(where: Mapping[str, Any]) -> dict[str, Any]:
    """Return a filter that has been `checked`, and has no $contains, as Pinecone's."""
    ((key, value),) = where.items()
    if key in ("$and", "$or"):
        return {key: [condition(part) for part in value]}
    field = key if key in PLACE else f"m_{key}"
    ((op, operand),) = value.items()
    compared = {field: {op: operand}}
    if op in ("$ne", "$nin"):  # a chunk without the field is not equal either
        return {"$or": [{field: {"$exists": False}}, compared]}
    return compared
