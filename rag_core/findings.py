"""What can befall a passage on its way into a search's hits: one noun a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rag_core.datatypes import Chunk, SearchHit, SearchResult, Span

Status = Literal["ok", "failed", "not reached"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """Is the document here, and the passage in its text? `text` is the passage as it stands."""

    status: Status
    document: str
    span: Span | None
    text: str
    name = "loaded"


@dataclass(frozen=True, slots=True)
class Filtered:
    """Does the search's metadata filter let the document's chunk through?"""

    status: Status
    name = "filtered"


@dataclass(frozen=True, slots=True)
class Part:
    """What one chunk holds of the passage."""

    chunk: Chunk
    span: Span


@dataclass(frozen=True, slots=True)
class Cut:
    """Does one chunk hold the passage whole? `parts` are all chunks that hold some, in order."""

    status: Status
    parts: tuple[Part, ...] = ()
    name = "cut"


@dataclass(frozen=True, slots=True)
class Read:
    """Did the embedding model read the passage? It reads the first `read` of `tokens` tokens.

    `unseen` is the part of the passage past that, or None.
    """

    status: Status
    tokens: int = 0
    read: int = 0
    unseen: Span | None = None
    name = "read"


@dataclass(frozen=True, slots=True)
class Indexed:
    """Did the vector store return the chunk, if its cosine puts it among the nearest `wanted`?

    `exact_rank` comes from comparing every vector, equal ones counted before the chunk; it is None
    where the store returned the chunk, or holds too many to compare: then the step fails when the
    store returned a chunk of lower cosine instead. `returned` is the rank in the store's answer.
    """

    status: Status
    wanted: int = 0
    cosine: float | None = None
    exact_rank: int | None = None
    returned: int | None = None
    name = "indexed"


@dataclass(frozen=True, slots=True)
class Side:
    """Where one side ranks the chunk, and whether it is among the `limit` that are passed on.

    `rank` goes beyond `limit`. It is None where the side does not match the chunk (keyword: it
    holds no term of the query) or holds too many to compare. `above` is the best of what stands
    before it.
    """

    side: str
    rank: int | None
    limit: int
    passed: bool
    above: tuple[SearchHit, ...]


@dataclass(frozen=True, slots=True)
class Ranked:
    """Was the chunk among the candidates of at least one side?"""

    status: Status
    sides: tuple[Side, ...] = ()
    name = "ranked"


@dataclass(frozen=True, slots=True)
class Ordered:
    """Did a later stage ("fusion", "rerank", "diversity") leave the chunk among its first `limit`?

    `before` is the rank in the stage before; None for fusion, which has two before it. `above` is
    the best of what stands before the chunk.
    """

    name: str
    status: Status
    before: int | None = None
    after: int | None = None
    limit: int = 0
    above: tuple[SearchHit, ...] = ()


Finding = Loaded | Filtered | Cut | Read | Indexed | Ranked | Ordered


@dataclass(frozen=True, slots=True)
class Trace:
    """A passage's way through a search, step by step; steps that do not apply are left out.

    `chunk` is the one that was followed: of those that hold most of the passage, the one that got
    furthest; None where no chunk holds any. `rank` is its place among the hits, or None.
    """

    query: str
    steps: tuple[Finding, ...]
    chunk: Chunk | None
    rank: int | None
    result: SearchResult

    @property
    def died_at(self) -> Finding | None:
        """The first step that failed, for a passage that is not among the hits; else None."""
        if self.rank is not None:
            return None
        return next((step for step in self.steps if step.status == "failed"), None)
