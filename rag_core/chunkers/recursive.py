"""The default strategy: as much as fits, cut at the best place near the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from rag_core.chunkers.base import TOOL, Strategy, check_known, check_size, cut_all, walk
from rag_core.chunkers.separators import SEPARATORS, Finder, literal
from rag_core.chunkers.units import Tokenizer
from rag_core.datatypes import Chunk, Document


@dataclass(frozen=True, kw_only=True)
class RecursiveChunker(Strategy):
    """Cuts at the most preferred separator in the second half of the room for new text.

    Never more than `size` units, save for a single grapheme cluster that is longer. The next chunk
    starts at the first word within the last `overlap` units.

    `separators` are tried in order: "paragraph", "line" (no wrapped prose), "sentence", "clause",
    "word", or any other text taken as it stands, such as "~~~". When none is found, a chunk ends
    between words, and where there are none, between grapheme clusters.

    900 characters stay, for prose of most European languages, within the 256 tokens that
    all-MiniLM-L6-v2 reads.
    """

    name: ClassVar[str] = "recursive"
    size: int = 900
    overlap: int = 150
    unit: str = "characters"
    separators: Sequence[str] = tuple(SEPARATORS)
    tokenizer: Tokenizer | None = field(default=None, metadata=TOOL, compare=False, repr=False)

    def __post_init__(self) -> None:
        check_size(self.size, self.overlap, self.unit)
        if isinstance(self.separators, str):
            raise ValueError(f"separators must be a list, not the text {self.separators!r}")
        object.__setattr__(self, "separators", tuple(self.separators))
        for separator in self.separators:
            _finder(separator)

    def chunk(self, document: Document) -> list[Chunk]:
        """Return the chunks in reading order; none for a document of white space."""
        finders = [_finder(separator) for separator in self.separators]
        path = walk(document, self.unit, self.tokenizer, self.size, self.overlap, finders)
        return cut_all(document, path.windows(0, len(document.text)))


def _finder(separator: str) -> Finder:
    """Return the finder of a separator's name, or of the separator itself."""
    if not isinstance(separator, str):
        raise ValueError(f"a separator must be text, not {separator!r}")
    if separator and not separator.isalpha():
        return literal(separator)
    check_known("separator", separator, SEPARATORS)
    return SEPARATORS[separator]
