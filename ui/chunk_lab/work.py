"""The page's computed things, each made once: tokens, cuts, vectors, and what the library lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from rag_core import Chunk, Document, RagPipeline, SearchHit
from rag_core.chunk_lab.cutting import Choice, Tools, chunker_of, cut, needs_model
from rag_core.chunk_lab.unseen import unseen
from rag_core.chunk_lab.vectors import RecentVectors, ranked
from rag_core.chunk_report import report
from rag_core.protocols import Embedder, IntArray, OnProgress, Progress
from ui import services
from ui.chunk_lab.places import Column

QUICK_LIBRARY = 2_000_000  # characters: up to here counting all tokens takes about a second


@st.cache_resource(show_spinner=False, max_entries=32)
def tokens(document_id: str, _text: str) -> IntArray:
    """Return the places of a text's tokens; nobody may write into the array."""
    found = Tools().tokenizer.offsets(_text)
    found.setflags(write=False)
    return found


@st.cache_resource(show_spinner=False, max_entries=4)
def vectors(name: str, _embedder: Embedder) -> RecentVectors:
    """Return the vectors that all panels and sessions share."""
    return RecentVectors(_embedder)


def shared_vectors(collection: str) -> RecentVectors:
    """Return the cache before the collection's embedder; this loads no model."""
    embedder = services.pipeline(collection).embedder
    return vectors(embedder.name, embedder)


def column(collection: str, document: Document, choice: Choice) -> Column:
    """Return one chunking of a document with its measures."""
    model = shared_vectors(collection) if needs_model(choice.strategy) else None
    return _column(document.id, choice, model.name if model else "", document, model)


@st.cache_resource(show_spinner=False, max_entries=1_000)
def _column(
    document_id: str, choice: Choice, model: str, _document: Document, _embedder: Embedder | None
) -> Column:
    chunks = cut(_document, choice, Tools(embedder=_embedder))
    return Column(
        choice.strategy,
        choice.size_text,
        chunks,
        report(chunks, tokens(_document.id, _document.text)),
    )


def settings(collection: str, choice: Choice) -> dict[str, object]:
    """Return every parameter of a choice's chunker."""
    embedder = shared_vectors(collection) if needs_model(choice.strategy) else None
    return dict(chunker_of(choice, Tools(embedder=embedder)).settings)


def rank(
    collection: str, question: str, columns: Sequence[Sequence[Chunk]]
) -> list[list[SearchHit]]:
    """Rank the chunks of each column for the question, embedding only new text, with progress."""
    cache = shared_vectors(collection)
    texts = list(dict.fromkeys(chunk.text for chunks in columns for chunk in chunks))
    with progress(f"Embedding {len(cache.missing(texts)):,} new chunks") as report_progress:
        cache.embed_documents(texts, on_progress=report_progress)
        query = cache.embed_query(question)
        return [
            ranked(chunks, query, cache.embed_documents([chunk.text for chunk in chunks]))
            for chunks in columns
        ]


class progress:  # noqa: N801 - read as a statement: with progress(...)
    """A progress bar that is there while its block works, and gone after it."""

    def __init__(self, label: str) -> None:
        self._label = label

    def __enter__(self) -> OnProgress:
        self._bar = st.progress(0.0, text=self._label)
        return self._report

    def __exit__(self, *exception: object) -> None:
        self._bar.empty()

    def _report(self, step: Progress) -> None:
        done = step.done / step.total if step.total else 0.0
        self._bar.progress(min(done, 1.0), text=f"{self._label}: {step.done:,}/{step.total:,}")


def library_loss(
    pipeline: RagPipeline, on_document: Callable[[int, int], None]
) -> tuple[int, int, int]:
    """Return (unseen tokens, stored tokens, documents) of the collection as it is indexed."""
    lost = stored = 0
    infos = pipeline.documents()
    for number, info in enumerate(infos):
        on_document(number, len(infos))
        document = pipeline.document(info.id)
        found = unseen(pipeline.chunks(info.id), tokens(info.id, document.text))
        lost, stored = lost + found.tokens, stored + found.total
    return lost, stored, len(infos)


@st.cache_data(show_spinner="Counting the library's tokens", max_entries=16)
def cached_library_loss(collection: str, generation: int) -> tuple[int, int, int]:
    """Return `library_loss`, counted once for each state of the collection."""
    return library_loss(services.pipeline(collection), lambda *_: None)
