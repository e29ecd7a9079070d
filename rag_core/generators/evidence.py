"""Sentences as evidence: what each sentence of the sources shares with a question, and a score.

The score is a weighted sum. The weights come from benchmarks/thresholds.py, which fits them on
questions and texts of its own (benchmarks/threshold_questions.jsonl, threshold_library/).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from rag_core.datatypes import SearchHit, Span
from rag_core.generators.kinds import AnswerKind, kind_of
from rag_core.late_interaction import TokenCache, maxsim, within
from rag_core.protocols import FloatArray, TokenVectors
from rag_core.sentences import sentence_spans
from rag_core.terms import terms

# What a sentence is scored by, and what each is worth.
WEIGHTS = {
    "in_chunk": 4.77,  # MaxSim to its tokens, read with the whole chunk around them
    "titled": 4.08,  # MaxSim to it, read behind the document's name
    "after": 3.90,  # MaxSim to it and the sentence before, read behind the document's name
    "meaning": 3.01,  # cosine to the second of these
    "meaning_after": 2.16,  # cosine to the third
    "chunk": 2.89,  # MaxSim to the whole chunk
    "words": 1.85,  # share of the question's words in it and the sentences beside it
    "kind": 0.58,  # 1 when it holds the kind of answer that is asked for
    "loose_kind": 0.37,  # the same, for kinds that nearly every text holds
    "no_kind": -0.46,  # 1 when a kind is asked for, and it holds none
    "heading": -0.76,  # 1 for a heading: it names the subject and answers nothing
    "new_words": 0.41,  # log of how many words it adds to the question, to 2.5
    "fragment": -0.57,  # 1 when the chunk's edge has cut it
    "leans": 3.22,  # how much better the sentence before fits, when this one begins with a pronoun
}
_MOST_NEW = 2.5
_TITLE_WORDS, _TITLE_LINE = 24, 10
_ENDED = re.compile(r"[.!?…。！？”\"')\];]$")
_WHOLE = '.!?…。！？"”)|'
_KEY = re.compile(r"([^\W\d][\w.\[\]]*): ")
_ROW = re.compile(r"; [^\W\d]\w*: ")
# "She was built in 1889." says who only together with the sentence before it.
_LEANS = re.compile(
    r"(?:he|she|it|they|his|her|its|their|this|these|those|of these|of those)\b", re.I
)
_PARTS_OF_NAMES = re.compile(r"[\s_-]+")


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """A sentence of a source, what it shares with the question, and how well it answers.

    Attributes:
        number: of the source, from 1.
        place: of the sentence in its chunk, from 0.
        span: where it stands in its document.
        text: the sentence, exactly.
        features: float64 of shape (len(WEIGHTS),), in the order of WEIGHTS.
        meaning: float32 (dimension,), unit length: of the sentence behind its document's name.
        meaning_after: the same with the sentence before in front of it.
    """

    number: int
    place: int
    span: Span
    text: str
    features: np.ndarray[tuple[int], np.dtype[np.float64]]
    meaning: FloatArray
    meaning_after: FloatArray

    @property
    def score(self) -> float:
        """How well it answers; higher is better, comparable within one question alone."""
        return float(self.features @ _WEIGHTS)

    def feature(self, name: str) -> float:
        """Return one of WEIGHTS' features."""
        return float(self.features[_PLACES[name]])


_WEIGHTS = np.array(list(WEIGHTS.values()))
_PLACES = {name: place for place, name in enumerate(WEIGHTS)}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, read: its token vectors (tokens, dimension), its words and its kind."""

    text: str
    vectors: FloatArray
    words: frozenset[str]
    kind: AnswerKind | None

    @classmethod
    def read(cls, question: str, tokens: TokenCache) -> Asked:
        """Read a question."""
        vectors = tokens.vectors([question])[0].vectors
        return cls(question, vectors, frozenset(terms(question)), kind_of(question))


def evidence(asked: Asked, sources: Sequence[SearchHit], tokens: TokenCache) -> list[Evidence]:
    """Return every sentence of the sources, in their order."""
    chunks = tokens.vectors([hit.chunk.text for hit in sources])
    cut = [_Cut.of(hit) for hit in sources]
    texts = [
        text for one in cut for pair in zip(one.titled, one.after, strict=True) for text in pair
    ]
    read = dict(zip(texts, tokens.vectors(texts), strict=True))
    return [
        sentence
        for number, (hit, chunk, one) in enumerate(zip(sources, chunks, cut, strict=True), start=1)
        for sentence in _sentences(asked, number, hit, chunk, one, read)
    ]


@dataclass(frozen=True, slots=True)
class _Cut:
    """A chunk's sentences: their spans in it, and the texts they are read as."""

    spans: list[tuple[int, int]]
    titled: list[str]
    after: list[str]

    @classmethod
    def of(cls, hit: SearchHit) -> _Cut:
        title = title_of(hit)
        spans = list(quotable(hit.chunk.text))
        texts = [hit.chunk.text[start:end] for start, end in spans]
        titled = [f"{title}: {text}" for text in texts]
        before = [f"{title}: {first} {text}" for first, text in pairwise(texts)]
        return cls(spans, titled, titled[:1] + before)


def _sentences(
    asked: Asked,
    number: int,
    hit: SearchHit,
    chunk: TokenVectors,
    cut: _Cut,
    read: dict[str, TokenVectors],
) -> Iterator[Evidence]:
    document, text, first = hit.chunk.document_id, hit.chunk.text, hit.chunk.start
    words = [frozenset(terms(text[start:end])) for start, end in cut.spans]
    mean = pooled(asked.vectors)
    of_chunk = maxsim(asked.vectors, chunk.vectors)
    of_titled = [maxsim(asked.vectors, read[text].vectors) for text in cut.titled]
    for place, (start, end) in enumerate(cut.spans):
        sentence = text[start:end]
        titled, after = read[cut.titled[place]].vectors, read[cut.after[place]].vectors
        meaning, meaning_after = pooled(titled), pooled(after)
        inside = within(chunk, start, end)  # nothing where the chunk is longer than the model reads
        nearby = asked.words & frozenset().union(*words[max(0, place - 1) : place + 2])
        kind, holds = asked.kind, asked.kind is not None and asked.kind.found(asked.text, sentence)
        loose = kind is not None and kind.loose
        features = {
            "in_chunk": maxsim(asked.vectors, inside if len(inside) else titled),
            "titled": of_titled[place],
            "after": maxsim(asked.vectors, after),
            "meaning": float(mean @ meaning),
            "meaning_after": float(mean @ meaning_after),
            "chunk": of_chunk,
            "words": len(nearby) / max(1, len(asked.words)),
            "kind": holds and not loose,
            "loose_kind": holds and loose,
            "no_kind": kind is not None and not holds,
            "heading": is_heading(sentence),
            "new_words": min(_MOST_NEW, math.log1p(len(words[place] - asked.words))),
            "fragment": _is_fragment(sentence, place == 0, place == len(cut.spans) - 1),
            "leans": of_titled[max(0, place - 1)] - of_titled[place] if leans(sentence) else 0.0,
        }
        values = np.array([features[name] for name in WEIGHTS], dtype=np.float64)
        span = Span(document, first + start, first + end)
        yield Evidence(number, place, span, sentence, values, meaning, meaning_after)


def pooled(vectors: FloatArray) -> FloatArray:
    """Return the unit vector of the mean of token vectors; zeros for none."""
    if not len(vectors):
        return np.zeros(vectors.shape[1:], dtype=np.float32)
    mean = vectors.mean(axis=0)
    unit: FloatArray = mean / max(float(np.linalg.norm(mean)), 1e-9)
    return unit


def telling(sentences: Sequence[Evidence]) -> Sequence[Evidence]:
    """Return the sentences that are no headings, as those answer nothing; all when all are."""
    return [one for one in sentences if not one.feature("heading")] or sentences


def title_of(hit: SearchHit) -> str:
    """Return a document's name as words: "tram-times.csv" is "tram times"."""
    return _PARTS_OF_NAMES.sub(" ", Path(str(hit.chunk.metadata.get("name", ""))).stem).strip()


def quotable(text: str) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of every sentence, with each record of a table or list by itself.

    Records are lines of `key: value; key: value`, and runs of lines `list[0].key: value` whose
    keys stand in the same place: what the loaders make of CSV and JSON.
    """
    for start, end in sentence_spans(text):
        begin, at, before = start, start, ""
        for line in text[start:end].splitlines(keepends=True):
            key = _KEY.match(line)
            if key and at > start and (_ROW.search(line) or _elsewhere(key[1], before)):
                yield begin, begin + len(text[begin:at].rstrip())
                begin = at
            before = key[1] if key else before
            at += len(line)
        yield begin, end


def _elsewhere(key: str, before: str) -> bool:
    return "." in key and bool(before) and key.rpartition(".")[0] != before.rpartition(".")[0]


def is_heading(text: str) -> bool:
    """Return whether a text is a title: short lines, without full stops, keys or cells."""
    if text.startswith("#"):
        return "\n" not in text
    lines = text.splitlines()
    if len(text.split()) > _TITLE_WORDS or "|" in text or any(map(_KEY.match, lines)):
        return False
    return all(len(x.split()) <= _TITLE_LINE and not _ENDED.search(x.rstrip()) for x in lines)


def leans(text: str) -> bool:
    """Return whether a sentence begins with a pronoun: the one before says who or what it is of."""
    return _LEANS.match(text) is not None


def _is_fragment(text: str, first: bool, last: bool) -> bool:
    cut_at_end = last and text[-1:] not in _WHOLE and ": " not in text
    return (first and text[:1].islower()) or cut_at_end
