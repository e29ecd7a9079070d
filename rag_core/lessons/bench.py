"""What the lessons compute with: the sample library, cut, embedded and ready to be searched."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from rag_core.chunkers import make_chunker
from rag_core.datatypes import Chunk, Document, SearchHit
from rag_core.errors import ModelError, SettingsError
from rag_core.fusion import reciprocal_rank_fusion
from rag_core.keyword import KeywordIndex
from rag_core.late_interaction import TokenCache
from rag_core.loaders import load
from rag_core.protocols import Embedder, FloatArray, TokenEmbedder
from rag_core.retrieval import CANDIDATES

Question = dict[str, Any]
"""One line of the samples' questions.jsonl."""


class Bench:
    """The samples and a model. Everything is made when first needed, and then only read.

    It searches by itself, over all vectors, so that no collection has to be loaded and no other
    session can change what a lesson finds.
    """

    def __init__(self, embedder: Embedder, samples: Path) -> None:
        self.embedder = embedder
        self._samples = samples

    @cached_property
    def documents(self) -> list[Document]:
        """The sample library.

        Raises:
            SettingsError: when the samples are not there.
        """
        folder = self._there(self._samples / "library")
        return [load(file.name, file.read_bytes()) for file in sorted(folder.iterdir())]

    @cached_property
    def questions(self) -> list[Question]:
        """The samples' questions.

        Raises:
            SettingsError: when the samples are not there.
        """
        file = self._there(self._samples / "questions.jsonl")
        lines = file.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def _there(self, path: Path) -> Path:
        if not path.exists():
            raise SettingsError(
                "The sample library is not there.",
                hint=f"Lessons read it from {path}. Put the folder `samples` back.",
            )
        return path

    @cached_property
    def chunks(self) -> list[Chunk]:
        """The library's chunks, cut as a new collection cuts them."""
        chunker = make_chunker("recursive")
        return [chunk for document in self.documents for chunk in chunker.chunk(document)]

    @cached_property
    def vectors(self) -> FloatArray:
        """The chunks' unit vectors, in order."""
        return self.embedder.embed_documents([chunk.text for chunk in self.chunks])

    @cached_property
    def keywords(self) -> KeywordIndex:
        """BM25 over the chunks."""
        return KeywordIndex(self.chunks)

    @cached_property
    def tokens(self) -> TokenCache:
        """The token vectors of what is read again.

        Raises:
            ModelError: when the model does not show its tokens.
        """
        if not isinstance(self.embedder, TokenEmbedder):
            raise ModelError(
                f"{self.embedder.name} does not show the vectors of its tokens.",
                hint="This lesson needs a local model, such as all-MiniLM-L6-v2.",
            )
        return TokenCache(self.embedder)

    def question(self, id_: str) -> Question:
        """Return a question of the samples by its id.

        Raises:
            KeyError: for an unknown id.
        """
        return {question["id"]: question for question in self.questions}[id_]

    def name(self, chunk: Chunk) -> str:
        """Return the name of a chunk's document."""
        return self._names[chunk.document_id]

    @cached_property
    def _names(self) -> dict[str, str]:
        return {document.id: document.name for document in self.documents}

    def by_vector(self, query: str) -> list[Chunk]:
        """Return all chunks, the one of the highest cosine first; ties break by id."""
        cosines = self.vectors @ self.embedder.embed_query(query)
        ids = np.array([chunk.id for chunk in self.chunks])
        return [self.chunks[place] for place in np.lexsort((ids, -cosines))]

    def by_keyword(self, query: str) -> list[Chunk]:
        """Return the chunks that hold a word of the query, best first."""
        return [hit.chunk for hit in self.keywords.search(query, len(self.chunks))]

    def by_both(self, query: str) -> list[Chunk]:
        """Return what either search found, fused by rank as the hybrid search does it."""
        found = {chunk.id: chunk for chunk in self.chunks}
        sides = [self.by_vector(query)[:CANDIDATES], self.by_keyword(query)[:CANDIDATES]]
        fused = reciprocal_rank_fusion([[chunk.id for chunk in side] for side in sides])
        return [found[id_] for id_, _ in fused]

    def rank(self, chunks: Sequence[Chunk], question: Question) -> int | None:
        """Return the rank, from 1, of the first chunk that holds one of the gold passages whole."""
        for rank, chunk in enumerate(chunks, start=1):
            if any(_holds(chunk, self.name(chunk), span) for span in question["spans"]):
                return rank
        return None


def hits(chunks: Sequence[Chunk]) -> list[SearchHit]:
    """Return chunks as hits in their order, for a reranker or a generator to read."""
    return [SearchHit(chunk, rank, 1.0 / rank) for rank, chunk in enumerate(chunks, start=1)]


def _holds(chunk: Chunk, name: str, span: dict[str, Any]) -> bool:
    same = span["document"] == name
    return bool(same and chunk.start <= span["start"] and span["end"] <= chunk.end)
