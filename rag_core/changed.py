"""Embedding a document anew, but only those of its chunks whose text is new."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from rag_core.catalog_rows import Stamp
from rag_core.datatypes import Chunk, Document
from rag_core.errors import StoreError
from rag_core.protocols import Embedder, FloatArray, OnProgress, VectorStore


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """The vectors of a document's chunks, and how many were new, kept, or had vanished."""

    vectors: FloatArray
    stamps: Mapping[str, Stamp] = field(default_factory=dict)
    embedded: int = 0
    kept: int = 0
    removed: int = 0


def embed_changed(
    embedder: Embedder,
    chunks: Sequence[Chunk],
    old: Sequence[Chunk],
    stamps: Mapping[str, Stamp],
    store: Callable[[], VectorStore],
    report: OnProgress,
) -> Embedded:
    """Return the chunks' vectors: the store's own where the old version has the same text.

    Vectors of another model are never taken; a store that cannot give them costs embedding anew.
    """
    known = _known(embedder, {chunk.text for chunk in chunks}, old, stamps, store)
    fresh = list(dict.fromkeys(chunk.text for chunk in chunks if chunk.text not in known))
    now = time.time()
    # A cached embedder keeps more of a passage than its vector
    embed = getattr(embedder, "embed_passages", embedder.embed_documents)
    vectors = embed(fresh, on_progress=report)
    by_text = {text: vector for text, (vector, _) in known.items()}
    by_text.update(zip(fresh, vectors, strict=True))
    rows = [by_text[chunk.text] for chunk in chunks]
    new = Stamp(embedder.fingerprint, now)
    kept = sum(chunk.text in known for chunk in chunks)
    texts = {chunk.text for chunk in chunks}
    return Embedded(
        np.array(rows, dtype=np.float32).reshape(len(rows), embedder.dimension),
        {chunk.id: known[chunk.text][1] if chunk.text in known else new for chunk in chunks},
        embedded=len(chunks) - kept,
        kept=kept,
        removed=sum(chunk.text not in texts for chunk in old),
    )


def _known(
    embedder: Embedder,
    wanted: set[str],
    old: Sequence[Chunk],
    stamps: Mapping[str, Stamp],
    store: Callable[[], VectorStore],
) -> dict[str, tuple[FloatArray, Stamp]]:
    ours = [
        chunk
        for chunk in old
        if chunk.text in wanted
        and chunk.id in stamps
        and stamps[chunk.id].fingerprint == embedder.fingerprint
    ]
    if not ours:
        return {}
    try:
        vectors = store().vectors([chunk.id for chunk in ours])
    except StoreError:  # what is wrong with the store is said when it is written
        return {}
    return {
        chunk.text: (vectors[chunk.id], stamps[chunk.id])
        for chunk in ours
        if chunk.id in vectors and whole(vectors[chunk.id], embedder.dimension)
    }


def whole(vector: FloatArray, dimension: int) -> bool:
    """Return whether a vector is what an embedder makes: of this many numbers and unit length."""
    return vector.shape == (dimension,) and bool(abs(np.linalg.norm(vector) - 1) < 1e-3)


def described(chunk: Chunk, document: Document) -> Chunk:
    """Return the chunk with what filters and readers want to know of its document."""
    plain = {
        key: value
        for key, value in document.metadata.items()
        if isinstance(value, str | int | float | bool)
    }
    page = document.page_at(chunk.start)
    place = {"name": document.name} if page is None else {"name": document.name, "page": page}
    return replace(chunk, metadata={**plain, **chunk.metadata, **place})
