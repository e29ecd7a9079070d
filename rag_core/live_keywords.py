"""A collection's keyword index, kept up with the catalog."""

from __future__ import annotations

import threading

from rag_core.catalog import Catalog, DocumentInfo
from rag_core.keyword import KeywordIndex


class LiveKeywords:
    """The keyword index of what is indexed now, whoever indexed it, this process or another.

    The catalog's generation says that something changed; the documents' records say what. Only
    the chunks of documents that are new, or were indexed again, are read and cut into terms.
    Thread-safe. An index once returned never changes.
    """

    def __init__(self, catalog: Catalog, collection: str) -> None:
        self._catalog = catalog
        self._collection = collection
        self._updating = threading.Lock()
        self._generation: int | None = None
        self._documents: dict[str, DocumentInfo] = {}
        self._index = KeywordIndex([])

    def current(self) -> KeywordIndex:
        """Return the index, brought up to date."""
        with self._updating:
            # Read first: what changes after this is noticed the next time.
            generation = self._catalog.generation(self._collection)
            if generation != self._generation:
                self._update()
                self._generation = generation
            return self._index

    def _update(self) -> None:
        now = {info.id: info for info in self._catalog.documents(self._collection)}
        # A record holds the time it was made: the same text under other metadata is another one.
        same = {id_ for id_, info in now.items() if self._documents.get(id_) == info}
        removed = [chunk.id for chunk in self._index if chunk.document_id not in same]
        added = [
            chunk
            for id_ in now
            if id_ not in same
            for chunk in self._catalog.document_chunks(self._collection, id_)
        ]
        self._index = self._index.updated(added, removed)
        self._documents = now
