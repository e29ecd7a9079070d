"""Chunks as the model reads them: cut off after its limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rag_core.chunk_report import report
from rag_core.datatypes import Chunk
from rag_core.protocols import IntArray


def readable(chunks: Sequence[Chunk], tokens: IntArray) -> list[Chunk]:
    """Return the chunks without what stands past the model's limit; ids stay."""
    return [
        chunk
        if lost is None
        else replace(chunk, end=lost.start, text=chunk.text[: lost.start - chunk.start])
        for chunk, lost in zip(chunks, report(chunks, tokens).unseen, strict=True)
    ]
