"""An embedder without a model: hashed words, quick and the same on every machine."""

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from rag_core.protocols import FloatArray, OnProgress, Progress, TokenVectors

_WORD = re.compile(r"\w+")
BATCH = 8


class HashEmbedder:
    """Bags of hashed words. `salt` makes another model of it; `embedded` counts its texts."""

    max_tokens = 256

    def __init__(self, dimension: int = 64, salt: str = "") -> None:
        self.name = f"hash-{dimension}{salt}"
        self.fingerprint = hashlib.sha256(self.name.encode()).hexdigest()[:16]
        self.dimension = dimension
        self.embedded = 0
        self._salt = salt

    def embed_documents(
        self, texts: Sequence[str], *, on_progress: OnProgress | None = None
    ) -> FloatArray:
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        report = on_progress or (lambda progress: None)
        report(Progress("embedding", 0, len(texts)))
        for start in range(0, len(texts), BATCH):
            rows = range(start, min(start + BATCH, len(texts)))
            for row in rows:
                vectors[row] = self.embed_query(texts[row])
            self.embedded += len(rows)
            report(Progress("embedding", rows.stop, len(texts)))
        return vectors

    def embed_query(self, text: str) -> FloatArray:
        words = _WORD.findall(text.casefold())
        bag = sum((self._word(word) for word in words), start=np.zeros(self.dimension))
        bag[0] += 1e-3  # so that a text without words has a direction too
        return (bag / np.linalg.norm(bag)).astype(np.float32)

    def embed_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        return [self._tokens(list(_WORD.finditer(text))[: self.max_tokens]) for text in texts]

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(_WORD.findall(text)) for text in texts]

    def _tokens(self, words: list[re.Match[str]]) -> TokenVectors:
        vectors = [self._word(word[0].casefold()) for word in words]
        return TokenVectors(
            np.array(vectors, dtype=np.float32).reshape(-1, self.dimension),
            np.array([word.span() for word in words], dtype=np.int64).reshape(-1, 2),
        )

    def _word(self, word: str) -> np.ndarray:
        return _direction(f"{self._salt}|{word}", self.dimension)


@lru_cache(maxsize=100_000)
def _direction(word: str, dimension: int) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8])
    vector = np.random.default_rng(seed).normal(size=dimension)
    return vector / np.linalg.norm(vector)
