"""Answers without a chat model: the sentences that answer best, quoted exactly."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag_core.datatypes import Prompt, Span
from rag_core.generators.answerable import is_answered, read_closely
from rag_core.generators.asked import Asked
from rag_core.generators.evidence import Evidence, by_score, evidence, telling
from rag_core.generators.quotable import leans
from rag_core.late_interaction import TokenCache
from rag_core.prompts import NOT_FOUND
from rag_core.reader import Reader, shared_reader
from rag_core.terms import terms

SENTENCES = 3
FAR_BEHIND = 3.9  # what scores so much less than the best adds no answer; see thresholds.py
NEAREST = " The nearest they say:"
_PIECES = re.compile(r"\S+\s*|\s+")


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence of a source, and how well it answers (higher is better)."""

    number: int
    span: Span
    text: str
    score: float


class ExtractiveGenerator:
    """Quotes the sentences that answer best, or says that none does.

    Each sentence is read with its chunk, and those that come near with their document's name (see
    `evidence`), so that "it was built in 1889" is found by the name of what was built. Those that
    match best are read together with the question, which has a say in what is quoted and in
    whether it answers (see `answerable`).
    """

    name = "extractive"

    def __init__(self, tokens: TokenCache, reader: Reader | None = None) -> None:
        self._tokens = tokens
        self._reader = reader or shared_reader()

    def stream(self, prompt: Prompt) -> Iterator[str]:
        """Yield the quoted sentences word by word, each followed by its `[n]`.

        When they do not seem to answer, the plain "not found" sentence comes first, and they follow
        as the nearest there is; when there are none, it stands alone.
        """
        quotes, answered = self._read(prompt)
        if not answered:
            yield NOT_FOUND
            if quotes:
                yield NEAREST
        for place, quote in enumerate(quotes):
            yield "\n\n“" if place or not answered else "“"
            yield from _PIECES.findall(quote.text)
            yield f"” [{quote.number}]"

    def quotes(self, prompt: Prompt) -> list[Quote]:
        """Return the best sentences of the sources, see `chosen`; none when nothing answers."""
        quotes, answered = self._read(prompt)
        return quotes if answered else []

    def _read(self, prompt: Prompt) -> tuple[list[Quote], bool]:
        asked = Asked.read(prompt.question, self._tokens)
        found = evidence(asked, prompt.sources, self._tokens)
        found = read_closely(asked, found, prompt.sources, self._reader)
        best = chosen(found)
        quotes = [Quote(one.number, one.span, one.text, one.score) for one in best]
        return quotes, bool(best) and is_answered(asked, found, prompt.sources)


def chosen(sentences: Sequence[Evidence]) -> list[Evidence]:
    """Return the best of them, at most SENTENCES, fewer when the first stands out.

    One that begins with a pronoun and comes first brings the one before it along. A heading names
    the subject and answers nothing: it is taken only where there is nothing else.
    """
    taken: list[Evidence] = []
    for sentence in by_score(telling(sentences)):
        far = bool(taken) and sentence.score < taken[0].score - FAR_BEHIND
        if far or len(taken) >= SENTENCES:
            break
        _take(taken, sentence)
        if len(taken) == 1 and leans(sentence.text):
            for other in sentences:
                if (other.number, other.place) == (sentence.number, sentence.place - 1):
                    _take(taken, other)
    return taken


def _take(taken: list[Evidence], sentence: Evidence) -> None:
    # Overlapping chunks hold the same sentence twice, and manuals say the same thing twice.
    said = terms(sentence.text)
    if not any(sentence.span.overlaps(one.span) or terms(one.text) == said for one in taken):
        taken.append(sentence)
