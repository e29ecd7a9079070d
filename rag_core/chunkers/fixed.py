"""Windows of equal size, wherever the words end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from rag_core.chunkers.base import TOOL, Strategy, check_size, cut_all, walk
from rag_core.chunkers.units import Tokenizer
from rag_core.datatypes import Chunk, Document


@dataclass(frozen=True, kw_only=True)
class FixedChunker(Strategy):
    """Cuts every `size` words, the last `overlap` of them again in the next chunk.

    With another unit, as many whole words as fit. A word is cut only when it is longer than
    `size` by itself. What a word is, `units.ruler` tells.
    """

    name: ClassVar[str] = "fixed"
    size: int = 150
    overlap: int = 25
    unit: str = "words"
    tokenizer: Tokenizer | None = field(default=None, metadata=TOOL, compare=False, repr=False)

    def __post_init__(self) -> None:
        check_size(self.size, self.overlap, self.unit)

    def chunk(self, document: Document) -> list[Chunk]:
        """Return the chunks in reading order; none for a document of white space."""
        path = walk(document, self.unit, self.tokenizer, self.size, self.overlap, ())
        return cut_all(document, path.windows(0, len(document.text)))
