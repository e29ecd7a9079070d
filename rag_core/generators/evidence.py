"""Sentences as evidence: what each sentence of the sources shares with a question, and a score.

How well a sentence matches is a weighted sum; the score adds what the reader says of those that
match best (see answerable.py). The weights come from benchmarks/thresholds.py, which fits them on
questions and texts of its own (benchmarks/threshold_questions.jsonl, threshold_library/).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rag_core.datatypes import SearchHit, Span
from rag_core.generators.asked import Asked
from rag_core.generators.passage import Near, Passage, named
from rag_core.generators.quotable import leans
from rag_core.late_interaction import TokenCache

# What a sentence is scored by, and what each is worth.
WEIGHTS = {
    "in_chunk": 0.74,  # MaxSim to its tokens, read with the whole chunk around them
    "titled": 3.87,  # MaxSim to it, read behind the document's name
    "after": 2.93,  # MaxSim to the name, the sentence before and it, read with the chunk
    "beside": 5.63,  # the same, of the question's words beside the subject; see `asked`
    "asking": 17.63,  # what its asking words ("who", "how many") bring to "titled"
    "small": 7.43,  # what its other function words bring to "in_chunk"
    "meaning": 4.71,  # cosine to the second of these
    "meaning_after": 1.36,  # cosine to the third
    "chunk": 0.06,  # MaxSim to the whole chunk
    "words": 0.77,  # share of the question's words in it and the sentences beside it
    "code": 4.43,  # share of the question's part numbers and such that it names
    "no_name": -1.47,  # share of the question's names that its document lacks
    "kind": 0.35,  # 1 when it holds the kind of answer that is asked for
    "loose_kind": 0.30,  # the same, for kinds that nearly every text holds
    "no_kind": -0.78,  # 1 when a kind is asked for, and it holds none
    "heading": -1.82,  # 1 for a heading: it names the subject and answers nothing
    "new_words": 0.00,  # log of how many words it adds to the question, to 2.5
    "fragment": -1.35,  # 1 when the chunk's edge has cut it
    "leans": 2.58,  # how much better the sentence before fits, when this one begins with a pronoun
}
# What it is worth at the first look, when the chunk alone has been read.
LOOK = {
    "in_chunk": 5.28,
    "titled": 7.05,
    "after": 4.30,
    "beside": 9.92,
    "asking": 21.70,
    "small": 8.73,
    "meaning": 4.31,
    "meaning_after": 1.65,
    "chunk": -1.54,
    "words": 1.56,
    "code": 7.48,
    "no_name": -1.43,
    "kind": 0.64,
    "loose_kind": 1.04,
    "no_kind": -0.68,
    "heading": -0.89,
    "new_words": -0.06,
    "fragment": -0.71,
    "leans": 5.92,
}
READING = 0.42  # what the reader's log-odds count beside them
READ = 8  # sentences of all sources; hardly an answer lies past them
READ_CHARACTERS = 2_000  # fewer where they are records or tables' rows, as long as five of prose


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
_LOOK = np.array([LOOK[name] for name in WEIGHTS])
_PLACES = {name: place for place, name in enumerate(WEIGHTS)}


def evidence(asked: Asked, sources: Sequence[SearchHit], tokens: TokenCache) -> list[Evidence]:
    """Return the sentences of the sources that are worth reading, in their order.

    All are, where there are few. Of many, those that match best at a first look: READ, or as many
    as have READ_CHARACTERS.
    """
    if not len(asked.vectors):
        return []
    passages = passages_of(asked, sources, tokens)
    places = _worth_reading(asked, passages)
    texts = [
        passage.titled[place]
        for passage, kept in zip(passages, places, strict=True)
        for place in kept
    ]
    read = dict(zip(texts, tokens.vectors(texts), strict=True))
    return [
        _weighed(passage, asked, place, passage.read(asked, place, read))
        for passage, kept in zip(passages, places, strict=True)
        for place in kept
    ]


def passages_of(asked: Asked, sources: Sequence[SearchHit], tokens: TokenCache) -> list[Passage]:
    """Return the sources, cut into sentences. None of them is read but what was not kept."""
    texts = [hit.chunk.text for hit in sources] + [named(hit) for hit in sources]
    read = tokens.passages(texts)
    chunks, names = read[: len(sources)], read[len(sources) :]
    return [
        Passage.of(asked, number, sources, chunk, name)
        for number, (chunk, name) in enumerate(zip(chunks, names, strict=True), start=1)
    ]


def first_look(asked: Asked, passage: Passage) -> list[Evidence]:
    """Return every sentence of a passage, as it is told by the chunk's own token vectors."""
    return [
        _weighed(passage, asked, place, passage.looked_at(asked, place))
        for place in range(len(passage.spans))
    ]


def by_score(sentences: Sequence[Evidence]) -> list[Evidence]:
    """Return the sentences best first; ties by where they stand."""
    return sorted(sentences, key=lambda one: (-one.score, one.number, one.span.start))


def by_match(sentences: Sequence[Evidence]) -> list[Evidence]:
    """Return the sentences by how well their words do alone; ties as in `by_score`."""
    return sorted(sentences, key=lambda one: (-one.match, one.number, one.span.start))


def _weighed(passage: Passage, asked: Asked, place: int, near: Near) -> Evidence:
    found = passage.features(asked, place, near)
    values = np.array([found[name] for name in WEIGHTS], dtype=np.float64)
    return Evidence(passage.number, place, passage.span(place), passage.sentence(place), values)


def _worth_reading(asked: Asked, passages: Sequence[Passage]) -> list[list[int]]:
    """Return for each passage the places of the sentences to read, in order.

    A sentence that begins with a pronoun is read with those before it, to the one that does not.
    """
    looks = sorted(
        (-float(one.features @ _LOOK), one.number, one.place)
        for passage in passages
        for one in first_look(asked, passage)
    )
    kept: set[tuple[int, int]] = set()
    length = 0
    for _, number, place in looks[:READ]:
        if length > READ_CHARACTERS:
            break
        length += len(passages[number - 1].titled[place])
        kept.add((number, place))
        while place and leans(passages[number - 1].sentence(place)):
            place -= 1
            kept.add((number, place))
    return [sorted(at for number, at in kept if number == one.number) for one in passages]


def telling(sentences: Sequence[Evidence]) -> Sequence[Evidence]:
    """Return the sentences that are no headings, as those answer nothing; all when all are."""
    return [one for one in sentences if not one.feature("heading")] or sentences
