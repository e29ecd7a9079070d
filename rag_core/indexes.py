"""The indexes of a collection: the live one, one being built, and one kept for going back.

An index is a model's vectors of documents cut in one way. Its key names its rows in the catalog and
its collection in the store, so that changing which key is live, one small transaction, swaps both.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from rag_core.catalog_rows import Model, as_json, free_key
from rag_core.database import Database

State = Literal["live", "building", "kept", "dropped"]


@dataclass(frozen=True, slots=True)
class IndexInfo:
    """One index: its model, how its documents were cut, and what is in it by the catalog.

    `chunker` is empty for the index a collection began with: its documents were cut as each of
    them says.
    """

    key: str
    collection: str
    state: State
    model: Model | None
    chunker: Mapping[str, Any] = field(hash=False)
    made_at: float
    documents: int
    chunks: int


class Indexes:
    """What indexes there are in one home."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, collection: str | None = None) -> list[IndexInfo]:
        """Return the indexes of one collection, or of all, the oldest first."""
        rows = self._database.rows(
            "SELECT *, (SELECT count(*) FROM documents WHERE collection = key) AS documents, "
            "(SELECT count(*) FROM chunks WHERE collection = key) AS chunks "
            "FROM indexes WHERE collection = ?1 OR ?1 IS NULL ORDER BY made_at, key",
            collection,
        )
        return [
            IndexInfo(
                key=row["key"],
                collection=row["collection"],
                state=cast(State, row["state"]),
                model=Model(row["fingerprint"], row["embedder"], row["dimension"])
                if row["fingerprint"]
                else None,
                chunker=json.loads(row["chunker"] or "{}"),
                made_at=row["made_at"],
                documents=row["documents"],
                chunks=row["chunks"],
            )
            for row in rows
        ]

    def find(self, collection: str, state: State) -> IndexInfo | None:
        """Return the collection's index of this state, or None."""
        return next((found for found in self.all(collection) if found.state == state), None)

    def fingerprints(self, key: str) -> dict[str, dict[str, int]]:
        """Return how many chunks each document has of each model, in the index of this key."""
        rows = self._database.rows(
            "SELECT document_id, fingerprint, count(*) AS chunks FROM chunks "
            "WHERE collection = ? GROUP BY document_id, fingerprint",
            key,
        )
        found: dict[str, dict[str, int]] = {}
        for row in rows:
            found.setdefault(row["document_id"], {})[row["fingerprint"]] = row["chunks"]
        return found

    def begin(self, collection: str, model: Model, chunker: Mapping[str, Any]) -> str:
        """Note an index that is to be built, and return its key."""
        with self._database.transaction() as db:
            key = free_key(db, collection)
            db.execute(
                "INSERT INTO indexes VALUES (?, ?, 'building', ?, ?, ?, ?, ?)",
                (
                    key, collection, model.fingerprint, model.name, model.dimension,
                    as_json(chunker), time.time(),
                ),
            )  # fmt: skip
        return key

    def swap(self, collection: str, key: str, settings: Mapping[str, Any]) -> None:
        """Make the index of this key the live one, and keep the one that was, in one step.

        What was kept before is dropped then. `settings` of the collection change with it.
        """
        with self._database.transaction() as db:
            for old, new in (("kept", "dropped"), ("live", "kept")):
                db.execute(
                    "UPDATE indexes SET state = ? WHERE collection = ? AND state = ? AND key != ?",
                    (new, collection, old, key),
                )
            db.execute("UPDATE indexes SET state = 'live' WHERE key = ?", (key,))
            db.executemany(
                "INSERT OR REPLACE INTO settings VALUES (?, ?, ?)",
                (
                    (collection, name, json.dumps(value, sort_keys=True))
                    for name, value in settings.items()
                ),
            )
            db.execute(
                "UPDATE collections SET generation = generation + 1 WHERE name = ?", (collection,)
            )

    def drop(self, key: str) -> None:
        """Note that an index is not wanted any more; never the live one."""
        with self._database.transaction() as db:
            db.execute(
                "UPDATE indexes SET state = 'dropped' WHERE key = ? AND state != 'live'", (key,)
            )

    def purge(self, key: str) -> None:
        """Forget a dropped index and its rows, once its store is gone."""
        with self._database.transaction() as db:
            known = "SELECT key FROM indexes WHERE key = ? AND state = 'dropped'"
            for table in ("documents", "chunks", "unwanted", "shared"):
                db.execute(f"DELETE FROM {table} WHERE collection IN ({known})", (key,))
            db.execute("DELETE FROM indexes WHERE key = ? AND state = 'dropped'", (key,))

    def retire(self, collection: str, document_ids: list[str]) -> None:
        """Remove documents from the index that is kept, so that going back brings none back."""
        kept = self.find(collection, "kept")
        if kept is None:
            return
        with self._database.transaction() as db:
            for document_id in document_ids:
                place = (kept.key, document_id)
                chosen = "FROM chunks WHERE collection = ? AND document_id = ?"
                db.execute(f"INSERT OR IGNORE INTO unwanted SELECT collection, id {chosen}", place)
                db.execute(f"DELETE {chosen}", place)
                db.execute("DELETE FROM documents WHERE collection = ? AND id = ?", place)
