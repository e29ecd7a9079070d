"""Cutting documents into chunks: one file a strategy, made by name."""

from __future__ import annotations

import dataclasses
from typing import Any

from rag_core.chunkers.base import Strategy, check_known
from rag_core.chunkers.fixed import FixedChunker
from rag_core.chunkers.markdown import MarkdownChunker
from rag_core.chunkers.paragraph import ParagraphChunker
from rag_core.chunkers.recursive import RecursiveChunker
from rag_core.chunkers.semantic import SemanticChunker
from rag_core.chunkers.sentence import SentenceChunker
from rag_core.protocols import Chunker

CHUNKERS: dict[str, type[Strategy]] = {
    "recursive": RecursiveChunker,
    "fixed": FixedChunker,
    "sentence": SentenceChunker,
    "paragraph": ParagraphChunker,
    "semantic": SemanticChunker,
    "markdown": MarkdownChunker,
}
"""Every strategy by its name, the default first."""


def make_chunker(strategy: str, **params: Any) -> Chunker:  # noqa: ANN401
    """Make a chunker by the name of its strategy, a key of CHUNKERS.

    Raises:
        ValueError: for an unknown strategy or parameter, with the known ones, and for a value
            that cannot work, with the numbers that contradict each other.
    """
    check_known("chunking strategy", strategy, CHUNKERS)
    kind = CHUNKERS[strategy]
    known = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    for name in params:
        check_known(f"parameter of the {strategy} strategy", name, known)
    chunker: Chunker = kind(**params)  # type: ignore[assignment]
    return chunker
