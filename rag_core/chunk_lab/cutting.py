"""One document cut in one way, by a choice that fits in a link."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from rag_core.chunkers import CHUNKERS, make_chunker
from rag_core.collection_settings import chunker_from
from rag_core.datatypes import Chunk, Document
from rag_core.embedders.tokenizer import ModelTokenizer, default_tokenizer
from rag_core.protocols import Chunker, Embedder

UNITS = ("characters", "words", "tokens")
SIZES: Mapping[str, tuple[int, int, int]] = {
    "characters": (100, 4000, 50),
    "words": (20, 800, 10),
    "tokens": (20, 1000, 10),
    "sentences": (1, 40, 1),
}
"""The least and the largest size offered in each unit, and the step between sizes."""
DEFAULTS: Mapping[str, tuple[int, int]] = {
    "characters": (900, 150),
    "words": (150, 25),
    "tokens": (200, 30),
    "sentences": (5, 1),
}
"""Size and overlap to begin with, in each unit: all stay mostly within what the model reads."""


SENTENCES = "sentences"
"""The sentence strategy's own unit, which no other strategy can use."""
_SMALLEST = 6  # a semantic chunk is at least a sixth of its largest size, as in its defaults


@dataclass(frozen=True, slots=True)
class Choice:
    """A strategy with its size and overlap in a unit; `method` is the semantic strategy's."""

    strategy: str
    size: int
    overlap: int
    unit: str = "characters"
    method: str = "percentile"

    @property
    def size_text(self) -> str:
        """Size and overlap in words: "900 characters, overlap 150"."""
        overlap = f", overlap {self.overlap}" if overlaps(self.strategy) else ""
        return f"{self.size:,} {self.unit}{overlap}"

    def __str__(self) -> str:
        return f"{self.strategy}, {self.size_text}"


@dataclass(frozen=True, slots=True)
class Tools:
    """The objects that do the work of some strategies: a tokenizer, and a model for "semantic"."""

    tokenizer: ModelTokenizer = field(default_factory=default_tokenizer)
    embedder: Embedder | None = None


def needs_model(strategy: str) -> bool:
    """Return whether the strategy embeds sentences to find its cuts."""
    return "embed" in _fields(strategy)


def overlaps(strategy: str) -> bool:
    """Return whether the strategy can repeat the end of a chunk in the next one."""
    return "overlap" in _fields(strategy)


def settings_of(choice: Choice) -> dict[str, Any]:
    """Return the parameters of `make_chunker` for a choice; a strategy gets what it knows of it."""
    known = _fields(choice.strategy)
    wanted: dict[str, Any] = {"size": choice.size, "overlap": choice.overlap, "unit": choice.unit}
    if "maximum" in known:
        wanted |= {"maximum": choice.size, "minimum": choice.size // _SMALLEST}
        wanted["method"] = choice.method
    return {name: value for name, value in wanted.items() if name in known}


def chunker_of(choice: Choice, tools: Tools) -> Chunker:
    """Make the chunker of a choice.

    Raises:
        ValueError: for an unknown strategy, or an overlap that is not smaller than the size.
    """
    settings = settings_of(choice)
    if tools.embedder is not None and "model" in _fields(choice.strategy):
        settings["model"] = tools.embedder.name
    return chunker_from(
        choice.strategy, settings, tokenizer=tools.tokenizer, embedder=tools.embedder
    )


def cut(document: Document, choice: Choice, tools: Tools) -> tuple[Chunk, ...]:
    """Return the document's chunks by this choice, in reading order."""
    return tuple(chunker_of(choice, tools).chunk(document))


def fitting(choice: Choice) -> Choice:
    """Return the choice with an overlap that leaves room for new text: at most half the size."""
    return dataclasses.replace(choice, overlap=max(0, min(choice.overlap, choice.size // 2)))


@lru_cache
def _fields(strategy: str) -> frozenset[str]:
    kind: Any = CHUNKERS.get(strategy)
    if kind is None:
        make_chunker(strategy)  # raises, and says which ones are known
    return frozenset(f.name for f in dataclasses.fields(kind))
