"""A source's chunk as sentences, and how near each comes to a question.

Every sentence is looked at in the chunk, whose token vectors are there already; those that come
nearest are then read apart as well, behind the document's name. Either way it is told by the same
features, see evidence.py.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rag_core.datatypes import SearchHit, Span
from rag_core.generators.asked import Asked, Tokens, codes_in, lacking_names, subject_of, title_of
from rag_core.generators.quotable import is_fragment, is_heading, leans, quotable
from rag_core.protocols import FloatArray, TokenVectors
from rag_core.terms import terms

_MOST_NEW = 2.5


@dataclass(frozen=True, slots=True, eq=False)
class Near:
    """How near a sentence comes to a question, as it was read.

    Attributes:
        alone: of each of the question's tokens the best cosine to any of its own, (tokens,).
        titled: the same, with those of the document's name.
        after: the same, with those of the sentence before as well.
        before: the mean of `titled` of the sentence before; None for the first.
        meaning: cosine of the question's mean token vector to that of name and sentence.
        meaning_after: the same, with the sentence before.
    """

    alone: FloatArray
    titled: FloatArray
    after: FloatArray
    before: float | None
    meaning: float
    meaning_after: float


@dataclass(frozen=True, slots=True, eq=False)
class Passage:
    """A source's chunk, cut into sentences.

    Attributes:
        number: of the source, from 1.
        hit: the source.
        chunk: its token vectors.
        near: their cosines to the question's, (the question's tokens, the chunk's).
        title: the token vectors of the document's name.
        spans: (start, end) of every sentence in the chunk.
        tokens: (first, after the last) of every sentence's tokens.
        words: the index terms of every sentence.
        titled: every sentence behind the document's name.
        beside: which tokens of the question say what is asked of this document's subject.
        no_name: the share of the question's names that this document lacks.
    """

    number: int
    hit: SearchHit
    chunk: FloatArray
    near: FloatArray
    title: FloatArray
    spans: list[tuple[int, int]]
    tokens: list[tuple[int, int]]
    words: list[frozenset[str]]
    titled: list[str]
    beside: Tokens
    no_name: float

    @classmethod
    def of(
        cls,
        asked: Asked,
        number: int,
        sources: Sequence[SearchHit],
        chunk: TokenVectors,
        title: TokenVectors,
    ) -> Passage:
        """Cut source `number` into sentences; `title` are the tokens of its `named`."""
        hit = sources[number - 1]
        spans = list(quotable(hit.chunk.text))
        texts = [hit.chunk.text[start:end] for start, end in spans]
        name = named(hit)
        begun = np.searchsorted(chunk.offsets[:, 0], [start for start, _ in spans])
        ended = np.searchsorted(chunk.offsets[:, 1], [end for _, end in spans], side="right")
        return cls(
            number,
            hit,
            chunk.vectors,
            asked.vectors @ chunk.vectors.T,
            title.vectors,
            spans,
            list(zip(begun.tolist(), ended.tolist(), strict=True)),
            [frozenset(terms(text)) for text in texts],
            [f"{name} {text}" for text in texts],
            asked.beside(subject_of(asked, hit, sources)),
            lacking_names(asked, hit, sources),
        )

    def sentence(self, place: int) -> str:
        """Return a sentence, exactly."""
        start, end = self.spans[place]
        return self.hit.chunk.text[start:end]

    def looked_at(self, asked: Asked, place: int) -> Near:
        """Return how near a sentence comes by the chunk's own tokens.

        Of one that the model has not read, since the chunk is too long for it, its words tell.
        """
        begin, end = self.tokens[place]
        first, last = self.tokens[place - 1] if place else (begin, begin)
        if begin >= end:
            share = self.shared_words(asked, place)
            guess = np.full(len(asked.vectors), share, dtype=np.float32)
            return Near(guess, guess, guess, None, share, share)
        name, meant = best_of(asked.vectors, self.title), pooled(asked.vectors)
        alone = self._best(begin, end)
        before = np.maximum(name, self._best(first, last))
        own, others = self.chunk[begin:end], self.chunk[first:last]
        return Near(
            alone,
            np.maximum(name, alone),
            np.maximum(before, alone),
            float(before.mean()) if place else None,
            float(meant @ pooled(np.concatenate([self.title, own]))),
            float(meant @ pooled(np.concatenate([self.title, others, own]))),
        )

    def read(self, asked: Asked, place: int, read: Mapping[str, TokenVectors]) -> Near:
        """Return the same of a sentence that has been read apart, behind the document's name.

        What stands before it, and what it is by itself, the chunk tells better.
        """
        own = read[self.titled[place]].vectors
        titled, meaning = best_of(asked.vectors, own), float(pooled(asked.vectors) @ pooled(own))
        before = read.get(self.titled[place - 1]) if place else None
        told = None if before is None else float(best_of(asked.vectors, before.vectors).mean())
        begin, end = self.tokens[place]
        if begin >= end:
            return Near(titled, titled, titled, told, meaning, meaning)
        seen = self.looked_at(asked, place)
        return Near(seen.alone, titled, seen.after, told, meaning, seen.meaning_after)

    def features(self, asked: Asked, place: int, near: Near) -> dict[str, float]:
        """Return what evidence.py weighs, by name."""
        sentence, kind = self.sentence(place), asked.kind
        holds = kind is not None and kind.found(asked.text, sentence)
        loose = kind is not None and kind.loose
        leaning = near.before is not None and leans(sentence)
        return {
            "in_chunk": float(near.alone.mean()),
            "titled": float(near.titled.mean()),
            "after": float(near.after.mean()),
            "beside": float(near.after[self.beside].mean()),
            "asking": _share(near.titled, asked.asking),
            "small": _share(near.alone, asked.small),
            "meaning": near.meaning,
            "meaning_after": near.meaning_after,
            "chunk": float(self._best(0, len(self.chunk)).mean()),
            "words": self.shared_words(asked, place),
            "code": len(asked.codes & codes_in(sentence)) / max(1, len(asked.codes)),
            "no_name": self.no_name,
            "kind": holds and not loose,
            "loose_kind": holds and loose,
            "no_kind": kind is not None and not holds,
            "heading": is_heading(sentence),
            "new_words": min(_MOST_NEW, math.log1p(len(self.words[place] - asked.words))),
            "fragment": is_fragment(sentence, place == 0, place == len(self.spans) - 1),
            "leans": (near.before or 0.0) - float(near.titled.mean()) if leaning else 0.0,
        }

    def span(self, place: int) -> Span:
        """Return where a sentence stands in its document."""
        start, end = self.spans[place]
        chunk = self.hit.chunk
        return Span(chunk.document_id, chunk.start + start, chunk.start + end)

    def shared_words(self, asked: Asked, place: int) -> float:
        """Return the share of the question's words in a sentence and those beside it."""
        nearby = frozenset().union(*self.words[max(0, place - 1) : place + 2])
        return len(asked.words & nearby) / max(1, len(asked.words))

    def _best(self, begin: int, end: int) -> FloatArray:
        """Return, for each token of the question, its best cosine to some of the chunk's."""
        if begin >= end:
            return np.full(len(self.near), -1.0, dtype=np.float32)
        best: FloatArray = self.near[:, begin:end].max(axis=1)
        return best


def named(hit: SearchHit) -> str:
    """Return what a sentence of a source is read behind: the document's name and a colon."""
    return f"{title_of(hit)}:"


def best_of(asked: FloatArray, text: FloatArray) -> FloatArray:
    """Return, for each token of a question, its best cosine to any token of a text."""
    if not len(text):
        return np.full(len(asked), -1.0, dtype=np.float32)
    best: FloatArray = (asked @ text.T).max(axis=1)
    return best


def pooled(vectors: FloatArray) -> FloatArray:
    """Return the unit vector of the mean of token vectors; zeros for none."""
    if not len(vectors):
        return np.zeros(vectors.shape[1:], dtype=np.float32)
    mean = vectors.mean(axis=0)
    unit: FloatArray = mean / max(float(np.linalg.norm(mean)), 1e-9)
    return unit


def _share(best: FloatArray, which: Tokens) -> float:
    """Return what some tokens bring to the mean of all."""
    return float(best[which].sum() / len(best))
