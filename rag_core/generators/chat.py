"""Chat models behind any OpenAI-compatible server, through the openai package."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from rag_core.datatypes import Prompt
from rag_core.errors import ModelError

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types.chat import ChatCompletionMessageParam

DEFAULT_MODEL = "gpt-4o-mini"
TIMEOUT_SECONDS = 60.0


class ChatGenerator:
    """A chat model at OpenAI, or at any server that speaks its protocol (Ollama, vLLM, ...).

    With a base URL and no model, the server's first model is taken.
    """

    def __init__(
        self,
        *,
        model: str | None = None,
        base_url: str | None = None,
        api_key: str | None = None,
        temperature: float = 0.0,
        max_tokens: int = 800,
    ) -> None:
        self._model = model
        self._base_url = base_url
        self._api_key = api_key
        self._temperature = temperature
        self._max_tokens = max_tokens
        self._client: OpenAI | None = None

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model or ("the server's model" if self._base_url else DEFAULT_MODEL)

    def stream(self, prompt: Prompt) -> Iterator[str]:
        """Yield the answer as the server sends it.

        Raises:
            ModelError: when the server cannot be reached, refuses, or breaks off.
        """
        with _errors_as_ours(self._base_url):
            if self._model is None:
                self._model = self._choose()
            messages = [{"role": m.role, "content": m.content} for m in prompt.messages]
            stream = self._open().chat.completions.create(
                model=self._model,
                messages=cast("list[ChatCompletionMessageParam]", messages),
                temperature=self._temperature,
                max_tokens=self._max_tokens,
                stream=True,
            )
            finished = False
            with stream:
                for choice in (choice for event in stream for choice in event.choices[:1]):
                    finished = finished or choice.finish_reason is not None
                    if choice.delta.content:
                        yield choice.delta.content
            if not finished:  # a dropped connection looks like an end; only this tells them apart
                raise ModelError("The answer broke off half-way.", hint="Ask again.")

    def _open(self) -> OpenAI:
        if self._client is None:
            from openai import OpenAI

            # Servers on one's own machine want no key, but the package insists on one.
            key = self._api_key or ("none" if self._base_url else None)
            self._client = OpenAI(api_key=key, base_url=self._base_url, timeout=TIMEOUT_SECONDS)
        return self._client

    def _choose(self) -> str:
        if not self._base_url:
            return DEFAULT_MODEL
        for model in self._open().models.list():
            return model.id
        raise ModelError(
            f"The server {self._base_url} offers no model.",
            hint="Load a model there, or set RAGSCOPE_CHAT_MODEL to its name.",
        )


def chat_from_env() -> ChatGenerator | None:
    """Return the chat model that OPENAI_API_KEY, OPENAI_BASE_URL and RAGSCOPE_CHAT_MODEL describe.

    None when neither key nor address is set.
    """
    key, url = os.environ.get("OPENAI_API_KEY"), os.environ.get("OPENAI_BASE_URL")
    if not key and not url:
        return None
    return ChatGenerator(
        model=os.environ.get("RAGSCOPE_CHAT_MODEL") or None, base_url=url or None, api_key=key
    )


@contextmanager
def _errors_as_ours(base_url: str | None) -> Iterator[None]:
    import openai

    where = base_url or "OpenAI"
    try:
        yield
    except openai.AuthenticationError as error:
        raise ModelError(f"{where} refused the key.", hint="Check OPENAI_API_KEY.") from error
    except openai.NotFoundError as error:
        raise ModelError(
            f"{where} does not know this model or address.",
            hint="Check RAGSCOPE_CHAT_MODEL and OPENAI_BASE_URL (it usually ends in /v1).",
        ) from error
    except openai.RateLimitError as error:
        raise ModelError(
            f"{where} is receiving too many requests, or the quota is used up.",
            hint="Wait a moment and ask again.",
        ) from error
    except openai.APITimeoutError as error:
        raise ModelError(
            f"{where} did not answer within {TIMEOUT_SECONDS:.0f} s.", hint="Ask again."
        ) from error
    except openai.APIConnectionError as error:
        raise ModelError(
            f"{where} cannot be reached.", hint="Check the address and that the server runs."
        ) from error
    except openai.OpenAIError as error:
        raise ModelError(f"{where} failed: {error}", hint="Ask again.") from error
