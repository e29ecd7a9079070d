"""PostgreSQL with pgvector: a table a collection, a transaction an upload.

Needs the packages in requirements-pgvector.txt. Below `index_from` chunks there is no index and the
order is exact; then the index is built once, and each query sets its own ef_search or probes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from operator import itemgetter
from typing import Any, TypeVar
from urllib.parse import urlsplit

from rag_core.datatypes import Chunk, SearchHit, content_id
from rag_core.errors import MissingDependencyError, StoreError
from rag_core.filters import checked
from rag_core.protocols import FloatArray, Where
from rag_core.stores import common
from rag_core.stores.health import Description

try:
    import psycopg
    from psycopg import sql
    from psycopg_pool import ConnectionPool, PoolTimeout
except ImportError as error:  # this file is imported when a postgresql:// url is opened
    raise MissingDependencyError("psycopg", requirements="requirements-pgvector.txt") from error

from rag_core.stores import pg_table
from rag_core.stores.pg_filters import condition
from rag_core.stores.pg_index import conninfo, index_of
from rag_core.stores.pg_vectors import Vector, register

Db = psycopg.Connection[Any]
Found = TypeVar("Found")

PAGE = 1_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]")
_WAIT = 5  # seconds: for a connection, and for a server that is not there
_CONNECTIONS = 4
_HINT_DOWN = (
    "Check that PostgreSQL runs and that the url's host, port, user and password are right."
)
_HINT = "Nothing was changed by this call; the documents are safe and can be indexed again."


class PgvectorStore:
    """One collection in a table of the schema `ragscope`, by cosine similarity. Thread-safe."""

    def __init__(self, url: str, *, collection: str, dimension: int, fingerprint: str = "") -> None:
        if not _NAME.fullmatch(collection):
            raise StoreError(
                f"PostgreSQL cannot have a collection called {collection!r}.",
                hint="Use 3 to 63 letters, digits, dots, dashes or underscores.",
            )
        self._collection = collection
        self._dimension = dimension
        self._index = index_of(url, dimension)
        self._table = sql.Identifier(pg_table.SCHEMA, collection)
        self._plain = self._searches(sql.SQL("true"), [])
        self._index_name = f"embedding_{content_id(collection)}"
        address = urlsplit(url)
        self._address = (
            f"{address.hostname or ''}{f':{address.port}' if address.port else ''}{address.path}"
        )
        info = conninfo(url)
        with _errors_as_ours("The PostgreSQL database could not be opened"):
            # By a connection of its own: one that fails says why at once.
            with psycopg.connect(info, connect_timeout=_WAIT) as db:
                kept = pg_table.set_up(db, self._table, collection, dimension, fingerprint)
            common.check_model(collection, kept, (dimension, fingerprint))
            self._pool = ConnectionPool(
                info,
                min_size=1,
                max_size=_CONNECTIONS,
                kwargs={"autocommit": True, "connect_timeout": _WAIT},
                configure=_configure,
                timeout=_WAIT,
                reconnect_timeout=_WAIT,  # then the next call tries anew, at once
                open=True,
            )
        self._indexed = self._do("The index could not be looked up", self._has_index)

    def upsert(self, chunks: Sequence[Chunk], vectors: FloatArray) -> None:
        """Insert the chunks, or replace those whose id exists: all of them, or on an error none.

        Raises:
            ValueError: when the number of vectors or their length is wrong.
            StoreError: when PostgreSQL cannot be reached or refuses.
        """
        common.check_vectors(chunks, vectors, self._dimension)
        if not chunks:
            return
        kept, rows = common.last_of_each(chunks, vectors)

        def write(db: Db) -> None:
            with db.transaction():
                pg_table.upsert(db, self._table, kept, rows)

        self._do("The chunks could not be stored", write)
        self._build_index()

    def delete(self, ids: Sequence[str]) -> None:
        """Remove chunks by id; unknown ids are ignored."""
        if ids:
            gone = sql.SQL("DELETE FROM {} WHERE id = ANY(%s)").format(self._table)
            wanted = [id_ for id_ in ids if "\0" not in id_]
            self._do("The chunks could not be removed", lambda db: db.execute(gone, (wanted,)))

    def delete_document(self, document_id: str) -> None:
        """Remove every chunk of a document."""
        gone = sql.SQL("DELETE FROM {} WHERE document_id = %s").format(self._table)
        self._do(
            "The document's chunks could not be removed",
            lambda db: db.execute(gone, (document_id,)),
        )

    def query(self, vector: FloatArray, k: int, where: Where | None = None) -> list[SearchHit]:
        """Return the k most similar chunks, score = cosine (-1 to 1), best first, ties by id.

        Exact while there is no index. Where an index gives too few, the rest may be out of its
        reach, and where the last of the k ties with the next, it chose by chance: then every vector
        is read.
        """
        common.check_query(vector, k, self._dimension)
        if where is None:
            near, every, values = self._plain
        else:
            near, every, values = self._searches(*condition(checked(where)))

        def ask(db: Db, text: bytes, limit: int) -> psycopg.Cursor[Any]:
            # Not prepared: a plan for any LIMIT takes it for a tenth of the table.
            asked = [Vector(vector), *values, limit]
            return db.execute(text, asked, prepare=False, binary=True)

        def nearest(db: Db) -> list[tuple[Any, ...]]:
            if self._indexed:
                with db.pipeline():  # one way to the server, and one transaction for both
                    db.execute(*self._index.tuning(k + 1))
                    found = ask(db, near, k + 1)
                rows = sorted(found.fetchall(), key=itemgetter(-1))  # an ivfflat's may be loose
                if len(rows) > k and rows[k - 1][-1] < rows[k][-1]:
                    return rows[:k]
            return ask(db, every, k).fetchall()

        rows = self._do("The query failed", nearest)
        return common.ranked(((_chunk(row), 1.0 - float(row[-1])) for row in rows), k)

    def get(self, ids: Sequence[str]) -> list[Chunk]:
        """Return the chunks of these ids, in this order; unknown ids are left out."""
        found = {row[0]: _chunk(row) for row in self._by_id(pg_table.COLUMNS, ids)}
        return [found[id_] for id_ in ids if id_ in found]

    def vectors(self, ids: Sequence[str]) -> dict[str, FloatArray]:
        """Return the vectors, float32 (dimension,), of these ids; unknown ids are left out."""
        return dict(self._by_id(sql.SQL("id, embedding"), ids))

    def __iter__(self) -> Iterator[Chunk]:
        page = sql.SQL("SELECT {} FROM {} WHERE id > %s ORDER BY id LIMIT %s").format(
            pg_table.COLUMNS, self._table
        )
        last = ""
        while True:
            rows = self._rows("The chunks could not be read", page, (last, PAGE))
            yield from map(_chunk, rows)
            if len(rows) < PAGE:
                return
            last = rows[-1][0]

    def count(self) -> int:
        """Return how many chunks there are."""
        number = sql.SQL("SELECT count(*) FROM {}").format(self._table)
        return int(self._rows("The chunks could not be counted", number, ())[0][0])

    def drop(self) -> None:
        """Remove the whole collection; the store cannot be used afterwards."""

        def remove(db: Db) -> None:
            with db.transaction():
                pg_table.drop(db, self._table, self._collection)

        self._do("The collection could not be removed", remove)

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def describe(self) -> Description:
        """Return PostgreSQL's and pgvector's versions, and the index as it is now."""
        ask = sql.SQL(
            "SELECT current_setting('server_version'), extversion FROM pg_extension "
            "WHERE extname = 'vector'"
        )
        server, extension = self._rows("PostgreSQL does not answer", ask, ())[0]
        state = "built" if self._indexed else "exact: no index"
        index: dict[str, str | int] = {"kind": self._index.kind, "state": state}
        index |= {"index_from": self._index.index_from, **self._index.build, **self._index.search}
        version = f"{server}, pgvector {extension}"
        return Description("PostgreSQL", version, self._address, index)

    def _searches(
        self, chosen: sql.Composable, values: list[Any]
    ) -> tuple[bytes, bytes, list[Any]]:
        """Return the statement that an index can answer, the one that reads all, their values."""

        def text(distance: str, order: str) -> bytes:
            select = sql.SQL("SELECT {}, {} AS distance FROM {} WHERE {} ORDER BY {} LIMIT %s")
            return select.format(
                pg_table.COLUMNS, sql.SQL(distance), self._table, chosen, sql.SQL(order)
            ).as_bytes(None)

        # Sorted by id as well, the index would have to read 32 rows at least. With "+ 0" the order
        # is not the index's own, and the planner cannot use it.
        near = text("embedding <=> %s", "distance")
        return near, text("(embedding <=> %s) + 0", "distance, id"), values

    # -- the index ----------------------------------------------------------------------------

    def _has_index(self, db: Db) -> bool:
        found = db.execute(
            "SELECT 1 FROM pg_indexes WHERE schemaname = %s AND indexname = %s",
            (pg_table.SCHEMA, self._index_name),
        )
        return found.fetchone() is not None

    def _build_index(self) -> None:
        if self._indexed or self._index.kind == "none" or self.count() < self._index.index_from:
            return
        name = sql.Identifier(self._index_name)

        def build(db: Db) -> None:
            with db.transaction():
                db.execute("SELECT pg_advisory_xact_lock(%s)", (pg_table.SETUP,))
                db.execute(self._index.create(name, self._table))

        self._do("The index could not be built", build)
        self._indexed = True

    # -- calls --------------------------------------------------------------------------------

    def _by_id(self, columns: sql.Composable, ids: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        chosen = sql.SQL("SELECT {} FROM {} WHERE id = ANY(%s)").format(columns, self._table)
        for page in common.pages([id_ for id_ in ids if "\0" not in id_], PAGE):
            yield from self._rows("The chunks could not be read", chosen, (list(page),))

    def _rows(self, what: str, text: sql.Composed | sql.SQL, values: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401
        return self._do(what, lambda db: db.execute(text, values, binary=True).fetchall())

    def _do(self, what: str, work: Callable[[Db], Found]) -> Found:
        """Run work on a connection; once more if the connection was found to be dead.

        Every piece of work here comes to the same when it is done twice.
        """
        with _errors_as_ours(what):
            try:
                with self._pool.connection() as db:
                    return work(db)
            except PoolTimeout:
                raise  # it has waited already
            except psycopg.OperationalError:
                self._pool.check()  # a server that came back has left dead connections here
                with self._pool.connection() as db:
                    return work(db)


def _configure(db: Db) -> None:
    register(db)
    db.execute("SET jit = off")  # compiling takes longer than any of our queries


def _chunk(row: Sequence[Any]) -> Chunk:
    return Chunk(*row[:7])


@contextmanager
def _errors_as_ours(what: str) -> Iterator[None]:
    try:
        yield
    except psycopg.OperationalError as error:
        raise StoreError(f"{what}: {_line(error)}", hint=_HINT_DOWN) from error
    # ValueError too: JSON refuses a NaN, and NumPy a number that is no float32
    except (psycopg.Error, ValueError) as error:
        raise StoreError(f"{what}: {_line(error)}", hint=_HINT) from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
