"""What a lane searches: the collection's index, or the same documents cut anew, in memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from rag_core.collection_settings import chunker_from
from rag_core.datatypes import Chunk, SearchResult
from rag_core.evaluation.memory_index import MemoryIndex
from rag_core.keyword import KeywordIndex
from rag_core.pipeline import RagPipeline
from rag_core.protocols import OnProgress, Progress
from rag_core.retrieval import Retriever
from rag_core.two_lanes.settings import CHUNKINGS, LaneSettings

_MOST = 4  # indexes kept at once; each holds every vector of its documents


@dataclass(frozen=True, slots=True)
class _Cut:
    """The documents of a collection, cut in one way."""

    retriever: Retriever
    chunks: int


class Shelf:
    """Indexes in memory, made when first asked for and kept while their documents stay the same.

    Thread-safe. No collection is ever changed; vectors are cached in the data folder, as always.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._kept: OrderedDict[tuple[object, ...], _Cut] = OrderedDict()
        self._lock = threading.Lock()

    def search(
        self, pipeline: RagPipeline, lane: LaneSettings, question: str, on_progress: OnProgress
    ) -> SearchResult:
        """Return what a lane finds; cutting and embedding come first where they are due.

        Args:
            pipeline: whose documents.
            lane: how to search.
            question: what for.
            on_progress: called while documents are cut and embedded; raising `Cancelled` in it
                stops that.

        Raises:
            ModelError, StoreError: as searching and embedding raise them.
        """
        if CHUNKINGS[lane.chunking] is None:
            return pipeline.search_with(question, lane.options)
        cut = self.prepare(pipeline, lane, on_progress)
        reranker = pipeline.reranker(lane.rerank)
        return cut.retriever.search(question, lane.options, reranker=reranker)

    def prepare(self, pipeline: RagPipeline, lane: LaneSettings, on_progress: OnProgress) -> _Cut:
        """Return the index of a lane that is cut in its own way, made if need be."""
        by_vector = lane.mode != "keyword"
        key = (
            pipeline.home.path, pipeline.collection, lane.chunking, by_vector,
            pipeline.home.catalog.generation(pipeline.collection), pipeline.embedder.fingerprint,
        )  # fmt: skip
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        # Outside of the lock: it takes long, and others want what is there already.
        made = _made(pipeline, lane, on_progress, by_vector=by_vector)
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return made


def _made(
    pipeline: RagPipeline, lane: LaneSettings, on_progress: OnProgress, *, by_vector: bool
) -> _Cut:
    chunks = list(_cut(pipeline, lane, on_progress))
    store = MemoryIndex(pipeline.embedder.dimension)
    if by_vector:
        texts = [chunk.text for chunk in chunks]
        store.upsert(chunks, pipeline.embedder.embed_documents(texts, on_progress=on_progress))
    keywords = KeywordIndex(chunks)
    retriever = Retriever(
        embedder=pipeline.embedder, store=lambda: store, keywords=lambda: keywords
    )
    return _Cut(retriever, len(chunks))


def _cut(pipeline: RagPipeline, lane: LaneSettings, on_progress: OnProgress) -> Iterator[Chunk]:
    settings = dict(CHUNKINGS[lane.chunking] or {})
    chunker = chunker_from(settings.pop("name"), settings, embedder=pipeline.embedder)
    documents = pipeline.documents()
    for number, info in enumerate(documents):
        on_progress(Progress("cutting", number, len(documents), info.name))
        document = pipeline.document(info.id)
        for chunk in chunker.chunk(document):
            page = document.page_at(chunk.start)
            about = {**document.metadata, **chunk.metadata, "name": document.name}
            yield replace(chunk, metadata=about if page is None else {**about, "page": page})
