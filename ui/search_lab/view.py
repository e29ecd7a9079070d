"""What every panel of the page is given."""

from __future__ import annotations

from dataclasses import dataclass

from rag_core import SearchHit
from rag_core.search_lab.lanes import Lane
from ui.text import plain


@dataclass(frozen=True, slots=True)
class View:
    """One query, searched in several ways; only lanes that have a result are `found`."""

    collection: str
    query: str
    lanes: tuple[Lane, ...]

    @property
    def found(self) -> list[Lane]:
        """The lanes that could be searched."""
        return [lane for lane in self.lanes if lane.result is not None]

    @property
    def hybrid(self) -> Lane | None:
        """The first lane that fuses two sides, or None."""
        return next((lane for lane in self.found if lane.options.mode == "hybrid"), None)


def title(hit: SearchHit, *, limit: int = 44) -> str:
    """Return a hit's document, page and chunk number, for Markdown."""
    chunk = hit.chunk
    page = f" · p. {chunk.metadata['page']}" if "page" in chunk.metadata else ""
    return (
        f"{plain(str(chunk.metadata.get('name', '')), limit=limit)}{page} · chunk {chunk.index + 1}"
    )
