"""Late interaction: comparing a query and a text token by token."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from rag_core.protocols import FloatArray, TokenEmbedder, TokenVectors

CACHE_BYTES = 256 * 2**20  # about 900 chunks of 200 tokens at 384 float32 numbers each


def maxsim(query: FloatArray, text: FloatArray) -> float:
    """Return the mean, over the query's tokens, of the best cosine to any token of the text.

    Args:
        query: (q, d), rows of unit length.
        text: (t, d), rows of unit length.

    Returns:
        -1 to 1; -1 when either has no token.

    Source: Khattab and Zaharia, "ColBERT", SIGIR 2020, with the mean for the sum so that long and
    short queries share a scale.
    """
    if not len(query) or not len(text):
        return -1.0
    return float((query @ text.T).max(axis=1).mean())


class TokenCache:
    """Token vectors of recently read texts, least recently used out first. Thread-safe."""

    def __init__(self, embedder: TokenEmbedder, *, max_bytes: int = CACHE_BYTES) -> None:
        self._embedder = embedder
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[str, TokenVectors] = OrderedDict()
        self._lock = threading.Lock()

    def vectors(self, texts: Sequence[str]) -> list[TokenVectors]:
        """Return the token vectors of the texts, in order; only new texts are embedded."""
        with self._lock:
            found = {text: self._kept[text] for text in texts if text in self._kept}
        missing = [text for text in dict.fromkeys(texts) if text not in found]
        if missing:
            found.update(zip(missing, self._embedder.embed_tokens(missing), strict=True))
        with self._lock:
            for text in texts:
                self._keep(text, found[text])
        return [found[text] for text in texts]

    def _keep(self, text: str, vectors: TokenVectors) -> None:
        if text not in self._kept:
            self._bytes += _size(vectors)
        self._kept[text] = vectors
        self._kept.move_to_end(text)
        while self._bytes > self._max_bytes and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= _size(dropped)


def _size(vectors: TokenVectors) -> int:
    return int(vectors.vectors.nbytes + vectors.offsets.nbytes)


def within(tokens: TokenVectors, start: int, end: int) -> FloatArray:
    """Return the vectors of the tokens that lie in the characters [start, end) of the text.

    They were read with the whole text around them, so that "it" carries what it stands for.
    """
    inside = (tokens.offsets[:, 0] >= start) & (tokens.offsets[:, 1] <= end)
    vectors: FloatArray = tokens.vectors[np.flatnonzero(inside)]
    return vectors
