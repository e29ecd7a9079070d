"""Checks an answer against the sources it cites, sentence by sentence. No chat model is needed.

A sentence's figures are `overlap`, the share of its words that its cited sources hold, and
`similarity`, how near its meaning comes to them (MaxSim over token vectors, or else the best
cosine of a source's sentence). Their mean is judged against two thresholds. A number that no
source holds makes a sentence unsupported; one that only an uncited source holds, weak at best.
This finds what has no ground in the sources, not every wrong conclusion drawn from them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rag_core.answers import find_markers
from rag_core.datatypes import SearchHit
from rag_core.figures import figures
from rag_core.late_interaction import maxsim
from rag_core.protocols import Embedder, TokenEmbedder
from rag_core.quotations import Quotation, quotations
from rag_core.sentences import sentence_spans
from rag_core.terms import terms

# Printed by benchmarks/referee.py, from sentences of the sample documents and changed ones.
SUPPORTED = 0.75
WEAK = 0.50
Verdict = Literal["supported", "weak", "unsupported", "uncited"]
_CITATION = re.compile(r"\[(\d{1,3})\]")
_LEADING = re.compile(r"(?:\[\d{1,3}\][\s.,;]*)+")


@dataclass(frozen=True, slots=True)
class StrayNumber:
    """A number, `answer[start:end]`, in no cited source; `elsewhere`: sources that hold it."""

    start: int
    end: int
    elsewhere: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CheckedSentence:
    """A sentence, `answer[start:end]`, and how its cited sources bear it out; figures 0 to 1."""

    start: int
    end: int
    verdict: Verdict
    cited: tuple[int, ...]
    overlap: float
    similarity: float
    stray_numbers: tuple[StrayNumber, ...]


@dataclass(frozen=True, slots=True)
class InventedCitation:
    """A `[number]`, `answer[start:end]`, that is no source's."""

    start: int
    end: int
    number: int


@dataclass(frozen=True, slots=True)
class Review:
    """What the referee found; all places are offsets in the answer's text."""

    sentences: tuple[CheckedSentence, ...]
    quotations: tuple[Quotation, ...]
    invented: tuple[InventedCitation, ...]


def review(answer: str, sources: Sequence[SearchHit], embedder: Embedder) -> Review:
    """Check an answer; an uncited sentence is held against all sources, and stays "uncited".

    Raises:
        ModelError: when a hosted embedder fails.
    """
    quoted = tuple(quotations(answer, sources))
    cited = [(m.start, m.citation.number) for m in find_markers(answer, sources)]
    sentences = tuple(
        _checked(answer, start, end, [n for at, n in cited if start <= at < end], sources, embedder)
        for start, end in _sentences(answer)
    )
    return Review(sentences, quoted, _invented(answer, sources, quoted))


def _sentences(answer: str) -> list[tuple[int, int]]:
    """Return the sentences' spans; citations behind a full stop belong to what they cite."""
    spans: list[tuple[int, int]] = []
    for start, end in sentence_spans(answer):
        lead = _LEADING.match(answer, start, end) if spans else None
        if lead:
            spans[-1] = (spans[-1][0], start + len(lead[0].rstrip()))
            start = lead.end()
        if start < end:
            spans.append((start, end))
    return spans


def _checked(
    answer: str,
    start: int,
    end: int,
    numbers: Sequence[int],
    sources: Sequence[SearchHit],
    embedder: Embedder,
) -> CheckedSentence:
    cited = tuple(dict.fromkeys(numbers))
    held = [sources[n - 1].chunk.text for n in cited] or [hit.chunk.text for hit in sources]
    claim = _CITATION.sub("", answer[start:end]).strip(' “”«»"')
    overlap, near = _overlap(claim, held), _similarity(claim, held, embedder)
    stray = _stray_numbers(answer, start, end, held, sources)
    verdict = _verdict((overlap + near) / 2, stray) if cited else "uncited"
    return CheckedSentence(start, end, verdict, cited, overlap, near, stray)


def _verdict(score: float, stray: Sequence[StrayNumber]) -> Verdict:
    if score < WEAK or any(not number.elsewhere for number in stray):
        return "unsupported"
    return "weak" if stray or score < SUPPORTED else "supported"


def _overlap(claim: str, held: Sequence[str]) -> float:
    # Numbers are looked up by their value, which a word of them would not be.
    counted = {place for f in figures(claim) for place in range(f.start, f.end)}
    words = set(terms("".join(" " if n in counted else c for n, c in enumerate(claim))))
    there = set(terms("\n".join(held)))
    return len(words & there) / len(words) if words else 1.0


def _similarity(claim: str, held: Sequence[str], embedder: Embedder) -> float:
    if not claim or not held:
        return 0.0
    if isinstance(embedder, TokenEmbedder):
        said, *read = embedder.embed_tokens([claim, *held])
        best = max(maxsim(said.vectors, text.vectors) for text in read)
    else:
        parts = [text[start:end] for text in held for start, end in sentence_spans(text)]
        vectors = embedder.embed_documents([claim, *parts])
        best = float(np.max(vectors[1:] @ vectors[0], initial=0.0))
    return min(1.0, max(0.0, best))


def _stray_numbers(
    answer: str, start: int, end: int, held: Sequence[str], sources: Sequence[SearchHit]
) -> tuple[StrayNumber, ...]:
    marks = [range(*mark.span()) for mark in _CITATION.finditer(answer, start, end)]
    there = {figure.value for text in held for figure in figures(text)}
    values = [{figure.value for figure in figures(hit.chunk.text)} for hit in sources]
    return tuple(
        StrayNumber(
            start + figure.start,
            start + figure.end,
            tuple(n for n, known in enumerate(values, start=1) if figure.value in known),
        )
        for figure in figures(answer[start:end])
        if figure.value not in there and not any(start + figure.start in mark for mark in marks)
    )


def _invented(
    answer: str, sources: Sequence[SearchHit], quoted: Sequence[Quotation]
) -> tuple[InventedCitation, ...]:
    # A [3] inside what is really quoted is the source's own.
    own = [range(q.start, q.end) for q in quoted if q.label == "verbatim"]
    return tuple(
        InventedCitation(mark.start(), mark.end(), int(mark[1]))
        for mark in _CITATION.finditer(answer)
        if not 1 <= int(mark[1]) <= len(sources) and not any(mark.start() in place for place in own)
    )
