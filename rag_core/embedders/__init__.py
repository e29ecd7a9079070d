"""Turning texts into vectors: one file a provider, opened by name."""

from __future__ import annotations

from typing import Any

from rag_core.protocols import Embedder

DEFAULT_EMBEDDER = "all-MiniLM-L6-v2"


def open_embedder(name: str = DEFAULT_EMBEDDER, **options: Any) -> Embedder:  # noqa: ANN401
    """Open an embedder by name: the packaged default, a model on the hub, or a model folder.

    Nothing heavy is imported or read before the first embedding or the first look at `dimension`
    or `fingerprint`, so this is quick. `options` are those of `SentenceTransformerEmbedder`.

    Raises:
        ValueError: for an empty name.
        ModelError: (later, on first use) when the model cannot be had.
    """
    from rag_core.embedders.sentence_transformers import SentenceTransformerEmbedder

    if not name.strip():
        raise ValueError(f"an embedder needs a name, for instance {DEFAULT_EMBEDDER!r}")
    return SentenceTransformerEmbedder(name, **options)
