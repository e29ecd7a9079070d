"""The nouns of Ragscope: what is loaded, cut, found and answered. All frozen."""

from __future__ import annotations

import bisect
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Metadata = Mapping[str, Any]
"""Values are str, int, float or bool. A plain dict inside, so that nouns pickle; never changed."""


def content_id(*parts: str) -> str:
    """Return 20 hex digits (80 bits) of SHA-256 over the parts, each preceded by its length.

    The lengths keep ("ab", "c") and ("a", "bc") apart. Equal parts give equal ids on every machine
    (laws 3 and 4). Text that holds lone surrogates is hashed too, so no document can fail here.
    """
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()[:20]


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a document: character offsets, `end` exclusive."""

    document_id: str
    start: int
    end: int

    def overlaps(self, other: Span) -> bool:
        """Return whether the two spans share at least one character of the same document."""
        return (
            self.document_id == other.document_id
            and self.start < other.end
            and other.start < self.end
        )


@dataclass(frozen=True, slots=True)
class Document:
    """One loaded source: its text, and what is known about it.

    `pages` holds the (start, end) character offsets of every page, in order; it is empty for
    formats without pages, and a page without text is an empty range. `notes` are remarks a reader
    should see ("Pages 3 and 7 have no text"). `original` is the file as it came, kept so that
    everything derived from it can be made again; it takes no part in comparison.
    """

    id: str
    name: str
    text: str
    metadata: Metadata = field(default_factory=dict, hash=False)
    pages: tuple[tuple[int, int], ...] = ()
    notes: tuple[str, ...] = ()
    original: bytes | None = field(default=None, repr=False, compare=False)

    @classmethod
    def from_text(
        cls,
        name: str,
        text: str,
        *,
        metadata: Metadata | None = None,
        pages: tuple[tuple[int, int], ...] = (),
        notes: tuple[str, ...] = (),
        original: bytes | None = None,
    ) -> Document:
        """Make a document whose id comes from its name and its text (law 3)."""
        return cls(content_id(name, text), name, text, dict(metadata or {}), pages, notes, original)

    def page_at(self, offset: int) -> int | None:
        """Return the page number (from 1) that holds the character at `offset`, or None."""
        if not self.pages or offset < 0:
            return None
        # Empty pages share their start with the page after them: the last start wins.
        index = bisect.bisect_right([start for start, _ in self.pages], offset) - 1
        return index + 1 if index >= 0 else None


@dataclass(frozen=True, slots=True)
class Chunk:
    """A span of a document and its text: `document.text[start:end] == text` (law 1)."""

    id: str
    document_id: str
    index: int
    start: int
    end: int
    text: str
    metadata: Metadata = field(default_factory=dict, hash=False)

    @classmethod
    def cut(
        cls, document: Document, index: int, start: int, end: int, metadata: Metadata | None = None
    ) -> Chunk:
        """Cut `document.text[start:end]`; the id comes from the document and the place (law 3)."""
        return cls(
            id=content_id(document.id, str(start), str(end)),
            document_id=document.id,
            index=index,
            start=start,
            end=end,
            text=document.text[start:end],
            metadata=dict(metadata or {}),
        )

    @property
    def span(self) -> Span:
        """The chunk's place in its document."""
        return Span(self.document_id, self.start, self.end)


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A found chunk. `rank` counts from 1; a higher `score` is better.

    `scores` holds the score of every stage the hit came through, by the stage's name, so that a
    reader can see why it stands where it does.
    """

    chunk: Chunk
    rank: int
    score: float
    scores: Mapping[str, float] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a search: its hits, best first, and how long it took in seconds."""

    name: str
    hits: tuple[SearchHit, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class SearchResult:
    """A whole search: the final hits, best first, and the stages that led to them."""

    query: str
    hits: tuple[SearchHit, ...]
    stages: tuple[Stage, ...] = ()

    @property
    def seconds(self) -> float:
        """The time of all stages together, in seconds."""
        return sum(stage.seconds for stage in self.stages)


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation; `role` is "system", "user" or "assistant"."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a generator answers from: the question, its numbered sources, and the exact messages.

    `sources[n - 1]` is the source that `[n]` cites. A chat model reads `messages` alone; the
    extractive generator reads `question` and `sources` alone. `dropped` are the lowest ranked
    sources that the model's window had no room for; `tokens` is the messages' length, estimated.
    """

    question: str
    sources: tuple[SearchHit, ...]
    messages: tuple[Message, ...]
    dropped: tuple[SearchHit, ...] = ()
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Citation:
    """A `[number]` in an answer: the hit it points to, and the cited place in its document."""

    number: int
    hit: SearchHit
    span: Span

    @property
    def text(self) -> str:
        """The cited text, exactly as it stands in the document."""
        chunk = self.hit.chunk
        return chunk.text[self.span.start - chunk.start : self.span.end - chunk.start]


@dataclass(frozen=True, slots=True)
class Timing:
    """A stage of an answer (rewrite, retrieve, fuse, rerank, prompt, generate) and its seconds."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What the reader gets: text whose `[n]` are the citations, and everything it was made from.

    `found` is False when nothing in the documents answers the question; the text then says so.
    `standalone` is the question that was searched for, and `tokens` the length of the text,
    estimated. `stages` are the steps with their times, in order.
    """

    text: str
    citations: tuple[Citation, ...]
    prompt: Prompt
    model: str
    result: SearchResult
    found: bool = True
    standalone: str = ""
    stages: tuple[Timing, ...] = ()
    tokens: int = 0
