"""Sentences as evidence: what each sentence of the sources shares with a question, and a score.

How well a sentence matches is a weighted sum; the score adds what the reader says of those that
match best (see answerable.py). The weights come from benchmarks/thresholds.py, which fits them on
questions and texts of its own (benchmarks/threshold_questions.jsonl, threshold_library/).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from rag_core.datatypes import SearchHit, Span
from rag_core.generators.asked import Asked, Tokens, codes_in, lacking_names, subject_of, title_of
from rag_core.generators.quotable import is_fragment, is_heading, leans, quotable
from rag_core.late_interaction import TokenCache, maxsim, within
from rag_core.protocols import FloatArray, TokenVectors
from rag_core.terms import terms

# What a sentence is scored by, and what each is worth.
WEIGHTS = {
    "in_chunk": 2.18,  # MaxSim to its tokens, read with the whole chunk around them
    "titled": 3.83,  # MaxSim to it, read behind the document's name
    "after": 2.30,  # MaxSim to it and the sentence before, read behind the document's name
    "beside": 6.02,  # the same, of the question's words beside the subject; see `asked`
    "asking": 23.89,  # what its asking words ("who", "how many") bring to "titled"
    "small": 10.54,  # what its other function words bring to "in_chunk"
    "meaning": 4.19,  # cosine to the second of these
    "meaning_after": 1.88,  # cosine to the third
    "chunk": 0.67,  # MaxSim to the whole chunk
    "words": 0.87,  # share of the question's words in it and the sentences beside it
    "code": 5.88,  # share of the question's part numbers and such that it names
    "no_name": -1.63,  # share of the question's names that its document lacks
    "kind": 0.53,  # 1 when it holds the kind of answer that is asked for
    "loose_kind": 0.83,  # the same, for kinds that nearly every text holds
    "no_kind": -0.69,  # 1 when a kind is asked for, and it holds none
    "heading": -1.45,  # 1 for a heading: it names the subject and answers nothing
    "new_words": 0.04,  # log of how many words it adds to the question, to 2.5
    "fragment": -1.18,  # 1 when the chunk's edge has cut it
    "leans": 3.30,  # how much better the sentence before fits, when this one begins with a pronoun
}
READING = 0.65  # what the reader's log-odds count beside them
READ = 28  # sentences of all sources; past them lies less than one answer in a hundred
_MOST_NEW = 2.5


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """A sentence of a source, what it shares with the question, and how well it answers.

    Attributes:
        number: of the source, from 1.
        place: of the sentence in its chunk, from 0.
        span: where it stands in its document.
        text: the sentence, exactly.
        features: float64 of shape (len(WEIGHTS),), in the order of WEIGHTS.
        odds: the reader's log-odds that it answers; before anything is read closely, 0.
    """

    number: int
    place: int
    span: Span
    text: str
    features: np.ndarray[tuple[int], np.dtype[np.float64]]
    odds: float = 0.0

    @property
    def match(self) -> float:
        """How well its words do; higher is better. For its question's length, see answerable.py."""
        return float(self.features @ _WEIGHTS)

    @property
    def score(self) -> float:
        """How well it answers; higher is better."""
        return self.match + READING * self.odds

    def feature(self, name: str) -> float:
        """Return one of WEIGHTS' features."""
        return float(self.features[_PLACES[name]])


_WEIGHTS = np.array(list(WEIGHTS.values()))
_PLACES = {name: place for place, name in enumerate(WEIGHTS)}


def evidence(asked: Asked, sources: Sequence[SearchHit], tokens: TokenCache) -> list[Evidence]:
    """Return the sentences of the sources that are worth reading, in their order.

    All are, where there are few. Of many, those that come nearest at a first look.
    """
    if not len(asked.vectors):
        return []
    chunks = tokens.passages([hit.chunk.text for hit in sources])
    passages = [
        _Passage.of(asked, number, hit, chunk, sources)
        for number, (hit, chunk) in enumerate(zip(sources, chunks, strict=True), start=1)
    ]
    places = _worth_reading(asked, passages)
    texts = [
        text
        for passage, kept in zip(passages, places, strict=True)
        for place in kept
        for text in (passage.titled[place], passage.after[place])
    ]
    read = dict(zip(texts, tokens.vectors(texts), strict=True))
    return [
        passage.evidence(asked, place, read)
        for passage, kept in zip(passages, places, strict=True)
        for place in kept
    ]


def by_score(sentences: Sequence[Evidence]) -> list[Evidence]:
    """Return the sentences best first; ties by where they stand."""
    return sorted(sentences, key=lambda one: (-one.score, one.number, one.span.start))


def by_match(sentences: Sequence[Evidence]) -> list[Evidence]:
    """Return the sentences by how well their words do alone; ties as in `by_score`."""
    return sorted(sentences, key=lambda one: (-one.match, one.number, one.span.start))


def _worth_reading(asked: Asked, passages: Sequence[_Passage]) -> list[list[int]]:
    """Return for each passage the places of the sentences to read, in order.

    A sentence that begins with a pronoun is read with those before it, to the one that does not.
    """
    looks = sorted(
        (-passage.first_look(asked, place), passage.number, place)
        for passage in passages
        for place in range(len(passage.spans))
    )
    kept = set()
    for _, number, place in looks[:READ]:
        kept.add((number, place))
        while place and leans(passages[number - 1].sentence(place)):
            place -= 1
            kept.add((number, place))
    return [sorted(at for number, at in kept if number == one.number) for one in passages]


@dataclass(frozen=True, slots=True, eq=False)
class _Passage:
    """A source's chunk, cut into sentences, and the texts that they are read as.

    Attributes:
        number: of the source, from 1.
        hit: the source.
        chunk: its token vectors.
        spans: (start, end) of every sentence in it.
        words: the index terms of every sentence.
        titled: every sentence behind the document's name.
        after: the same with the sentence before in front of it.
        beside: which tokens of the question say what is asked of this document's subject.
        no_name: the share of the question's names that this document lacks.
    """

    number: int
    hit: SearchHit
    chunk: TokenVectors
    spans: list[tuple[int, int]]
    words: list[frozenset[str]]
    titled: list[str]
    after: list[str]
    beside: Tokens
    no_name: float

    @classmethod
    def of(
        cls,
        asked: Asked,
        number: int,
        hit: SearchHit,
        chunk: TokenVectors,
        sources: Sequence[SearchHit],
    ) -> _Passage:
        title = title_of(hit)
        spans = list(quotable(hit.chunk.text))
        texts = [hit.chunk.text[start:end] for start, end in spans]
        titled = [f"{title}: {text}" for text in texts]
        before = [f"{title}: {first} {text}" for first, text in pairwise(texts)]
        words = [frozenset(terms(text)) for text in texts]
        beside = asked.beside(subject_of(asked, hit, sources))
        no_name = lacking_names(asked, hit, sources)
        after = titled[:1] + before
        return cls(number, hit, chunk, spans, words, titled, after, beside, no_name)

    def sentence(self, place: int) -> str:
        start, end = self.spans[place]
        return self.hit.chunk.text[start:end]

    def first_look(self, asked: Asked, place: int) -> float:
        """Return how near a sentence comes, by the chunk's own tokens, which are there already.

        By its words, where the chunk is longer than the model reads. 0 to 3, and 1 for a code; less
        where the document does not hold the question's names.
        """
        told = self.shared_codes(asked, place) - self.no_name / 2
        inside = within(self.chunk, *self.spans[place])
        if not len(inside):
            return 3 * self.shared_words(asked, place) + told
        first, last = max(0, place - 1), min(len(self.spans) - 1, place + 1)
        around = within(self.chunk, self.spans[first][0], self.spans[last][1])
        wanted = asked.vectors[self.beside]
        near = maxsim(asked.vectors, inside) + maxsim(wanted, inside) + maxsim(wanted, around)
        return near + told

    def shared_words(self, asked: Asked, place: int) -> float:
        """Return the share of the question's words in a sentence and those beside it."""
        nearby = frozenset().union(*self.words[max(0, place - 1) : place + 2])
        return len(asked.words & nearby) / max(1, len(asked.words))

    def shared_codes(self, asked: Asked, place: int) -> float:
        """Return the share of the question's codes that a sentence names."""
        return len(asked.codes & codes_in(self.sentence(place))) / max(1, len(asked.codes))

    def evidence(self, asked: Asked, place: int, read: Mapping[str, TokenVectors]) -> Evidence:
        (start, end), sentence = self.spans[place], self.sentence(place)
        titled, after = read[self.titled[place]].vectors, read[self.after[place]].vectors
        inside = within(self.chunk, start, end)
        in_chunk = _best(asked, inside if len(inside) else titled)
        behind_title, behind_both = _best(asked, titled), _best(asked, after)
        kind, holds = asked.kind, asked.kind is not None and asked.kind.found(asked.text, sentence)
        loose = kind is not None and kind.loose
        lean = 0.0
        if place and leans(sentence):
            before = read[self.titled[place - 1]].vectors
            lean = maxsim(asked.vectors, before) - float(behind_title.mean())
        asked_of = pooled(asked.vectors)
        features = {
            "in_chunk": float(in_chunk.mean()),
            "titled": float(behind_title.mean()),
            "after": float(behind_both.mean()),
            "beside": float(behind_both[self.beside].mean()),
            "asking": _share(behind_title, asked.asking),
            "small": _share(in_chunk, asked.small),
            "meaning": float(asked_of @ pooled(titled)),
            "meaning_after": float(asked_of @ pooled(after)),
            "chunk": maxsim(asked.vectors, self.chunk.vectors),
            "words": self.shared_words(asked, place),
            "code": self.shared_codes(asked, place),
            "no_name": self.no_name,
            "kind": holds and not loose,
            "loose_kind": holds and loose,
            "no_kind": kind is not None and not holds,
            "heading": is_heading(sentence),
            "new_words": min(_MOST_NEW, math.log1p(len(self.words[place] - asked.words))),
            "fragment": is_fragment(sentence, place == 0, place == len(self.spans) - 1),
            "leans": lean,
        }
        values = np.array([features[name] for name in WEIGHTS], dtype=np.float64)
        document, first = self.hit.chunk.document_id, self.hit.chunk.start
        span = Span(document, first + start, first + end)
        return Evidence(self.number, place, span, sentence, values)


def _best(asked: Asked, text: FloatArray) -> FloatArray:
    """Return, for each token of the question, its best cosine to any token of the text."""
    if not len(text):
        return np.full(len(asked.vectors), -1.0, dtype=np.float32)
    best: FloatArray = (asked.vectors @ text.T).max(axis=1)
    return best


def _share(best: FloatArray, which: Tokens) -> float:
    """Return what some tokens bring to the mean of all."""
    return float(best[which].sum() / len(best))


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
