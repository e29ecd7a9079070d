"""Embedding at Cohere, through its v2 API. Needs the package in requirements-cohere.txt."""

from __future__ import annotations

import os
import weakref
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rag_core.embedders.batching import Amount
from rag_core.embedders.failures import Hosting
from rag_core.embedders.hosted import HostedEmbedder, Kind
from rag_core.errors import MissingDependencyError

if TYPE_CHECKING:
    from cohere import ClientV2, EmbedInputType

DIMENSIONS = {
    "embed-v4.0": 1536,
    "embed-english-v3.0": 1024,
    "embed-multilingual-v3.0": 1024,
    "embed-english-light-v3.0": 384,
    "embed-multilingual-light-v3.0": 384,
}
SHORTER = (256, 512, 1024, 1536)  # what embed-v4.0 offers
INPUT_TYPES: dict[Kind, EmbedInputType] = {"document": "search_document", "query": "search_query"}
_PACKAGE = "cohere"


def _hosting(model: str) -> Hosting:
    """Return Cohere's rules for a model.

    96 texts a request: reference of the v2 embed endpoint. 2,000 inputs a minute: "Different types
    of API keys and rate limits". Models of the third generation read 512 tokens, the fourth 128k.
    """
    text_tokens = 512 if "-v3" in model or "-v2" in model else 128_000
    return Hosting(
        provider="Cohere",
        key_setting="COHERE_API_KEY",
        address_setting="base_url",
        inputs=96,
        request_tokens=85_000,  # 128,000 where a limit is documented at all; ours are estimates
        text_tokens=text_tokens,
        minute=Amount(inputs=2000),
    )


class CohereEmbedder(HostedEmbedder):
    """embed-v4.0 or an older model; documents and queries are embedded as what they are.

    `dimensions` is 256, 512, 1024 or 1536, for embed-v4.0 alone. `options` are those of
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
        allowed = SHORTER if native == SHORTER[-1] else (native,)
        if dimensions is not None and native is not None and dimensions not in allowed:
            raise ValueError(f"{model} gives {allowed} dimensions, not {dimensions}")
        # The package of v3 models refuses the parameter even with the only value there is
        self._dimensions = dimensions if len(allowed) > 1 or native is None else None
        environment = os.environ
        super().__init__(
            model,
            _hosting(model),
            dimension=dimensions or native,
            base_url=base_url or environment.get("CO_API_URL") or None,
            api_key=api_key or environment.get("COHERE_API_KEY") or environment.get("CO_API_KEY"),
            requests_per_minute=requests_per_minute,
            tokens_per_minute=tokens_per_minute,
            **options,
        )

    def _identity(self) -> tuple[object, ...]:
        known = self._model in DIMENSIONS
        length = self._dimensions or DIMENSIONS.get(self._model)
        return (length, tuple(INPUT_TYPES.items()), None if known else self._base_url)

    @cached_property
    def _client(self) -> ClientV2:
        key = self._secret()
        try:
            from cohere import ClientV2
        except ImportError as error:
            raise MissingDependencyError(
                _PACKAGE, requirements="requirements-cohere.txt"
            ) from error
        client = ClientV2(
            api_key=key,
            base_url=self._base_url,
            timeout=self._timeout,
            max_retries=0,  # the courier tries again, and can be cancelled while it waits
            log_warning_experimental_features=False,
        )
        # Its connections end with this embedder; the package closes them only on leaving a `with`
        weakref.finalize(self, client.__exit__, None, None, None)
        return client

    def _request(self, texts: Sequence[str], kind: Kind) -> Any:  # noqa: ANN401
        client = self._client
        import httpx
        from cohere.core.api_error import ApiError
        from cohere.core.parse_error import ParsingError

        chosen: dict[str, Any] = {}
        if self._dimensions is not None:
            chosen["output_dimension"] = self._dimensions
        try:
            answer = client.embed(
                model=self._model,
                texts=list(texts),
                input_type=INPUT_TYPES[kind],
                embedding_types=["float"],
                truncate="NONE",  # a text that is not read to its end must not pass unnoticed
                **chosen,
            )
        except httpx.TransportError as error:
            silent = isinstance(error, httpx.TimeoutException)
            raise self._failures.unreachable(self._timeout if silent else None) from None
        except ApiError as error:
            if error.status_code is not None and 200 <= error.status_code < 300:
                raise self._failures.nonsense("an answer that is no JSON") from None
            body = error.body
            said = str(body.get("message", "")) if isinstance(body, dict) else str(body or "")
            raise self._failures.refusal(error.status_code, said, error.headers or {}) from None
        except (ParsingError, ValueError) as error:
            unread = f"what the cohere package cannot read ({type(error).__name__})"
            raise self._failures.nonsense(unread) from None
        vectors = getattr(getattr(answer, "embeddings", None), "float_", None)
        if vectors is None:
            raise self._failures.nonsense("an answer without vectors")
        return vectors
