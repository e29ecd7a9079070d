"""Answers without a chat model: the sentences that answer best, quoted exactly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rag_core.datatypes import Citation, Prompt, SearchHit, Span
from rag_core.late_interaction import TokenCache, within
from rag_core.prompts import NOT_FOUND
from rag_core.protocols import FloatArray
from rag_core.sentences import sentence_spans
from rag_core.terms import terms

SENTENCES = 3


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence of a source, and how well it answers (higher is better)."""

    citation: Citation
    text: str
    score: float


class ExtractiveGenerator:
    """Quotes the sentences whose tokens answer the question's tokens best.

    Each sentence is read with its chunk around it (contextual token vectors), so that "it was
    built in 1889" is found by the name of what was built.
    """

    name = "extractive"

    def __init__(self, tokens: TokenCache) -> None:
        self._tokens = tokens

    def stream(self, prompt: Prompt) -> Iterator[str]:
        """Yield the quoted sentences word by word, each followed by its `[n]`."""
        quotes = self.quotes(prompt)
        if not quotes:
            yield NOT_FOUND
        for place, quote in enumerate(quotes):
            if place:
                yield "\n\n"
            yield from _words(f"“{quote.text}”")
            yield f" [{quote.citation.number}]"

    def quotes(self, prompt: Prompt) -> list[Quote]:
        """Return the best sentences of the sources, best first; none when nothing fits."""
        asked = self._tokens.vectors([prompt.question])[0].vectors
        read = self._tokens.vectors([hit.chunk.text for hit in prompt.sources])
        wanted = set(terms(prompt.question))
        quotes = [
            quote
            for number, (hit, tokens) in enumerate(zip(prompt.sources, read, strict=True), start=1)
            for quote in _quotes(number, hit, asked, tokens, wanted)
        ]
        return _best(quotes)
