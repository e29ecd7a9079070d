"""What indexing files would cost with a paid embedding model, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable

from rag_core.embedders.estimate import Estimate
from rag_core.errors import LoadError
from rag_core.loaders import load
from rag_core.pipeline import RagPipeline
from rag_core.protocols import OnProgress


def estimate(
    pipeline: RagPipeline,
    files: Iterable[tuple[str, bytes]],
    *,
    on_progress: OnProgress | None = None,
) -> Estimate | None:
    """Return tokens and price of embedding these files' chunks as the collection cuts them.

    Each is read and cut for it, on this machine; texts in the cache cost nothing. Files that cannot
    be read are left out, since indexing them sends nothing either. None when the model runs here.
    """
    embedder = pipeline.embedder
    if not embedder.remote:
        return None
    chunker = pipeline.chunking.chunker()
    texts: list[str] = []
    for name, data in files:
        try:
            document = load(name, data, on_progress=on_progress)
        except LoadError:
            continue
        texts += [chunk.text for chunk in chunker.chunk(document)]
    return embedder.estimate(texts)


def said(found: Estimate, model: str) -> str:
    """Return the estimate in a sentence, for people."""
    tokens = f"{'' if found.exact else 'about '}{found.tokens:,} tokens"
    if found.price_usd is None:
        return f"{model} would be sent {tokens}; its price is not known here."
    return f"{model} would be sent {tokens}, for about ${found.price_usd:,.4f}."
