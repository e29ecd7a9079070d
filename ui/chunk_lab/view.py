"""What every panel of the page is given."""

from __future__ import annotations

from dataclasses import dataclass, field

from rag_core import Document, Span
from rag_core.chunk_lab.cutting import Choice
from rag_core.protocols import IntArray
from ui.chunk_lab.places import Column


@dataclass(frozen=True, slots=True)
class View:
    """One document, cut in several ways; `mark` is where the answer to `question` stands.

    `columns[i]` belongs to `choices[i]`. `path` is the document's file, None for pasted text.
    """

    collection: str
    document: Document
    path: str | None
    tokens: IntArray = field(repr=False)
    choices: tuple[Choice, ...]
    columns: tuple[Column, ...]
    question: str
    mark: Span | None
