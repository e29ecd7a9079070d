"""Whole paragraphs, as many as fit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from rag_core.chunkers.base import TOOL, Strategy, check_size, cut_all, walk
from rag_core.chunkers.separators import last_clause, last_line, last_paragraph
from rag_core.chunkers.units import Tokenizer
from rag_core.datatypes import Chunk, Document
from rag_core.sentences import last_sentence_break, plain_lines


@dataclass(frozen=True, kw_only=True)
class ParagraphChunker(Strategy):
    """Packs paragraphs up to `size`; one that is longer is cut between its sentences.

    Blank lines part paragraphs; in a text without any, so do the line breaks that are no wrapping
    of prose. A sentence longer than `size` is cut at a clause, a word or, at last, a grapheme.
    """

    name: ClassVar[str] = "paragraph"
    size: int = 1200
    unit: str = "characters"
    tokenizer: Tokenizer | None = field(default=None, metadata=TOOL, compare=False, repr=False)

    def __post_init__(self) -> None:
        check_size(self.size, 0, self.unit)

    def chunk(self, document: Document) -> list[Chunk]:
        """Return the chunks in reading order; none for a document of white space."""
        blank_lines = last_paragraph(plain_lines(document.text), 0, len(document.text)) >= 0
        whole = last_paragraph if blank_lines else last_line
        finders = (whole, last_sentence_break, last_clause)
        path = walk(document, self.unit, self.tokenizer, self.size, 0, finders, fill=0.0)
        return cut_all(document, path.windows(0, len(document.text)))
