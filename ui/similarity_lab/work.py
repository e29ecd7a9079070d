"""The page's computed things, each made once: vectors, matrices, tokens, maps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from rag_core import Chunk, open_embedder
from rag_core.errors import ModelError, SettingsError
from rag_core.protocols import Embedder, FloatArray, IntArray, OnProgress, TokenEmbedder
from rag_core.similarity import similarity_matrix
from rag_core.similarity_lab.maps import Map, clusters, draw_map, kept_neighbours
from rag_core.similarity_lab.pairs import Pair, all_pairs
from rag_core.similarity_lab.room import Room
from rag_core.similarity_lab.tokens import TokenTable, token_table
from ui import services
from ui.chunk_lab.work import progress
from ui.similarity_lab.view import View

MOST_POINTS = 10_000  # of a map; WebGL draws them smoothly


def view(collection: str, texts: Sequence[str]) -> View:
    """Embed the texts with the collection's model, only what is new, with progress."""
    embedder: Embedder = services.pipeline(collection).embedder
    vectors = embedded(embedder, texts)
    return View(collection, embedder.name, tuple(texts), vectors, similarity_matrix(vectors))


def embedded(embedder: Embedder, texts: Sequence[str]) -> FloatArray:
    """Return the texts' vectors; what was embedded before comes out of the cache."""
    with progress(f"Embedding {len(texts):,} texts") as report:
        return embedder.embed_documents(list(texts), on_progress=report)


@st.cache_data(show_spinner=False, max_entries=64)
def pairs(texts: tuple[str, ...], _matrix: FloatArray, model: str) -> list[Pair]:
    """Return all pairs of the texts, most alike first."""
    return all_pairs(texts, _matrix)


@st.cache_resource(show_spinner=False)
def room() -> Room:
    """Return the guesses of everybody who looks at this server."""
    return Room()


def tokens(collection: str, first: str, second: str) -> TokenTable:
    """Compare two texts token by token.

    Raises:
        ModelError: when the model does not show its tokens.
    """
    embedder = services.pipeline(collection).embedder
    if not isinstance(embedder, TokenEmbedder):
        raise ModelError(
            f"{embedder.name} does not show the vectors of its tokens.",
            hint="This panel needs a local model, such as all-MiniLM-L6-v2.",
        )
    return token_table(first, second, embedder)


@st.cache_resource(show_spinner=False, max_entries=8)
def other_model(name: str) -> Embedder:
    """Open a second model to compare with.

    Raises:
        SettingsError: for a name that no provider knows.
    """
    try:
        return open_embedder(name)
    except ValueError as error:
        raise SettingsError(
            f"This is no model: {error}.", hint="Choose one of the list."
        ) from error


class Atlas:
    """A collection's chunks and vectors as maps are drawn of them; nobody may write into it."""

    def __init__(self, chunks: list[Chunk], vectors: FloatArray) -> None:
        self.chunks = chunks
        self.vectors = vectors
        self._maps: dict[tuple[str, int], Map] = {}

    def map(self, method: str, dimensions: int, on_progress: OnProgress | None = None) -> Map:
        """Return a map of it, drawn once. Two sessions that want the same at once both draw."""
        key = method, dimensions
        if key not in self._maps:
            self._maps[key] = draw_map(
                self.vectors, method=method, dimensions=dimensions, on_progress=on_progress
            )
        return self._maps[key]


@st.cache_resource(show_spinner=False, max_entries=4)
def atlas(collection: str, generation: int) -> Atlas:
    """Return the chunks of a collection with their vectors, evenly thinned beyond MOST_POINTS."""
    pipeline = services.pipeline(collection)
    chunks = list(pipeline.home.catalog.chunks(collection))
    step = max(1.0, len(chunks) / MOST_POINTS)
    some = [chunks[int(place * step)] for place in range(min(len(chunks), MOST_POINTS))]
    found = pipeline.store().vectors([chunk.id for chunk in some]) if some else {}
    there = [chunk for chunk in some if chunk.id in found]  # one may have just been removed
    vectors = [found[chunk.id] for chunk in there]
    return Atlas(there, np.stack(vectors) if vectors else np.zeros((0, 1), np.float32))


def drawn(collection: str, generation: int, method: str, dimensions: int) -> Map:
    """Return the map of a collection; t-SNE shows how far it is, and ends with the page's run."""
    known = atlas(collection, generation)
    if method == "PCA":
        return known.map(method, dimensions)
    with progress("Drawing the map") as report:
        return known.map(method, dimensions, report)


@st.cache_data(show_spinner=False, max_entries=16)
def kept(
    collection: str, generation: int, method: str, dimensions: int, _known: Atlas, _drawn: Map
) -> float:
    """Return the share of nearest neighbours that the map keeps."""
    return kept_neighbours(_known.vectors, _drawn.points)


@st.cache_data(show_spinner=False, max_entries=8)
def clustered(collection: str, generation: int) -> IntArray:
    """Return the number of each chunk's cluster."""
    return clusters(atlas(collection, generation).vectors)
