"""The seams: what a chunker, an embedder, a store, a reranker and a generator must be able to do.

Anything with these methods can be used; nothing needs to inherit from here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from rag_core.datatypes import Chunk, Document, Prompt, SearchHit

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
Where = Mapping[str, Any]
"""A metadata filter: {"field": value}, {"field": {"$gt": 3}}, {"$and": [...]}; see filters.py."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a piece of work is: `done` of `total` steps of `stage`, on the thing named `name`."""

    stage: str
    done: int
    total: int
    name: str = ""


OnProgress = Callable[[Progress], None]
"""Called often while work goes on. Raising `Cancelled` in it stops the work cleanly."""


@dataclass(frozen=True, slots=True, eq=False)
class TokenVectors:
    """The contextual vectors of one text's tokens, special tokens left out.

    `vectors` is float32 of shape (tokens, dimension), rows of unit length; `offsets` is int64 of
    shape (tokens, 2): the characters [start, end) each token was read from, in the text as given.
    """

    vectors: FloatArray
    offsets: IntArray


class Chunker(Protocol):
    """Cuts a document into chunks that obey laws 1 to 4."""

    @property
    def name(self) -> str:
        """The strategy's key in CHUNKERS."""
        ...

    @property
    def settings(self) -> Mapping[str, Any]:
        """Every parameter that changes the chunks; `make_chunker(name, **settings)` is equal."""
        ...

    def chunk(self, document: Document) -> list[Chunk]:
        """Return the chunks in reading order; none for a document of white space."""
        ...


class Embedder(Protocol):
    """Turns texts into unit vectors."""

    @property
    def name(self) -> str:
        """The name it was opened by."""
        ...

    @property
    def fingerprint(self) -> str:
        """A short id of everything that changes the numbers: model, revision, dtype, dimension."""
        ...

    @property
    def dimension(self) -> int:
        """The length of every vector."""
        ...

    def embed_documents(
        self, texts: Sequence[str], *, on_progress: OnProgress | None = None
    ) -> FloatArray:
        """Return float32 of shape (len(texts), dimension), rows of unit length, in order."""
        ...

    def embed_query(self, text: str) -> FloatArray:
        """Return float32 of shape (dimension,), of unit length."""
        ...


@runtime_checkable
class TokenEmbedder(Protocol):
    """An embedder that can also show the vectors of single tokens (for late interaction)."""

    @property
    def max_tokens(self) -> int:
        """How many tokens the model reads, special tokens included; the rest is never seen."""
        ...

    def embed_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """Return the token vectors of every text, each cut at `max_tokens`."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens each text has, uncut, special tokens left out."""
        ...


class VectorStore(Protocol):
    """Keeps chunks with their vectors and finds the nearest by cosine similarity."""

    def upsert(self, chunks: Sequence[Chunk], vectors: FloatArray) -> None:
        """Insert the chunks, or replace those whose id exists; durable when it returns."""
        ...

    def delete(self, ids: Sequence[str]) -> None:
        """Remove chunks by id; unknown ids are ignored."""
        ...

    def delete_document(self, document_id: str) -> None:
        """Remove every chunk of a document."""
        ...

    def query(self, vector: FloatArray, k: int, where: Where | None = None) -> list[SearchHit]:
        """Return the k most similar chunks (fewer if there are fewer), score = cosine, best first.

        Ties break by chunk id.
        """
        ...

    def get(self, ids: Sequence[str]) -> list[Chunk]:
        """Return the chunks of these ids, in this order; unknown ids are left out."""
        ...

    def vectors(self, ids: Sequence[str]) -> dict[str, FloatArray]:
        """Return the vectors, float32 (dimension,), of these ids; unknown ids are left out."""
        ...

    def __iter__(self) -> Iterator[Chunk]:
        """Iterate over every chunk, in pages, in no particular order."""
        ...

    def count(self) -> int:
        """Return how many chunks there are."""
        ...

    def close(self) -> None:
        """Let go of files and connections; the store cannot be used afterwards."""
        ...


class Reranker(Protocol):
    """Orders candidates anew by reading the query and each text together."""

    @property
    def name(self) -> str:
        """Its key in RERANKERS, or the model's name."""
        ...

    def rerank(self, query: str, hits: Sequence[SearchHit]) -> list[SearchHit]:
        """Return the same hits, re-scored and re-ranked, best first; ties break by chunk id."""
        ...


class Generator(Protocol):
    """Writes an answer from a prompt."""

    @property
    def name(self) -> str:
        """The model's name, as shown beside the answer."""
        ...

    def stream(self, prompt: Prompt) -> Iterator[str]:
        """Yield the answer in pieces; `[n]` in it cites `prompt.sources[n - 1]`."""
        ...
