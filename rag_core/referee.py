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
from typing import Literal, Self

import numpy as np

from rag_core.answers import find_markers
from rag_core.datatypes import SearchHit
from rag_core.figures import figures
from rag_core.late_interaction import maxsim
from rag_core.protocols import Embedder, TokenEmbedder
from rag_core.quotations import Quotation, quotations
from rag_core.sentences import sentence_spans
from rag_core.terms import terms

# What benchmarks/referee.py prints for sentences of the sample documents and changed ones, rounded.
SUPPORTED = 0.75
# Stricter than what it prints (0.28): less than half of a sentence in its sources is no ground.
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
    claims = [
        _Claim.of(answer, start, end, [n for at, n in cited if start <= at < end], sources)
        for start, end in _sentences(answer)
    ]
    near = _similarities([(claim.text, claim.held) for claim in claims], embedder)
    sentences = tuple(
        _checked(answer, claim, similarity, sources)
        for claim, similarity in zip(claims, near, strict=True)
    )
    return Review(sentences, quoted, _invented(answer, sources, quoted))


@dataclass(frozen=True, slots=True)
class _Claim:
    """A sentence, `answer[start:end]`, what it says, and the texts that should bear it out."""

    start: int
    end: int
    cited: tuple[int, ...]
    text: str
    held: Sequence[str]

    @classmethod
    def of(
        cls, answer: str, start: int, end: int, numbers: Sequence[int], sources: Sequence[SearchHit]
    ) -> Self:
        cited = tuple(dict.fromkeys(numbers))
        held = [sources[n - 1].chunk.text for n in cited] or [hit.chunk.text for hit in sources]
        said = _CITATION.sub("", answer[start:end]).strip(' “”«»"')
        return cls(start, end, cited, said, held)


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
    answer: str, claim: _Claim, near: float, sources: Sequence[SearchHit]
) -> CheckedSentence:
    overlap = _overlap(claim.text, claim.held)
    stray = _stray_numbers(answer, claim.start, claim.end, claim.held, sources)
    verdict = _verdict((overlap + near) / 2, stray) if claim.cited else "uncited"
    return CheckedSentence(claim.start, claim.end, verdict, claim.cited, overlap, near, stray)


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


def _similarities(
    pairs: Sequence[tuple[str, Sequence[str]]], embedder: Embedder
) -> Sequence[float]:
    """Return how near each claim comes to its texts; every text is embedded once, all in a call.

    One by one, a long answer would have its sources embedded again for each of its sentences.
    """
    asked = [pair for pair in pairs if pair[0] and pair[1]]
    if not asked:
        return [0.0] * len(pairs)
    if isinstance(embedder, TokenEmbedder):
        found = iter(_by_tokens(asked, embedder))
    else:
        found = iter(_by_sentences(asked, embedder))
    return [min(1.0, max(0.0, next(found))) if said and held else 0.0 for said, held in pairs]


def _by_tokens(
    pairs: Sequence[tuple[str, Sequence[str]]], embedder: TokenEmbedder
) -> Sequence[float]:
    texts = list(dict.fromkeys(text for said, held in pairs for text in (said, *held)))
    read = dict(zip(texts, embedder.embed_tokens(texts), strict=True))
    return [
        max(maxsim(read[said].vectors, read[text].vectors) for text in held) for said, held in pairs
    ]


def _by_sentences(
    pairs: Sequence[tuple[str, Sequence[str]]], embedder: Embedder
) -> Sequence[float]:
    parts = {
        text: [text[start:end] for start, end in sentence_spans(text)]
        for _, held in pairs
        for text in held
    }
    texts = dict.fromkeys(
        [said for said, _ in pairs] + [one for own in parts.values() for one in own]
    )
    rows = {text: row for row, text in enumerate(texts)}
    vectors = embedder.embed_documents(list(rows))
    found = []
    for said, held in pairs:
        near = [rows[part] for text in held for part in parts[text]]
        found.append(float(np.max(vectors[near] @ vectors[rows[said]], initial=0.0)))
    return found


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
