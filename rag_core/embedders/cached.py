"""An embedder that looks into the cache first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol, Self, cast, runtime_checkable

import numpy as np

from rag_core.embedders.cache import PassageCache, VectorCache
from rag_core.embedders.estimate import Estimate
from rag_core.protocols import (
    Embedder,
    FloatArray,
    OnProgress,
    Progress,
    TokenEmbedder,
    TokenVectors,
)
from rag_core.quantized import quantized

_Batches = Callable[[Sequence[str], OnProgress], Iterable[tuple[Sequence[int], FloatArray]]]
BATCH = 64  # for embedders that cannot say what they have finished so far


@runtime_checkable
class BatchEmbedder(Protocol):
    """An embedder that hands over its vectors batch by batch."""

    def embed_batches(
        self, texts: Sequence[str], *, on_progress: OnProgress | None = None
    ) -> Iterator[tuple[Sequence[int], FloatArray]]:
        """Yield rows of `texts` with their vectors; every row once, in any order."""
        ...


@runtime_checkable
class PassageEmbedder(Protocol):
    """An embedder that shows the vectors of the tokens which a text's vector was made from."""

    def embed_passages(
        self, texts: Sequence[str]
    ) -> Iterator[tuple[Sequence[int], FloatArray, Sequence[TokenVectors] | None]]:
        """Yield rows of `texts`, their vectors and those of their tokens, if any; each row once."""
        ...


@runtime_checkable
class PricedEmbedder(Protocol):
    """An embedder that says beforehand what embedding would take."""

    def estimate(self, texts: Sequence[str]) -> Estimate:
        """Return tokens and price of embedding these texts."""
        ...


class CachedEmbedder:
    """Any embedder with a `VectorCache` before it: each distinct text is embedded once, ever.

    Every batch is kept as soon as it is there, so that after a failure the next try embeds, and
    pays for, the rest alone. Of an embedder that shows token vectors it makes one that does too.
    """

    def __new__(
        cls, inner: Embedder, cache: VectorCache, passages: PassageCache | None = None
    ) -> Self:
        """Make the kind that fits the inner embedder."""
        # By the type: isinstance would read max_tokens, and thereby load the model, at opening
        shows_tokens = hasattr(type(inner), "embed_tokens")
        return super().__new__(cast(type[Self], CachedTokenEmbedder) if shows_tokens else cls)

    def __init__(
        self, inner: Embedder, cache: VectorCache, passages: PassageCache | None = None
    ) -> None:
        self.inner = inner
        self.cache = cache
        self.kept_passages = passages

    @property
    def name(self) -> str:
        """The name it was opened by."""
        return self.inner.name

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the model; the cache changes no numbers."""
        return self.inner.fingerprint

    @property
    def dimension(self) -> int:
        """The length of every vector."""
        return self.inner.dimension

    @property
    def remote(self) -> bool:
        """Whether texts leave this machine, which may cost money."""
        return bool(getattr(self.inner, "remote", False))

    def embed_documents(
        self, texts: Sequence[str], *, on_progress: OnProgress | None = None
    ) -> FloatArray:
        """Return float32 of shape (len(texts), dimension), rows of unit length, in order."""
        return self._embed(texts, on_progress, self._batches)

    def embed_passages(
        self, texts: Sequence[str], *, on_progress: OnProgress | None = None
    ) -> FloatArray:
        """Do the same with texts that are going to be searched.

        What is read of them besides, and will be asked for with every search, is kept here.
        """
        return self.embed_documents(texts, on_progress=on_progress)

    def _embed(
        self, texts: Sequence[str], on_progress: OnProgress | None, batches: _Batches
    ) -> FloatArray:
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        places: dict[str, list[int]] = {}
        for place, text in enumerate(texts):
            places.setdefault(text, []).append(place)
        done = 0

        def report(progress: Progress) -> None:
            if on_progress:
                on_progress(replace(progress, done=done, total=len(texts)))

        def fill(text: str, vector: FloatArray) -> int:
            vectors[places[text]] = vector
            return len(places[text])

        report(Progress("embedding", 0, 0))
        known = self.cache.get(self.fingerprint, "document", list(places), self.dimension)
        done += sum(fill(text, vector) for text, vector in known.items())
        missing = [text for text in places if text not in known]
        for rows, found in batches(missing, report):
            batch = [missing[row] for row in rows]
            self.cache.put(self.fingerprint, "document", batch, found)
            done += sum(fill(text, vector) for text, vector in zip(batch, found, strict=True))
            report(Progress("embedding", 0, 0))
        if not missing:
            report(Progress("embedding", 0, 0))
        return vectors

    def embed_query(self, text: str) -> FloatArray:
        """Return float32 of shape (dimension,), of unit length."""
        known = self.cache.get(self.fingerprint, "query", [text], self.dimension)
        if text in known:
            return known[text]
        vector = self.inner.embed_query(text)
        self.cache.put(self.fingerprint, "query", [text], vector[np.newaxis])
        return vector

    def estimate(self, texts: Sequence[str]) -> Estimate | None:
        """Return tokens and price of what is not in the cache; None if the model cannot say."""
        if not isinstance(self.inner, PricedEmbedder):
            return None
        distinct = list(dict.fromkeys(texts))
        known = self.cache.known(self.fingerprint, "document", distinct)
        return self.inner.estimate([text for text in distinct if text not in known])

    def _batches(
        self, texts: Sequence[str], report: OnProgress
    ) -> Iterator[tuple[Sequence[int], FloatArray]]:
        if isinstance(self.inner, BatchEmbedder):
            yield from self.inner.embed_batches(texts, on_progress=report)
            return
        for start in range(0, len(texts), BATCH):
            batch = texts[start : start + BATCH]
            yield range(start, start + len(batch)), self.inner.embed_documents(batch)


class CachedTokenEmbedder(CachedEmbedder):
    """The same for an embedder that shows the vectors of its tokens.

    Of passages, which every search reads some of, they are kept on the disk as well.
    """

    @property
    def _tokens(self) -> Any:  # noqa: ANN401
        return self.inner

    @property
    def max_tokens(self) -> int:
        """How many tokens the model reads, special tokens included; the rest is never seen."""
        return int(self._tokens.max_tokens)

    def embed_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """Return the token vectors of every text, in order, each cut at `max_tokens`."""
        return cast(TokenEmbedder, self.inner).embed_tokens(texts)

    def embed_passages(
        self, texts: Sequence[str], *, on_progress: OnProgress | None = None
    ) -> FloatArray:
        """Return what `embed_documents` does; keep the token vectors, which cost nothing now."""
        return self._embed(texts, on_progress, self._passage_batches)

    def passages(self, texts: Sequence[str]) -> list[TokenVectors]:
        """Return the token vectors of passages, in order, as they are kept; see quantized.py."""
        kept = self.kept_passages
        found = kept.get(self.fingerprint, texts) if kept else {}
        missing = list(dict.fromkeys(text for text in texts if text not in found))
        if missing:
            read = [quantized(tokens) for tokens in self.embed_tokens(missing)]
            new = dict(zip(missing, read, strict=True))
            if kept:
                kept.put(self.fingerprint, new)
            found |= new
        return [found[text] for text in texts]

    def _passage_batches(
        self, texts: Sequence[str], report: OnProgress
    ) -> Iterator[tuple[Sequence[int], FloatArray]]:
        if self.kept_passages is None or not isinstance(self.inner, PassageEmbedder):
            yield from self._batches(texts, report)
            return
        for rows, vectors, tokens in self.inner.embed_passages(texts):
            if tokens is not None:
                read = dict(zip((texts[row] for row in rows), tokens, strict=True))
                self.kept_passages.put(self.fingerprint, read)
            yield rows, vectors

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens each text has, uncut, special tokens left out."""
        return cast(TokenEmbedder, self.inner).count_tokens(texts)
