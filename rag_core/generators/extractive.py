"""Answers without a chat model: the sentences that answer best, quoted exactly."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag_core.datatypes import Prompt, SearchHit, Span
from rag_core.late_interaction import TokenCache, maxsim, within
from rag_core.prompts import NOT_FOUND
from rag_core.protocols import FloatArray, TokenVectors
from rag_core.relevance import ANSWERABLE, expects, support
from rag_core.sentences import sentence_spans
from rag_core.terms import terms

SENTENCES = 3
# What a score is made of, beside the MaxSim of the sentence and of its chunk. Chosen on the
# questions of benchmarks/threshold_questions.jsonl, which no test asks.
WORDS_WEIGHT = 0.1  # of the question's own words in the sentence
NEARBY_WEIGHT = 0.2  # of those in it and the sentences before and after
CHUNK_WEIGHT = 0.2  # of those in its chunk
EXPECTED_WEIGHT = 0.1  # of a number, time or name where the question asks for one
HEADING_MALUS = 0.3  # a heading names what the question is about, and answers nothing
FAR_BEHIND = 0.3  # a sentence this far below the best adds noise and no answer
_HEADING_WORDS = 12
_NO_HEADING = re.compile(r"[\d|:\n]|[.!?…。！？”\"')\]]$")
# "She was built in 1889." says who only together with the sentence before it.
_LEANS = re.compile(
    r"(?:he|she|it|they|his|her|its|their|this|these|those|of these|of those)\b", re.I
)
_PIECES = re.compile(r"\S+\s*|\s+")


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence of a source, and how well it answers (higher is better).

    `leans_on` is the sentence before one that begins with a pronoun.
    """

    number: int
    span: Span
    text: str
    score: float
    leans_on: Quote | None = None


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
        asked = self._tokens.vectors([prompt.question])[0]
        read = self._tokens.vectors([hit.chunk.text for hit in prompt.sources])
        found = max((support(prompt.question, asked, text) for text in read), default=-1.0)
        if found < ANSWERABLE:
            return []
        quotes = [
            quote
            for number, (hit, text) in enumerate(zip(prompt.sources, read, strict=True), start=1)
            for quote in _quotes(number, hit, text, asked.vectors, prompt.question)
        ]
        return _best(quotes)


def _quotes(
    number: int, hit: SearchHit, read: TokenVectors, asked: FloatArray, question: str
) -> Iterator[Quote]:
    chunk, words, expected = hit.chunk, frozenset(terms(question)), expects(question)
    spans = sentence_spans(chunk.text)
    texts = [chunk.text[start:end] for start, end in spans]
    held = [words.intersection(terms(text)) for text in texts]
    whole = words.intersection(terms(f"{chunk.text} {chunk.metadata.get('name', '')}"))
    score_of_chunk = maxsim(asked, read.vectors) + CHUNK_WEIGHT * len(whole) / max(1, len(words))
    before: Quote | None = None
    for place, ((start, end), text) in enumerate(zip(spans, texts, strict=True)):
        nearby = frozenset().union(*held[max(0, place - 1) : place + 2])
        shared = WORDS_WEIGHT * len(held[place]) + NEARBY_WEIGHT * len(nearby)
        score = score_of_chunk + maxsim(asked, within(read, start, end))
        score += shared / max(1, len(words)) - HEADING_MALUS * _is_heading(text)
        score += EXPECTED_WEIGHT * (expected is None or expected.search(text) is not None)
        span = Span(chunk.document_id, chunk.start + start, chunk.start + end)
        leans_on = before if _LEANS.match(text) else None
        before = Quote(number, span, text, score, leans_on)
        yield before


def _is_heading(text: str) -> bool:
    """Return whether a text is one short line without a number, a cell or a full stop."""
    if text.startswith("#"):
        return "\n" not in text
    return len(text.split()) <= _HEADING_WORDS and _NO_HEADING.search(text) is None


def _best(quotes: Sequence[Quote]) -> list[Quote]:
    chosen: list[Quote] = []
    for quote in sorted(quotes, key=lambda quote: (-quote.score, quote.number, quote.span.start)):
        if len(chosen) >= SENTENCES or quote.score < _floor(chosen):
            break
        _choose(chosen, quote)
        if len(chosen) == 1 and quote.leans_on:
            _choose(chosen, quote.leans_on)
    return chosen


def _choose(chosen: list[Quote], quote: Quote) -> None:
    # Overlapping chunks hold the same sentence twice.
    if not any(quote.span.overlaps(other.span) for other in chosen):
        chosen.append(quote)


def _floor(chosen: Sequence[Quote]) -> float:
    return chosen[0].score - FAR_BEHIND if chosen else float("-inf")
