"""Turning texts into vectors: one file a provider, opened by name."""

from __future__ import annotations

import difflib
import os
from importlib import import_module
from typing import Any

from rag_core.protocols import Embedder

DEFAULT_EMBEDDER = "all-MiniLM-L6-v2"
LOCAL = "sentence-transformers"
EMBEDDERS = {
    LOCAL: "rag_core.embedders.sentence_transformers:SentenceTransformerEmbedder",
    "openai": "rag_core.embedders.openai:OpenAIEmbedder",
    "cohere": "rag_core.embedders.cohere:CohereEmbedder",
    "words": "rag_core.embedders.words:WordsEmbedder",
}
"""What stands before the colon of a name, and where its class is; imported when it is chosen."""


def embedder_from_env() -> str:
    """Return RAGSCOPE_EMBEDDER, a name for `open_embedder`, or the default's when it is unset."""
    return os.environ.get("RAGSCOPE_EMBEDDER", "").strip() or DEFAULT_EMBEDDER


def open_embedder(name: str = DEFAULT_EMBEDDER, **options: Any) -> Embedder:  # noqa: ANN401
    """Open an embedder by name.

    Nothing heavy is imported or read, and no server is asked, before the first embedding or the
    first look at `dimension` or `fingerprint`, so this is quick.

    Args:
        name: "openai:MODEL", "cohere:MODEL", "words:DIMENSION", or without a prefix the packaged
            default, a model on the hub or a model folder.
        options: those of the provider's class in EMBEDDERS: `dtype` and `revision` on this
            machine; `dimensions`, `base_url`, `api_key`, `requests_per_minute`,
            `tokens_per_minute` and `timeout` elsewhere.

    Raises:
        ValueError: for an empty name, an unknown prefix, or options that cannot work.
        ModelError, SettingsError, MissingDependencyError: (later, on first use) when the model
            cannot be had.
    """
    if not name.strip():
        raise ValueError(f"an embedder needs a name, for instance {DEFAULT_EMBEDDER!r}")
    prefix, colon, model = name.partition(":")
    if not colon or _is_path(prefix):
        prefix, model = LOCAL, name
    if prefix not in EMBEDDERS:
        near = difflib.get_close_matches(prefix, EMBEDDERS, n=1)
        guess = f" (did you mean {near[0]}:?)" if near else ""
        known = ", ".join(sorted(EMBEDDERS))
        raise ValueError(f"unknown embedder {prefix + ':'!r}{guess}; known are {known}")
    module, kind = EMBEDDERS[prefix].split(":")
    embedder: Embedder = getattr(import_module(module), kind)(model, **options)
    return embedder


def _is_path(before_colon: str) -> bool:
    """Return whether a colon after this is part of a path (a drive, ./a:b). The hub has none."""
    return len(before_colon) == 1 or "/" in before_colon or "\\" in before_colon
