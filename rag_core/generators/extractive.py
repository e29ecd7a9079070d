"""Answers without a chat model: the sentences that answer best, quoted exactly."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag_core.datatypes import Prompt, SearchHit, Span
from rag_core.late_interaction import TokenCache, maxsim, within
from rag_core.prompts import NOT_FOUND
from rag_core.protocols import FloatArray, TokenVectors
from rag_core.sentences import sentence_spans
from rag_core.terms import terms

SENTENCES = 3
WORDS_WEIGHT = 0.2  # of the question's own words in a sentence, beside its MaxSim
# Chosen between the best chunk's MaxSim for questions that the documents answer (0.48 for the worst
# tenth of the samples' questions) and for questions on other subjects (0.45 for the best tenth).
ANSWERABLE = 0.46
HEADING_MALUS = 0.3  # a heading names what the question is about, and answers nothing
FAR_BEHIND = 0.3  # a sentence this far below the best adds noise and no answer
# One short line without a number, a cell or a full stop.
_HEADING = re.compile(r"#+ .*|(?=[^\d|:]+$)\W*(?:\w\S*[ \t]*){1,12}(?<![.!?…。！？”\"')\]])$")
_PIECES = re.compile(r"\S+\s*|\s+")


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence of a source, and how well it answers (higher is better)."""

    number: int
    span: Span
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
        """Yield the quoted sentences word by word, each followed by its `[n]`.

        Yields the plain "not found" sentence when no source fits the question.
        """
        quotes = self.quotes(prompt)
        if not quotes:
            yield NOT_FOUND
        for place, quote in enumerate(quotes):
            yield "\n\n“" if place else "“"
            yield from _PIECES.findall(quote.text)
            yield f"” [{quote.number}]"

    def quotes(self, prompt: Prompt) -> list[Quote]:
        """Return the best sentences of the sources, best first; none when nothing fits."""
        asked = self._tokens.vectors([prompt.question])[0].vectors
        read = self._tokens.vectors([hit.chunk.text for hit in prompt.sources])
        if max((maxsim(asked, text.vectors) for text in read), default=-1.0) < ANSWERABLE:
            return []
        words = frozenset(terms(prompt.question))
        quotes = [
            quote
            for number, (hit, text) in enumerate(zip(prompt.sources, read, strict=True), start=1)
            for quote in _quotes(number, hit, text, asked, words)
        ]
        return _best(quotes)


def _quotes(
    number: int, hit: SearchHit, read: TokenVectors, asked: FloatArray, words: frozenset[str]
) -> Iterator[Quote]:
    chunk = hit.chunk
    for start, end in sentence_spans(chunk.text):
        text = chunk.text[start:end]
        shared = len(words.intersection(terms(text))) / max(1, len(words))
        score = maxsim(asked, within(read, start, end)) + WORDS_WEIGHT * shared
        score -= HEADING_MALUS * bool(_HEADING.fullmatch(text))
        span = Span(chunk.document_id, chunk.start + start, chunk.start + end)
        yield Quote(number, span, text, score)


def _best(quotes: Sequence[Quote]) -> list[Quote]:
    chosen: list[Quote] = []
    for quote in sorted(quotes, key=lambda quote: (-quote.score, quote.number, quote.span.start)):
        if len(chosen) == SENTENCES or quote.score < _floor(chosen):
            break
        # Overlapping chunks hold the same sentence twice.
        if not any(quote.span.overlaps(other.span) for other in chosen):
            chosen.append(quote)
    return chosen


def _floor(chosen: Sequence[Quote]) -> float:
    return chosen[0].score - FAR_BEHIND if chosen else float("-inf")
