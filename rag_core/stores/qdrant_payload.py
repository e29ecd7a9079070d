"""A chunk as a Qdrant payload, and metadata filters as Qdrant conditions.

Qdrant compares whole numbers, fractions and text in three different ways, and reads a field's name
as a path. So every field is kept three times under a plain name: as it is in `metadata`, to be read
back; as a text that is equal exactly when the values are, for $eq and its kin; and, if it is a
number, as a number for $gt and its kin. Qdrant compares those as 64-bit floats: whole numbers
beyond 2**53 are ordered only as closely as that.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from qdrant_client import models

from rag_core.datatypes import Chunk
from rag_core.stores.common import PLACE

READ = ["id", "text", "metadata", *PLACE]
_PLAIN = re.compile(r"[A-Za-z0-9_]{1,60}")
_SPACE = uuid.UUID("6f0c3f0e-6d1e-5c7e-9a53-2d2f0b6a7c11")  # any fixed one will do
_RANGE = {"$gt": "gt", "$gte": "gte", "$lt": "lt", "$lte": "lte"}


def point_id(chunk_id: str) -> str:
    """Return the UUID that stands for a chunk's id: Qdrant takes no other text."""
    return str(uuid.uuid5(_SPACE, chunk_id))


def payload(chunk: Chunk) -> dict[str, Any]:
    """Return what is stored beside a chunk's vector."""
    place = place_of(chunk)
    packed: dict[str, Any] = {
        "id": chunk.id,
        "text": chunk.text,
        "metadata": dict(chunk.metadata),
        **place,
    }
    for name, value in {**chunk.metadata, **place}.items():
        packed[_field("eq", name)] = token(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            packed[_field("num", name)] = value
    return packed


def chunk_of(packed: Mapping[str, Any]) -> Chunk:
    """Return the chunk that was packed."""
    return Chunk(
        packed["id"],
        packed["document_id"],
        packed["index"],
        packed["start"],
        packed["end"],
        packed["text"],
        packed["metadata"],
    )


def place_of(chunk: Chunk) -> dict[str, Any]:
    """Return where the chunk stands, as filters name it."""
    return dict(zip(PLACE, (chunk.document_id, chunk.index, chunk.start, chunk.end), strict=True))


def of_document(document_id: str) -> models.Filter:
    """Return the condition that chunks of a document meet."""
    return models.Filter(must=[_in("document_id", [document_id])])


def of_ids(chunk_ids: Sequence[str]) -> models.Filter:
    """Return the condition that these chunks meet."""
    wanted: list[Any] = [point_id(id_) for id_ in chunk_ids]
    return models.Filter(must=[models.HasIdCondition(has_id=wanted)])


def condition(where: Mapping[str, Any]) -> models.Filter:
    """Return a filter that has been `checked`, and has no $contains, as Qdrant's."""
    return models.Filter(must=[_one(key, value) for key, value in where.items()])


def _one(key: str, value: Any) -> Any:  # noqa: ANN401
    if key == "$and":
        return models.Filter(must=[condition(part) for part in value])
    if key == "$or":
        return models.Filter(should=[condition(part) for part in value])
    return models.Filter(must=[_compared(key, op, operand) for op, operand in value.items()])


def _compared(key: str, op: str, operand: Any) -> Any:  # noqa: ANN401
    if op in _RANGE:
        bounds = models.Range(**{_RANGE[op]: operand})
        return models.FieldCondition(key=_field("num", key), range=bounds)
    among = _in(key, operand if op in ("$in", "$nin") else [operand])
    return models.Filter(must_not=[among]) if op in ("$ne", "$nin") else among


def _in(key: str, values: Sequence[Any]) -> models.FieldCondition:
    return models.FieldCondition(
        key=_field("eq", key), match=models.MatchAny(any=[token(value) for value in values])
    )


def _field(kind: str, name: str) -> str:
    """Return a name that Qdrant cannot take for a path: a name that is not plain goes as hex."""
    if _PLAIN.fullmatch(name):
        return f"{kind}_{name}"
    return f"{kind}-{name.encode('utf-8', 'surrogatepass').hex()}"


def token(value: str | int | float | bool) -> str:
    """Return a text that two values share exactly when equal: 1 and 1.0 do, 1 and true do not."""
    if isinstance(value, str):
        return f"s{value}"
    if isinstance(value, bool):
        return f"b{value}"
    if isinstance(value, float) and not value.is_integer():
        return f"n{value!r}"
    return f"n{int(value)}"
