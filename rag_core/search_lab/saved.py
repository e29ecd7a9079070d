"""Saved queries: a list to click through in a demonstration, kept with the collection."""

from __future__ import annotations

from rag_core.collection_settings import CollectionSettings

MOST = 100
_KEY = "saved_queries"


class SavedQueries:
    """One collection's saved queries, in the order they are to be shown."""

    def __init__(self, settings: CollectionSettings, collection: str) -> None:
        self._settings = settings
        self._collection = collection

    def list(self) -> list[str]:
        """Return them in order."""
        return [str(query) for query in self._settings.get(self._collection, _KEY) or []]

    def add(self, query: str) -> None:
        """Keep a query at the end of the list; one that is there already stays where it is.

        Raises:
            ValueError: for an empty query, or one more than MOST.
        """
        text = query.strip()
        if not text:
            raise ValueError("an empty query cannot be saved")
        kept = self.list()
        if text in kept:
            return
        if len(kept) >= MOST:
            raise ValueError(f"{len(kept)} queries are saved, and {MOST} are the most")
        self._settings.put(self._collection, _KEY, [*kept, text])

    def remove(self, query: str) -> None:
        """Forget a query; an unknown one is ignored."""
        kept = [text for text in self.list() if text != query]
        self._settings.put(self._collection, _KEY, kept)
