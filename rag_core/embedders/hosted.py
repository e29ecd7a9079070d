"""What embedding through somebody's server has in common: limits, batches, checks."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np

from rag_core.embedders.batching import (
    Amount,
    Backoff,
    Clock,
    Courier,
    Pulse,
    TooMuchError,
    pack,
)
from rag_core.embedders.estimate import Estimate, estimate_price, estimate_tokens
from rag_core.embedders.failures import Failures, Hosting, Secret
from rag_core.embedders.texts import encodable
from rag_core.errors import ModelError, SettingsError
from rag_core.protocols import FloatArray, OnProgress, Progress

Kind = Literal["document", "query"]
TIMEOUT_SECONDS = 60.0
# The estimate of tokens may be this much too high; only beyond it is a text refused unseen.
DOUBT = 1.25


class HostedEmbedder(ABC):
    """An embedder behind a server. Thread-safe; nothing is sent before the first embedding.

    Args:
        model: the provider's name for it.
        hosting: the provider's rules.
        dimension: the length of the vectors, if it is known before the first answer.
        base_url: another server than the provider's own.
        api_key: None for an anonymous server.
        requests_per_minute, tokens_per_minute: in place of the provider's usual limits.
        timeout: seconds until a silent server counts as failed.
        backoff, clock: when to try again, and where time comes from.
    """

    remote = True  # texts leave this machine

    def __init__(
        self,
        model: str,
        hosting: Hosting,
        *,
        dimension: int | None,
        base_url: str | None,
        api_key: str | None,
        requests_per_minute: float | None,
        tokens_per_minute: float | None,
        timeout: float = TIMEOUT_SECONDS,
        backoff: Backoff | None = None,
        clock: Clock | None = None,
    ) -> None:
        if not model.strip():
            raise ValueError(f"{hosting.provider.lower()}: needs the name of a model behind it")
        for value in (requests_per_minute, tokens_per_minute, timeout):
            if value is not None and value <= 0:
                raise ValueError(f"limits and time-outs are above 0, not {value}")
        self._model = model
        self._hosting = hosting
        self._known_dimension = dimension
        self._base_url = base_url
        self._key = Secret(api_key or "")
        self._timeout = timeout
        usual = Amount() if base_url else hosting.minute  # one's own server has no known limits
        self._minute = Amount(
            requests_per_minute or usual.requests, usual.inputs, tokens_per_minute or usual.tokens
        )
        self._failures = Failures(model, hosting, base_url, self._key)
        self._courier = Courier(self._minute, backoff=backoff, clock=clock)

    # -- what a provider fills in -----------------------------------------------------------

    @abstractmethod
    def _request(self, texts: Sequence[str], kind: Kind) -> Any:  # noqa: ANN401
        """Return the vectors of one request as the server sent them, in the order of the texts.

        Raises:
            TransientError, TooMuchError, ModelError: see `Failures`.
        """

    @abstractmethod
    def _identity(self) -> tuple[object, ...]:
        """Return everything that changes the numbers."""

    # -- an Embedder ------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The name it was opened by."""
        return f"{self._hosting.provider.lower()}:{self._model}"

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits over provider, model, dimensions and input types. Asks no server."""
        identity = (self._hosting.provider, self._model, "unit", "float32", *self._identity())
        return hashlib.sha256(repr(identity).encode()).hexdigest()[:16]

    @property
    def dimension(self) -> int:
        """The length of every vector; for a model we do not know, the server is asked once."""
        if self._known_dimension is None:
            self.embed_query("dimension")
        if self._known_dimension is None:
            raise ModelError(f"{self._failures.where} sent vectors without a length.")
        return self._known_dimension

    def embed_documents(
        self, texts: Sequence[str], *, on_progress: OnProgress | None = None
    ) -> FloatArray:
        """Return float32 of shape (len(texts), dimension), rows of unit length, in order.

        Raises:
            ModelError: when the server cannot be reached, refuses, or answers nonsense.
            SettingsError: when the key is missing.
        """
        if on_progress:
            on_progress(Progress("embedding", 0, len(texts)))
        parts = []
        done = 0
        for rows, vectors in self.embed_batches(texts, on_progress=on_progress):
            parts.append(vectors)
            done += len(rows)
            if on_progress:
                on_progress(Progress("embedding", done, len(texts)))
        return np.concatenate(parts) if parts else np.zeros((0, self.dimension), np.float32)

    def embed_query(self, text: str) -> FloatArray:
        """Return float32 of shape (dimension,), of unit length."""
        self._check_lengths([text])
        vector: FloatArray = self._send([text], 0, "query", None)[0]
        return vector

    def embed_batches(
        self, texts: Sequence[str], *, on_progress: OnProgress | None = None
    ) -> Iterator[tuple[Sequence[int], FloatArray]]:
        """Yield rows and their vectors, request by request, in order.

        `on_progress` is called while a request is under way or waits for its turn; what it raises
        ends the work.
        """
        sizes = self._check_lengths(texts)
        tokens = int(min(self._hosting.request_tokens, self._minute.tokens))
        done = 0

        def waiting() -> None:
            if on_progress:
                on_progress(Progress("embedding", done, len(texts)))

        for rows in pack(sizes, inputs=self._hosting.inputs, tokens=tokens):
            batch = [texts[row] for row in rows]
            yield rows, self._send(batch, rows.start, "document", waiting if on_progress else None)
            done = rows.stop

    def estimate(self, texts: Sequence[str]) -> Estimate:
        """Return about how many tokens the texts have and what they would cost. Sends nothing."""
        return estimate_price(self.name, texts)

    # -- one request ------------------------------------------------------------------------

    def _send(
        self, texts: Sequence[str], first: int, kind: Kind, pulse: Pulse | None
    ) -> FloatArray:
        """Send one request, or its halves when the server finds it too long.

        Tokens are estimated, so a request can be too long after all. Halving also finds the one
        text that no request can carry; `first` is its place among all texts.
        """
        sent = [encodable(text) or " " for text in texts]  # servers refuse an empty text
        amount = Amount(1, len(sent), sum(map(estimate_tokens, sent)))
        try:
            found = self._courier.send(lambda: self._request(sent, kind), amount, pulse)
        except TooMuchError as refusal:
            if len(texts) == 1:
                raise self._failures.too_long(first, texts[0], str(refusal.error)) from None
            half = len(texts) // 2
            return np.concatenate(
                [
                    self._send(texts[:half], first, kind, pulse),
                    self._send(texts[half:], first + half, kind, pulse),
                ]
            )
        return self._checked(found, len(texts))

    def _checked(self, found: object, count: int) -> FloatArray:
        try:
            vectors = np.asarray(found, dtype=np.float32)
        except (TypeError, ValueError) as error:
            raise self._failures.nonsense("vectors of unequal length, or no numbers") from error
        if vectors.ndim != 2 or not vectors.size:
            raise self._failures.nonsense("no vectors")
        if len(vectors) != count:
            raise self._failures.nonsense(f"{len(vectors)} vectors for {count} texts")
        if self._known_dimension not in (None, vectors.shape[1]):
            raise self._failures.nonsense(
                f"vectors of {vectors.shape[1]} numbers, not {self._known_dimension}"
            )
        norms = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
        if not np.isfinite(norms).all() or not norms.all():
            raise self._failures.nonsense("vectors that are not numbers, or zero")
        self._known_dimension = vectors.shape[1]
        unit: FloatArray = (vectors / norms).astype(np.float32)
        return unit

    def _check_lengths(self, texts: Sequence[str]) -> list[int]:
        """Return the estimated tokens of every text; nothing is sent if one is surely too long."""
        sizes = [estimate_tokens(text) for text in texts]
        for place, size in enumerate(sizes):
            if size > self._hosting.text_tokens * DOUBT:
                raise self._failures.too_long(place, texts[place], f"It has about {size:,} tokens.")
        return sizes

    def _secret(self) -> str:
        """Return the key.

        Raises:
            SettingsError: when there is none, or it cannot be one.
        """
        key = self._key.reveal(self._hosting.key_setting)
        if key or self._base_url:
            return key or "none"  # servers of one's own want none, but the packages insist
        raise SettingsError(
            f"{self._hosting.provider} needs a key.",
            hint=f"Set {self._hosting.key_setting}, or choose all-MiniLM-L6-v2, which needs none.",
        )
