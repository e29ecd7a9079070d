"""Embedding at OpenAI, or at any server that speaks its protocol (Ollama, vLLM, ...)."""

from __future__ import annotations

import base64
import os
import weakref
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from rag_core.embedders.batching import Amount
from rag_core.embedders.failures import Hosting
from rag_core.embedders.hosted import HostedEmbedder, Kind

if TYPE_CHECKING:
    from openai import OpenAI

DIMENSIONS = {
    "text-embedding-3-small": 1536,
    "text-embedding-3-large": 3072,
    "text-embedding-ada-002": 1536,
}
# Limits of a request: the API reference of "Create embeddings". It allows 300,000 tokens; ours are
# estimated, up to a third too low. A minute: usage tier 1, where every paying account begins.
HOSTING = Hosting(
    provider="OpenAI",
    key_setting="OPENAI_API_KEY",
    address_setting="OPENAI_BASE_URL",
    inputs=2048,
    request_tokens=200_000,
    text_tokens=8191,
    minute=Amount(requests=3000, tokens=1_000_000),
)


class OpenAIEmbedder(HostedEmbedder):
    """text-embedding-3-small, text-embedding-3-large, or a model of another such server.

    `dimensions` shortens the vectors of the third generation, which were trained for it. Documents
    and queries are embedded alike: these models know no difference. `options` are those of
    `HostedEmbedder`.
    """

    def __init__(
        self,
        model: str,
        *,
        dimensions: int | None = None,
        base_url: str | None = None,
        api_key: str | None = None,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        **options: Any,  # noqa: ANN401
    ) -> None:
        native = DIMENSIONS.get(model)
        if dimensions is not None and not 1 <= dimensions <= (native or dimensions):
            raise ValueError(f"{model} gives 1 to {native} dimensions, not {dimensions}")
        if dimensions not in (None, native) and model == "text-embedding-ada-002":
            raise ValueError(f"{model} cannot shorten its vectors; leave dimensions out")
        self._dimensions = dimensions
        super().__init__(
            model,
            HOSTING,
            dimension=dimensions or native,
            base_url=base_url or os.environ.get("OPENAI_BASE_URL") or None,
            api_key=api_key or os.environ.get("OPENAI_API_KEY"),
            requests_per_minute=requests_per_minute,
            tokens_per_minute=tokens_per_minute,
            **options,
        )

    def _identity(self) -> tuple[object, ...]:
        # A published model is the same behind every address; of others we only know the address.
        known = self._model in DIMENSIONS
        return (self._dimensions or DIMENSIONS.get(self._model), None if known else self._base_url)

    @cached_property
    def _client(self) -> OpenAI:
        from openai import OpenAI

        client = OpenAI(
            api_key=self._secret(),
            base_url=self._base_url,
            timeout=self._timeout,
            max_retries=0,  # the courier tries again, and can be cancelled while it waits
        )
        weakref.finalize(self, client.close)  # its connections end with this embedder
        return client

    def _request(self, texts: Sequence[str], kind: Kind) -> Any:  # noqa: ANN401
        import openai

        client = self._client
        try:
            answer = client.embeddings.create(
                model=self._model,
                input=list(texts),
                # A third of the bytes of decimal numbers. Asked for by name, the package leaves
                # it to us, and does not make a million Python numbers of it.
                encoding_format="base64",
                dimensions=openai.omit if self._dimensions is None else self._dimensions,
            )
        except openai.APIConnectionError as error:
            silent = isinstance(error, openai.APITimeoutError)
            raise self._failures.unreachable(self._timeout if silent else None) from None
        except openai.APIStatusError as error:
            headers: Mapping[str, str] = error.response.headers
            body = error.body if isinstance(error.body, dict) else {}
            said = (
                f"{body.get('message') or error.message} ({body.get('code') or error.status_code})"
            )
            raise self._failures.refusal(error.status_code, said, headers) from None
        except (openai.OpenAIError, ValueError) as error:  # ValueError: an answer that is no JSON
            unread = f"what the openai package cannot read ({type(error).__name__})"
            raise self._failures.nonsense(unread) from None
        items = getattr(answer, "data", None)
        try:
            ordered = sorted(items or (), key=lambda item: item.index)
            if [item.index for item in ordered] != list(range(len(ordered))):
                raise self._failures.nonsense("vectors whose numbers are not 0, 1, 2, …")
            return [_numbers(item.embedding) for item in ordered]
        except (AttributeError, TypeError, ValueError) as error:
            raise self._failures.nonsense("an answer without vectors") from error


def _numbers(embedding: object) -> object:
    """Return the numbers of a vector, from base64 of float32 or from a list of numbers."""
    if isinstance(embedding, str):
        return np.frombuffer(base64.b64decode(embedding, validate=True), dtype="<f4")
    return embedding
