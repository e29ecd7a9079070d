"""What the browser is told of a text and its chunks, in its own way of counting."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rag_core.chunk_report import ChunkingReport
from rag_core.datatypes import Chunk, Document, Span

MAX_SHOWN = 600_000
"""Characters of a text that are drawn, about 100,000 words; all of it is measured."""
HINT = "Point at a chunk, or use the arrow keys; a click or Enter picks it. Select text to mark it."
_SURROGATES = re.compile("[\ud800-\udfff]")


class Utf16:
    """Turns Python's character offsets into the browser's UTF-16 ones, and back."""

    def __init__(self, text: str) -> None:
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        # units[i] is where character i begins in UTF-16; two units for each beyond the first plane
        self._units = np.concatenate(([0], np.cumsum(1 + (codes > 0xFFFF)))).astype(np.int64)

    def there(self, places: Sequence[int]) -> list[int]:
        """Return UTF-16 offsets; what lies past the text becomes its end, and -1 stays."""
        found = np.clip(np.array(places, dtype=np.int64), -1, len(self._units) - 1)
        return [int(self._units[place]) if place >= 0 else -1 for place in found]

    def back(self, place: int) -> int:
        """Return the character offset of a UTF-16 offset; inside a pair, the pair's start."""
        return int(np.searchsorted(self._units, place, side="right")) - 1


@dataclass(frozen=True, slots=True)
class Column:
    """One chunking of the text, with its measures; `title` and `size` stand above it."""

    title: str
    size: str
    chunks: tuple[Chunk, ...]
    report: ChunkingReport


def shown(text: str) -> str:
    """Return the text that is drawn: not endless, and without halves of surrogate pairs."""
    return _SURROGATES.sub("\ufffd", text[:MAX_SHOWN])


def payload(
    document: Document,
    columns: Sequence[Column],
    *,
    mark: Span | None,
    ghost: bool = False,
    reveal: int | None = None,
) -> dict[str, Any]:
    """Return everything the text map draws. `reveal` is the character to scroll to."""
    text = shown(document.text)
    units = Utf16(text)
    names = ", ".join(column.title for column in columns)
    data: dict[str, Any] = {
        "text": text,
        "label": f"{document.name}, cut by {names}. Arrow keys move from chunk to chunk.",
        "hint": HINT,
        "ghost": ghost,
        "columns": [_column(document, column, units) for column in columns],
        "mark": units.there([mark.start, mark.end]) if mark else None,
        "reveal": units.there([reveal])[0] if reveal is not None else None,
    }
    packed = json.dumps(data, ensure_ascii=True).encode()
    return {**data, "version": hashlib.sha256(packed).hexdigest()[:16]}


def note(document: Document, chunk: Chunk) -> str:
    """Return a chunk's metadata in one line: its page, and whatever its chunker noted."""
    page = document.page_at(chunk.start)
    known = ({} if page is None else {"page": page}) | dict(chunk.metadata)
    return ", ".join(f"{name}: {value}" for name, value in known.items())


def _column(document: Document, column: Column, units: Utf16) -> dict[str, Any]:
    kept = [chunk for chunk in column.chunks if chunk.start < MAX_SHOWN]
    lost = column.report.unseen[: len(kept)]
    return {
        "title": column.title,
        "size": column.size,
        "caption": f"{column.report.chunks:,} chunks, {column.report.mean:,.0f} tokens each",
        "starts": units.there([chunk.start for chunk in kept]),
        "ends": units.there([chunk.end for chunk in kept]),
        "limits": units.there([-1 if span is None else span.start for span in lost]),
        "characters": [chunk.end - chunk.start for chunk in kept],
        "tokens": list(column.report.counts[: len(kept)]),
        "notes": [note(document, chunk) for chunk in kept],
    }
