"""A model that knows words and no meaning: what there was before embeddings, to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from rag_core.protocols import FloatArray, OnProgress, Progress

_LEAST, _MOST = 16, 16_384


class WordsEmbedder:
    """Counts words, each hashed to one of `dimension` places; opened as "words:1024".

    Two texts without a common word have a cosine near 0, whatever they mean. Needs no weights.

    Source: Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009, by
    scikit-learn's HashingVectorizer.
    """

    def __init__(self, dimension: str = "1024") -> None:
        if not (dimension.isascii() and dimension.isdigit() and len(dimension) < 6):
            raise ValueError(f"words: takes a number of dimensions, not {dimension!r}")
        if not _LEAST <= int(dimension) <= _MOST:
            raise ValueError(f"words: takes {_LEAST} to {_MOST:,} dimensions, not {dimension}")
        self.dimension = int(dimension)
        self.name = f"words:{self.dimension}"

    @cached_property
    def fingerprint(self) -> str:
        """Of the library's rules as well: another version may cut words in another way."""
        import sklearn

        return f"words-{self.dimension}-sklearn-{sklearn.__version__}"

    @cached_property
    def _counter(self) -> Any:  # noqa: ANN401
        from sklearn.feature_extraction.text import HashingVectorizer

        return HashingVectorizer(n_features=self.dimension, norm="l2", token_pattern=r"\w+")

    def embed_documents(
        self, texts: Sequence[str], *, on_progress: OnProgress | None = None
    ) -> FloatArray:
        """Return float32 of shape (len(texts), dimension), rows of unit length, in order."""
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        vectors = self._counter.transform(texts).toarray().astype(np.float32)
        empty = ~vectors.any(axis=1)  # no word, or two that cancel out: some direction it must have
        vectors[empty, 0] = 1.0
        if on_progress:
            on_progress(Progress("embedding", len(texts), len(texts)))
        found: FloatArray = vectors
        return found

    def embed_query(self, text: str) -> FloatArray:
        """Return float32 of shape (dimension,), of unit length."""
        vector: FloatArray = self.embed_documents([text])[0]
        return vector
