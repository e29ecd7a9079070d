"""Records of documents in PostgreSQL: rows of one table, beside the tables of the chunks."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from rag_core.errors import MissingDependencyError, StoreError
from rag_core.stores.records import Row

try:
    import psycopg
    from psycopg import sql
    from psycopg.types.json import Jsonb
except ImportError as error:  # this file is imported when a postgresql:// url is opened
    raise MissingDependencyError("psycopg", requirements="requirements-pgvector.txt") from error

from rag_core.stores.pg_index import conninfo
from rag_core.stores.pg_table import SCHEMA, SETUP

_TABLE = sql.Identifier(SCHEMA, "_records")  # no collection's name begins like this
_WAIT = 5  # seconds: for a server that is not there
_HINT = "Check that PostgreSQL runs; what others changed is taken over once it answers."
_SPACE = "space"


class PgShelf:
    """The rows of one collection."""

    def __init__(self, url: str, *, collection: str) -> None:
        self._conninfo = conninfo(url)
        self._collection = collection
        self._lock = threading.Lock()
        self._db: psycopg.Connection[Any] | None = None
        with self._lock:
            self._connect()
        self._do(
            "INSERT INTO {} VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [(collection, _SPACE, _SPACE, Jsonb({_SPACE: uuid.uuid4().hex}))],
        )
        self._space = str(self.get([_SPACE])[_SPACE][_SPACE])

    @property
    def space(self) -> str:
        """An id that is made with the shelf."""
        return self._space

    def put(self, rows: Mapping[str, Row]) -> None:
        """Insert rows, or replace those whose id exists."""
        self._do(
            "INSERT INTO {} VALUES (%s, %s, %s, %s) "
            "ON CONFLICT (collection, id) DO UPDATE SET kind = excluded.kind, row = excluded.row",
            [(self._collection, id_, rows[id_]["kind"], Jsonb(rows[id_])) for id_ in sorted(rows)],
        )

    def get(self, ids: Sequence[str]) -> dict[str, Row]:
        """Return the rows of these ids; unknown ids are left out."""
        chosen = "SELECT id, row FROM {} WHERE collection = %s AND id = ANY(%s)"
        return dict(self._do(chosen, [(self._collection, list(ids))], read=True))

    def every(self, kind: str) -> dict[str, Row]:
        """Return all rows of a kind."""
        chosen = "SELECT id, row FROM {} WHERE collection = %s AND kind = %s"
        return dict(self._do(chosen, [(self._collection, kind)], read=True))

    def delete(self, ids: Sequence[str]) -> None:
        """Remove rows; unknown ids are ignored."""
        gone = "DELETE FROM {} WHERE collection = %s AND id = ANY(%s)"
        self._do(gone, [(self._collection, list(ids))])

    def drop(self) -> None:
        """Remove the whole shelf."""
        self._do("DELETE FROM {} WHERE collection = %s", [(self._collection,)])

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    def _connect(self) -> psycopg.Connection[Any]:
        if self._db is None or self._db.closed:
            try:
                self._db = psycopg.connect(self._conninfo, connect_timeout=_WAIT, autocommit=True)
                with self._db.transaction():
                    _set_up(self._db)
            except psycopg.Error as error:
                raise _ours(error) from error
        return self._db

    def _do(self, text: str, values: Sequence[Any], *, read: bool = False) -> list[Any]:
        """Run a statement for each of the values, in one transaction; once more on a new server.

        Every statement here comes to the same when it is done twice.
        """
        statement = sql.SQL(text).format(_TABLE)
        with self._lock:
            for again in (True, False):
                db = self._connect()
                try:
                    with db.transaction(), db.cursor() as cursor:
                        cursor.executemany(statement, values, returning=read)
                        return cursor.fetchall() if read else []
                except psycopg.OperationalError as error:
                    db.close()
                    if not again:
                        raise _ours(error) from error
                except psycopg.Error as error:
                    raise _ours(error) from error
        return []


def _set_up(db: psycopg.Connection[Any]) -> None:
    db.execute("SELECT pg_advisory_xact_lock(%s)", (SETUP,))  # two that do it at once would fail
    db.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(SCHEMA)))
    db.execute(
        sql.SQL(
            "CREATE TABLE IF NOT EXISTS {} (collection text NOT NULL, id text NOT NULL, "
            "kind text NOT NULL, row jsonb NOT NULL, PRIMARY KEY (collection, id))"
        ).format(_TABLE)
    )
    db.execute(
        sql.SQL("CREATE INDEX IF NOT EXISTS records_kind ON {} (collection, kind)").format(_TABLE)
    )


def _ours(error: Exception) -> StoreError:
    said = " ".join(str(error).split())
    return StoreError(f"The documents' records could not be reached: {said}", hint=_HINT)
