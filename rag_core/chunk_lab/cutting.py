"""One document cut in one way, by a choice that fits in a link."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from rag_core.chunkers import CHUNKERS, make_chunker
from rag_core.datatypes import Chunk, Document
from rag_core.embedders.tokenizer import ModelTokenizer, default_tokenizer
from rag_core.protocols import Chunker, Embedder

UNITS = ("characters", "words", "tokens")
SIZES: Mapping[str, tuple[int, int, int]] = {
    "characters": (100, 4000, 50),
    "words": (20, 800, 10),
    "tokens": (20, 1000, 10),
}
"""The least and the largest size offered in each unit, and the step between sizes."""
DEFAULTS: Mapping[str, tuple[int, int]] = {
    "characters": (900, 150),
    "words": (150, 25),
    "tokens": (200, 30),
}
"""Size and overlap to begin with, in each unit: all stay mostly within what the model reads."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A strategy with its size and overlap in a unit."""

    strategy: str
    size: int
    overlap: int
    unit: str = "characters"

    def __str__(self) -> str:
        return f"{self.strategy} {self.size}/{self.overlap} {self.unit}"


@dataclass(frozen=True, slots=True)
class Tools:
    """The objects that do the work of some strategies: a tokenizer, and a model for "semantic"."""

    tokenizer: ModelTokenizer = field(default_factory=default_tokenizer)
    embedder: Embedder | None = None


def needs_model(strategy: str) -> bool:
    """Return whether the strategy embeds sentences to find its cuts."""
    return "embedder" in _fields(strategy)


def settings_of(choice: Choice) -> dict[str, Any]:
    """Return the parameters of `make_chunker` for a choice; a strategy gets what it knows of it."""
    wanted = {"size": choice.size, "overlap": choice.overlap, "unit": choice.unit}
    known = _fields(choice.strategy)
    return {name: value for name, value in wanted.items() if name in known}


def chunker_of(choice: Choice, tools: Tools) -> Chunker:
    """Make the chunker of a choice.

    Raises:
        ValueError: for an unknown strategy, or an overlap that is not smaller than the size.
    """
    known = _fields(choice.strategy)
    objects = {"tokenizer": tools.tokenizer, "embedder": tools.embedder}
    wanted = {name: tool for name, tool in objects.items() if name in known and tool is not None}
    return make_chunker(choice.strategy, **settings_of(choice), **wanted)


def cut(document: Document, choice: Choice, tools: Tools) -> tuple[Chunk, ...]:
    """Return the document's chunks by this choice, in reading order."""
    return tuple(chunker_of(choice, tools).chunk(document))


def fitting(choice: Choice) -> Choice:
    """Return the choice with an overlap that leaves room for new text: at most half the size."""
    return dataclasses.replace(choice, overlap=max(0, min(choice.overlap, choice.size // 2)))


@lru_cache
def _fields(strategy: str) -> frozenset[str]:
    kind: Any = CHUNKERS.get(strategy)
    if kind is None:  # make_chunker says which ones are known
        make_chunker(strategy)
    return frozenset(f.name for f in dataclasses.fields(kind))
