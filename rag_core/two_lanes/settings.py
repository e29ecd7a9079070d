"""What a lane is: how it cuts, searches, reranks and answers; and which lane is called A."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rag_core.datatypes import content_id
from rag_core.rerankers import RERANKERS
from rag_core.retrieval import MODES, Mode, SearchOptions

AS_INDEXED = "as indexed"
QUOTED = "quoted"
CHUNKINGS: Mapping[str, Mapping[str, Any] | None] = {
    AS_INDEXED: None,
    "recursive, 50 words": {"name": "recursive", "size": 50, "overlap": 0, "unit": "words"},
    "recursive, 200 words": {"name": "recursive", "size": 200, "overlap": 0, "unit": "words"},
    "recursive, 500 words": {"name": "recursive", "size": 500, "overlap": 0, "unit": "words"},
    "fixed, 200 words": {"name": "fixed", "size": 200, "overlap": 0, "unit": "words"},
    "sentences": {"name": "sentence"},
    "paragraphs": {"name": "paragraph"},
    "by heading": {"name": "markdown"},
    "semantic": {"name": "semantic"},
}
"""The ways of cutting that a lane may have: a chunker's "name" and parameters, by what it is called
to people; None is the collection's index as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneSettings:
    """Everything that tells one lane from another.

    Args:
        k: how many sources, at least 1.
        mode: "vector", "keyword" or "hybrid".
        chunking: a key of CHUNKINGS.
        rerank: None or the name of a reranker; see RERANKERS.
        model: QUOTED, or what a chat model is called.

    Raises:
        ValueError: for an unknown value; the message lists the known ones.
    """

    k: int = 5
    mode: Mode = "hybrid"
    chunking: str = AS_INDEXED
    rerank: str | None = "late-interaction"
    model: str = QUOTED

    def __post_init__(self) -> None:
        if self.chunking not in CHUNKINGS:
            raise ValueError(
                f"unknown chunking {self.chunking!r}; known are {', '.join(CHUNKINGS)}"
            )
        if self.mode not in MODES:
            raise ValueError(f"unknown mode {self.mode!r}; known are {', '.join(MODES)}")
        if self.rerank is not None and self.rerank not in RERANKERS:
            raise ValueError(f"unknown reranker {self.rerank!r}; known are {', '.join(RERANKERS)}")
        if self.k < 1:
            raise ValueError(f"k must be at least 1, not {self.k}")

    @property
    def parts(self) -> tuple[str, ...]:
        """Every setting in a word or two."""
        return (
            f"k {self.k}", self.mode, self.chunking, self.rerank or "no reranker", self.model,
        )  # fmt: skip

    @property
    def label(self) -> str:
        """All of it: "k 5 · hybrid · as indexed · late-interaction · quoted"."""
        return " · ".join(self.parts)

    @property
    def options(self) -> SearchOptions:
        """How the lane searches."""
        return SearchOptions(mode=self.mode, k=self.k, rerank=self.rerank)


def distinct_labels(first: LaneSettings, second: LaneSettings) -> tuple[str, str]:
    """Return what tells the two apart: "k 3", "k 10"; two equal ones are said in full."""
    pairs = [(a, b) for a, b in zip(first.parts, second.parts, strict=True) if a != b]
    if not pairs:
        return first.label, second.label
    return " · ".join(a for a, _ in pairs), " · ".join(b for _, b in pairs)


def swapped(question: str, seed: int) -> bool:
    """Return whether the second lane is the one called A, for this question and seed.

    As good as a coin, and the same on every machine.
    """
    return int(content_id(question, str(seed)), 16) % 2 == 1
