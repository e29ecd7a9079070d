"""What a search found for a question, kept small enough to be written down and judged later."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from rag_core.datatypes import Chunk, SearchHit, SearchResult
from rag_core.embedders.tokenizer import default_tokenizer
from rag_core.evaluation.chunk_metrics import Range, shared
from rag_core.evaluation.questions import Question

Search = Callable[[str], SearchResult]
ChunksOf = Callable[[str], Sequence[Chunk]]
"""All chunks of the document of this name."""
Level = Literal["span", "document"]


@dataclass(frozen=True, slots=True)
class Retrieved:
    """A hit: where it stands in which document, and how many tokens of context it costs."""

    document: str
    start: int
    end: int
    score: float
    chunk_id: str
    tokens: int

    @property
    def range(self) -> Range:
        """Its place, as the measures take it."""
        return self.document, self.start, self.end


@dataclass(frozen=True, slots=True)
class QuestionRun:
    """One question asked: the hits, best first, and every chunk that touches a gold passage."""

    id: str
    retrieved: tuple[Retrieved, ...]
    pieces: tuple[Range, ...]
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values; `from_json` reads them."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> QuestionRun:
        """Return what `as_json` made."""
        return cls(
            str(value["id"]),
            tuple(Retrieved(**hit) for hit in value["retrieved"]),
            tuple((str(name), int(start), int(end)) for name, start, end in value["pieces"]),
            float(value["seconds"]),
        )


class TokenCount:
    """How many tokens of all-MiniLM-L6-v2 chunks have, each counted once."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def __call__(self, chunk: Chunk) -> int:
        """Return the number of tokens of the chunk's text."""
        if chunk.id not in self._known:
            self._known[chunk.id] = len(default_tokenizer().offsets(chunk.text))
        return self._known[chunk.id]


def ask(
    questions: Iterable[Question], search: Search, chunks_of: ChunksOf, count: TokenCount
) -> Iterator[QuestionRun]:
    """Yield what a search finds for every question, in order.

    `seconds` is the whole search as a caller waits for it.
    """
    for question in questions:
        start = time.perf_counter()
        result = search(question.text)
        seconds = time.perf_counter() - start
        hits = tuple(_retrieved(hit, count) for hit in result.hits)
        yield QuestionRun(question.id, hits, _pieces(question, chunks_of), seconds)


def level_of(questions: Sequence[Question]) -> Level:
    """Return "span" when every question that can be judged has passages, else "document"."""
    judged = [question for question in questions if question.judged]
    return "span" if judged and all(question.golds for question in judged) else "document"


def depth_for(level: Level, k: int) -> int:
    """Return how many chunks to ask for: for documents twice k, since several may be of one."""
    return k if level == "span" else 2 * k


def _retrieved(hit: SearchHit, count: TokenCount) -> Retrieved:
    chunk = hit.chunk
    name = str(chunk.metadata.get("name", chunk.document_id))
    return Retrieved(name, chunk.start, chunk.end, hit.score, chunk.id, count(chunk))


def _pieces(question: Question, chunks_of: ChunksOf) -> tuple[Range, ...]:
    golds = [gold.range for gold in question.golds]
    return tuple(
        (name, chunk.start, chunk.end)
        for name in dict.fromkeys(gold[0] for gold in golds)
        for chunk in chunks_of(name)
        if shared([(name, chunk.start, chunk.end)], golds)
    )
