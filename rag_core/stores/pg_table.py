"""The tables behind a pgvector collection, and the statements that fill one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from rag_core.datatypes import Chunk
from rag_core.protocols import FloatArray
from rag_core.stores.pg_vectors import Vector

SCHEMA = "ragscope"
SETUP = 7_210_551_331  # the key of the lock under which tables and indexes are made
COLUMNS = sql.SQL('id, document_id, position, start, "end", body, metadata')
_NEW = sql.SQL("{}, embedding").format(COLUMNS)
_REGISTER = sql.Identifier(SCHEMA, "_collections")  # no collection's name begins like this
_REPLACED = sql.SQL(", ").join(
    sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name))
    for name in ("document_id", "position", "start", "end", "body", "metadata", "embedding")
)
Db = psycopg.Connection[Any]


def set_up(
    db: Db, table: sql.Identifier, collection: str, dimension: int, fingerprint: str
) -> tuple[int, str]:
    """Make what is missing, and return the dimension and fingerprint the collection was made with.

    To be called in a transaction; two processes that do it at once wait for each other.
    """
    db.execute("SELECT pg_advisory_xact_lock(%s)", (SETUP,))
    db.execute("CREATE EXTENSION IF NOT EXISTS vector")
    db.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(SCHEMA)))
    db.execute(
        sql.SQL(
            "CREATE TABLE IF NOT EXISTS {} (name text PRIMARY KEY, "
            "dimension integer NOT NULL, fingerprint text NOT NULL)"
        ).format(_REGISTER)
    )
    row = db.execute(
        sql.SQL("SELECT dimension, fingerprint FROM {} WHERE name = %s").format(_REGISTER),
        (collection,),
    ).fetchone()
    if row is not None:
        return int(row[0]), str(row[1])
    db.execute(
        sql.SQL("INSERT INTO {} VALUES (%s, %s, %s)").format(_REGISTER),
        (collection, dimension, fingerprint),
    )
    # COLLATE "C": ids in the order of their characters, as Python sorts them
    db.execute(
        sql.SQL(
            'CREATE TABLE {} (id text COLLATE "C" PRIMARY KEY, document_id text NOT NULL, '
            'position bigint NOT NULL, start bigint NOT NULL, "end" bigint NOT NULL, '
            "body text NOT NULL, metadata jsonb NOT NULL, embedding vector({}) NOT NULL)"
        ).format(table, sql.Literal(dimension))
    )
    db.execute(sql.SQL("CREATE INDEX ON {} (document_id)").format(table))
    return dimension, fingerprint


def drop(db: Db, table: sql.Identifier, collection: str) -> None:
    """Remove a collection; to be called in a transaction."""
    db.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(table))
    db.execute(sql.SQL("DELETE FROM {} WHERE name = %s").format(_REGISTER), (collection,))


def upsert(db: Db, table: sql.Identifier, chunks: Sequence[Chunk], vectors: FloatArray) -> None:
    """Insert or replace chunks of different ids, in order; to be called in a transaction."""
    db.execute(sql.SQL("CREATE TEMP TABLE arriving (LIKE {}) ON COMMIT DROP").format(table))
    into = sql.SQL("COPY arriving ({}) FROM STDIN (FORMAT BINARY)").format(_NEW)
    with db.cursor() as cursor, cursor.copy(into) as copy:
        copy.set_types(["text", "text", "int8", "int8", "int8", "text", "jsonb", "vector"])
        for chunk, vector in zip(chunks, vectors, strict=True):
            copy.write_row(
                (
                    chunk.id, chunk.document_id, chunk.index, chunk.start, chunk.end,
                    chunk.text, Jsonb(dict(chunk.metadata)), Vector(vector),
                )
            )  # fmt: skip
    db.execute(
        sql.SQL(
            "INSERT INTO {} ({}) SELECT {} FROM arriving ORDER BY id "
            "ON CONFLICT (id) DO UPDATE SET {}"
        ).format(table, _NEW, _NEW, _REPLACED)
    )
