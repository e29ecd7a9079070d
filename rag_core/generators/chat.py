"""Chat models behind any OpenAI-compatible server, through the openai package."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rag_core.datatypes import Message, Prompt
from rag_core.errors import ModelError
from rag_core.generators.addresses import PUBLIC_OPENAI, is_openai
from rag_core.generators.failures import TIMEOUT_SECONDS, errors_as_ours
from rag_core.prompts import SYSTEM_PROMPT

if TYPE_CHECKING:
    from openai import OpenAI

DEFAULT_MODEL = "gpt-4o-mini"
_HOSTED_WINDOW = 128_000  # tokens; the default model's
LOCAL_WINDOW = 4_096  # tokens; what Ollama gives a model that nobody asked it to give more


class ChatGenerator:
    """A chat model at OpenAI, or at any server that speaks its protocol (Ollama, vLLM, ...).

    Without a model, DEFAULT_MODEL is taken at OpenAI and the first one at another server. `window`
    is how many tokens the model reads and writes together.
    """

    def __init__(
        self,
        *,
        model: str | None = None,
        base_url: str | None = None,
        api_key: str | None = None,
        temperature: float = 0.0,
        max_tokens: int = 800,
        system_prompt: str = SYSTEM_PROMPT,
        window: int | None = None,
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:
        self.system_prompt = system_prompt
        self._hosted = is_openai(base_url)
        self.window = window or (_HOSTED_WINDOW if self._hosted else LOCAL_WINDOW)
        self._model = model
        self._base_url = base_url
        self._api_key = api_key
        self._temperature = temperature
        self._max_tokens = max_tokens
        self._timeout = timeout
        self._client: OpenAI | None = None
        self._thinks = False  # known once it has refused the words that the others take

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model or (DEFAULT_MODEL if self._hosted else "the server's model")

    @property
    def address(self) -> str:
        """Where its server is."""
        return self._base_url or PUBLIC_OPENAI

    @property
    def prompt_tokens(self) -> int:
        """How many tokens a prompt may have, so that the answer still fits the window."""
        return max(0, self.window - self._max_tokens)

    def stream(self, prompt: Prompt) -> Iterator[str]:
        """Yield the answer as the server sends it.

        Raises:
            ModelError: when the server cannot be reached, refuses, breaks off, or says nothing.
        """
        said = finished = False
        with errors_as_ours(self._base_url, timeout=self._timeout):
            limits = self._limits(self._temperature, self._max_tokens)
            with self._created(prompt.messages, limits, stream=True) as stream:
                for choice in (choice for event in stream for choice in event.choices[:1]):
                    finished = finished or choice.finish_reason is not None
                    if choice.delta.content:
                        said = True
                        yield choice.delta.content
        if not finished:  # a dropped connection looks like an end; only this tells them apart
            raise ModelError("The answer broke off half-way.", hint="Ask again.")
        if not said:
            raise ModelError(
                f"{self.name} gave an empty answer.", hint="Ask again, or choose another model."
            )

    def ask(self, messages: Sequence[Message], *, max_tokens: int) -> str:
        """Return a short reply, not streamed.

        Raises:
            ModelError: as `stream` does.
        """
        with errors_as_ours(self._base_url, timeout=self._timeout):
            reply = self._created(messages, self._limits(0.0, max_tokens))
            text = (reply.choices[0].message.content or "").strip() if reply.choices else ""
        if not text:
            raise ModelError(f"{self.name} gave an empty answer.", hint="Ask again.")
        return text

    def resolve(self) -> str:
        """Return the model's name, asked of the server where none was chosen.

        Raises:
            ModelError: when the server cannot be reached, refuses, or offers none.
        """
        with errors_as_ours(self._base_url, timeout=self._timeout):
            return self._chosen()

    def models(self) -> list[str]:
        """Return the names of the server's models, sorted.

        Raises:
            ModelError: when the server cannot be reached or refuses.
        """
        with errors_as_ours(self._base_url, timeout=self._timeout):
            return sorted(model.id for model in self._open().models.list())

    def prepare(self) -> None:
        """Make ready to ask, ahead of the first question; no server is called.

        Raises:
            ModelError: when there is no key where one is needed.
        """
        with errors_as_ours(self._base_url, timeout=self._timeout):
            self._open()

    def close(self) -> None:
        """Let go of the connections; the next call opens new ones."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _open(self) -> OpenAI:
        if self._client is None:
            from openai import OpenAI

            self._client = OpenAI(
                api_key=self._key(),
                base_url=self._base_url,
                timeout=self._timeout,
                max_retries=0,
            )
        return self._client

    def _limits(self, temperature: float, max_tokens: int) -> dict[str, float]:
        if self._thinks:
            return {"max_completion_tokens": max_tokens}
        return {"temperature": temperature, "max_tokens": max_tokens}

    def _created(self, messages: Sequence[Message], limits: dict[str, float], **more: bool) -> Any:  # noqa: ANN401 - a stream or a reply, by what is asked for
        """Ask; once more in the words of models that think first, if this turns out to be one.

        OpenAI's take `max_completion_tokens` alone, and no temperature.
        """
        from openai import BadRequestError

        values: Any = {
            "model": self._chosen(),
            "messages": [{"role": one.role, "content": one.content} for one in messages],
            **more,
        }
        create: Any = self._open().chat.completions.create
        try:
            return create(**values, **limits)
        except BadRequestError as error:
            if self._thinks or "max_completion_tokens" not in str(error):
                raise
            self._thinks = True
            return create(**values, **self._limits(0.0, int(limits["max_tokens"])))

    def _key(self) -> str | None:
        if self._api_key or not self._hosted:
            # Servers on one's own machine want no key, but the package insists on one.
            return self._api_key or "none"
        if self._base_url or not os.environ.get("OPENAI_API_KEY"):
            raise ModelError(
                "OpenAI needs a key.",
                hint="Give one in the model settings, or set OPENAI_API_KEY.",
            )
        return None  # the package takes it from the environment

    def _chosen(self) -> str:
        if self._model is None:
            self._model = DEFAULT_MODEL if self._hosted else self._first()
        return self._model

    def _first(self) -> str:
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
