"""Whole sentences, a number of them at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from rag_core.chunkers.base import TOOL, Strategy, check_size, check_whole, cut_all, walk
from rag_core.chunkers.pieces import Spans, packed, sentence_pieces
from rag_core.chunkers.separators import last_clause, last_line
from rag_core.chunkers.units import UNITS, Tokenizer
from rag_core.datatypes import Chunk, Document


@dataclass(frozen=True, kw_only=True)
class SentenceChunker(Strategy):
    """Takes `size` sentences at a time, the last `overlap` of them again in the next chunk.

    With another unit, as many whole sentences as fit into `size`. What has more than `longest`
    characters (or, with another unit, more than `size`) without a full stop is a table or code
    rather than a sentence: it is cut at lines, clauses and words, and the parts count as sentences.
    """

    name: ClassVar[str] = "sentence"
    size: int = 5
    overlap: int = 1
    unit: str = "sentences"
    longest: int = 1000
    tokenizer: Tokenizer | None = field(default=None, metadata=TOOL, compare=False, repr=False)

    def __post_init__(self) -> None:
        check_size(self.size, self.overlap, self.unit, ("sentences", *UNITS))
        check_whole("longest", self.longest, 1)

    def chunk(self, document: Document) -> list[Chunk]:
        """Return the chunks in reading order; none for a document of white space."""
        counted = self.unit == "sentences"
        unit, limit = ("characters", self.longest) if counted else (self.unit, self.size)
        path = walk(document, unit, self.tokenizer, limit, 0, (last_line, last_clause))
        pieces = sentence_pieces(path)
        if counted:
            return cut_all(document, self._counted(pieces))
        return cut_all(document, packed(pieces, path.ruler, self.size, self.overlap))

    def _counted(self, pieces: Spans) -> Iterator[tuple[int, int]]:
        for first in range(0, len(pieces), self.size - self.overlap):
            last = min(first + self.size, len(pieces)) - 1
            yield pieces[first][0], pieces[last][1]
            if last + 1 == len(pieces):  # another step would only repeat what is here
                return
