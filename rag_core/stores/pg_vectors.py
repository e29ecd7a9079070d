"""pgvector's binary format: 16 bits of length, 16 bits of nothing, then big-endian float32."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import psycopg
from psycopg.adapt import Buffer, Dumper, Loader
from psycopg.pq import Format
from psycopg.types import TypeInfo

from rag_core.protocols import FloatArray

_HEAD = struct.Struct(">HH")


class Vector:
    """A vector on its way into PostgreSQL; the type tells psycopg how to write it."""

    def __init__(self, numbers: FloatArray) -> None:
        self.numbers = numbers


class _Dumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Any) -> Buffer:  # noqa: ANN401
        numbers = np.asarray(obj.numbers)
        return _HEAD.pack(len(numbers), 0) + numbers.astype(">f4").tobytes()


class _Loader(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> FloatArray:
        return np.frombuffer(data, dtype=">f4", offset=_HEAD.size).astype(np.float32)


def register(db: psycopg.Connection[Any]) -> None:
    """Teach a connection the type `vector`; the extension must be there."""
    info = TypeInfo.fetch(db, "vector")
    if info is None:
        raise psycopg.ProgrammingError("the extension vector is not installed")
    info.register(db)
    db.adapters.register_dumper(Vector, type("VectorDumper", (_Dumper,), {"oid": info.oid}))
    db.adapters.register_loader(info.oid, _Loader)
