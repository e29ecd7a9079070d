"""What an index was made with, what is stale in it, and what making it anew would cost."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rag_core.catalog import DocumentInfo
from rag_core.embedders.cached import CachedEmbedder
from rag_core.index_manager.building import sampled
from rag_core.pipeline import RagPipeline
from rag_core.protocols import Chunker

_MEASURED = 32  # chunks that are embedded to see how quick the model is here


@dataclass(frozen=True, slots=True)
class DocumentVersion:
    """What one document was embedded with and how it was cut; `reasons` say why it is stale."""

    info: DocumentInfo
    fingerprints: Mapping[str, int]
    embedded_at: float
    reasons: tuple[str, ...]

    @property
    def stale(self) -> bool:
        """Whether it would be made otherwise now."""
        return bool(self.reasons)


@dataclass(frozen=True, slots=True)
class RebuildCost:
    """What a rebuild would take. `seconds` is None where measuring would cost money.

    `tokens` and `price_usd` are of what a paid provider would be sent; None when unknown, 0 here.
    """

    chunks: int
    seconds: float | None
    tokens: int | None
    price_usd: float | None


def versions_of(
    pipeline: RagPipeline, fingerprint: str, settings: Mapping[str, Any]
) -> list[DocumentVersion]:
    """Return every document's version, judged by a model's fingerprint and a chunker's settings."""
    home, collection = pipeline.home, pipeline.collection
    made = home.indexes.fingerprints(home.catalog.key(collection))
    now = json.dumps(dict(settings), sort_keys=True)
    found = []
    for info in home.catalog.documents(collection):
        models = made.get(info.id, {})
        stamps = home.catalog.stamps(collection, info.id).values()
        reasons = ["another model"] * bool(set(models) - {fingerprint})
        reasons += ["another chunking"] * (json.dumps(dict(info.chunker), sort_keys=True) != now)
        latest = max((stamp.embedded_at for stamp in stamps), default=info.added_at)
        found.append(DocumentVersion(info, models, latest, tuple(reasons)))
    return found


def rebuild_cost(pipeline: RagPipeline, embedder: CachedEmbedder, chunker: Chunker) -> RebuildCost:
    """Return what making every document anew would take: it is cut for that, and a sample embedded.

    Nothing is sent to a paid provider.

    Raises:
        ModelError: when the local model cannot be had.
    """
    home, collection = pipeline.home, pipeline.collection
    texts: list[str] = []
    for info in home.catalog.documents(collection):
        document = home.catalog.document(collection, info.id)
        if document is None:
            continue
        if chunker.name == "semantic":  # cutting needs the model for every sentence: as it was cut
            texts += [chunk.text for chunk in home.catalog.document_chunks(collection, info.id)]
        else:
            texts += [chunk.text for chunk in chunker.chunk(document)]
    if embedder.remote:
        estimate = embedder.estimate(texts)
        return RebuildCost(
            len(texts),
            None,
            estimate.tokens if estimate else None,
            estimate.price_usd if estimate else None,
        )
    sample = sampled(texts, _MEASURED)
    if not sample:
        return RebuildCost(0, 0.0, 0, 0.0)
    embedder.embed_query(sample[0])  # loading the model is not its speed
    start = time.perf_counter()
    embedder.inner.embed_documents(sample)
    return RebuildCost(len(texts), (time.perf_counter() - start) / len(sample) * len(texts), 0, 0.0)
