"""Late interaction: comparing a query and a text token by token."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from rag_core.protocols import FloatArray, TokenEmbedder, TokenVectors
from rag_core.quantized import quantized

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


@runtime_checkable
class KeepsPassages(Protocol):
    """An embedder that keeps the token vectors of what is searched."""

    def passages(self, texts: Sequence[str]) -> list[TokenVectors]:
        """Return them, in order, as quantized.py makes them."""
        ...


class TokenMemory:
    """Token vectors of recently read texts, least recently used out first. Thread-safe.

    One serves every collection of a process: thirty of them take no thirty times the room.
    """

    def __init__(self, max_bytes: int = CACHE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[Hashable, TokenVectors] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, keys: Iterable[Hashable]) -> dict[Hashable, TokenVectors]:
        """Return what is kept of these."""
        with self._lock:
            return {key: self._kept[key] for key in keys if key in self._kept}

    def keep(self, found: Mapping[Hashable, TokenVectors]) -> None:
        """Keep these, as the last used; what was kept under the same key is as good."""
        with self._lock:
            for key, vectors in found.items():
                if key not in self._kept:
                    self._bytes += _size(vectors)
                    self._kept[key] = vectors
                self._kept.move_to_end(key)
            while self._bytes > self._max_bytes and len(self._kept) > 1:
                _, dropped = self._kept.popitem(last=False)
                self._bytes -= _size(dropped)


_MEMORY = TokenMemory()


class TokenCache:
    """An embedder's token vectors, out of a memory where it holds them. Thread-safe."""

    def __init__(self, embedder: TokenEmbedder, *, memory: TokenMemory = _MEMORY) -> None:
        self._embedder = embedder
        self._memory = memory
        self._own = object()  # two embedders read the same text in two ways

    def vectors(self, texts: Sequence[str]) -> list[TokenVectors]:
        """Return the token vectors of the texts, in order; only new texts are embedded."""
        return self._read(texts, "text", self._embedder.embed_tokens)

    def passages(self, texts: Sequence[str]) -> list[TokenVectors]:
        """Return those of texts that are searched, in order, in two bits a number: quantized.py.

        An embedder that keeps them on the disk reads none of them.
        """
        return self._read(texts, "passage", self._passages)

    def _passages(self, texts: Sequence[str]) -> list[TokenVectors]:
        if isinstance(self._embedder, KeepsPassages):
            return self._embedder.passages(texts)
        return [quantized(tokens) for tokens in self._embedder.embed_tokens(texts)]

    def _read(
        self, texts: Sequence[str], kind: str, read: Callable[[list[str]], list[TokenVectors]]
    ) -> list[TokenVectors]:
        keys = {text: (self._own, kind, text) for text in texts}
        kept = self._memory.get(keys.values())
        missing = [text for text, key in keys.items() if key not in kept]
        if missing:
            found = zip(missing, read(missing), strict=True)
            kept.update((keys[text], tokens) for text, tokens in found)
        self._memory.keep(kept)
        return [kept[keys[text]] for text in texts]


def _size(vectors: TokenVectors) -> int:
    return int(vectors.vectors.nbytes + vectors.offsets.nbytes)


def within(tokens: TokenVectors, start: int, end: int) -> FloatArray:
    """Return the vectors of the tokens that lie in the characters [start, end) of the text.

    They were read with the whole text around them, so that "it" carries what it stands for.
    """
    inside = (tokens.offsets[:, 0] >= start) & (tokens.offsets[:, 1] <= end)
    vectors: FloatArray = tokens.vectors[np.flatnonzero(inside)]
    return vectors
