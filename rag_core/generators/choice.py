"""Who answers: the documents alone, OpenAI, or a server of one's own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from rag_core.access import require
from rag_core.datatypes import Message
from rag_core.errors import SettingsError
from rag_core.generators.addresses import PUBLIC_OPENAI, env_address, host, is_openai, same_address
from rag_core.generators.chat import DEFAULT_MODEL, ChatGenerator
from rag_core.generators.settings import ChatSettings

Kind = Literal["extractive", "openai", "server"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """What a session answers with; `settings` count for "openai" and "server" alone.

    Raises:
        SettingsError: for a server without an address.
    """

    kind: Kind = "extractive"
    settings: ChatSettings = field(default_factory=ChatSettings)

    def __post_init__(self) -> None:
        if self.kind == "openai":  # said in full: left empty, the environment's would be taken
            object.__setattr__(self, "settings", replace(self.settings, base_url=PUBLIC_OPENAI))
        elif self.kind == "server" and not self.settings.base_url:
            raise SettingsError(
                "The server has no address.", hint="It looks like http://127.0.0.1:11434/v1."
            )

    @property
    def label(self) -> str:
        """Who answers, in words: "llama3.2 at 127.0.0.1:11434"."""
        if self.kind == "extractive":
            return "quoted, without a model"
        if self.kind == "openai":
            return f"{self.settings.model or DEFAULT_MODEL} at OpenAI"
        return f"{self.settings.model or 'the first model'} at {host(self.settings.base_url)}"

    def with_model(self, model: str) -> ModelChoice:
        """Return the same with another model of the same server; as it is for none."""
        return replace(self, settings=replace(self.settings, model=model)) if model else self

    def chat(self) -> ChatGenerator | None:
        """Make the chat model, or None where no model answers; nothing is called yet.

        Raises:
            AccessError: when a viewer names a server that the environment does not name; a server
                in reach of this machine may not be in reach of theirs.
        """
        if self.kind == "extractive":
            return None
        if self.kind == "server" and not same_address(self.settings.base_url, env_address()):
            require("editor", "choose the address of a chat server")
        return self.settings.generator()


def list_models(choice: ModelChoice) -> list[str]:
    """Return the names of the models that the choice's server offers, sorted.

    Raises:
        AccessError, ModelError: as `chat` and the server do.
    """
    chat = choice.chat()
    if chat is None:
        return []
    with closing(chat):
        return chat.models()


def say(choice: ModelChoice, messages: Sequence[Message], *, max_tokens: int) -> tuple[str, str]:
    """Ask for one short reply, to try the settings; return the model's name and what it said.

    Raises:
        AccessError, ModelError: as `chat` and the server do.
    """
    chat = choice.chat()
    if chat is None:
        return "", ""
    with closing(chat):
        reply = chat.ask(messages, max_tokens=max_tokens)
        return chat.name, reply


def choice_from_env() -> ModelChoice:
    """Return what OPENAI_API_KEY, OPENAI_BASE_URL and RAGSCOPE_CHAT_MODEL ask for."""
    key, url = os.environ.get("OPENAI_API_KEY", ""), os.environ.get("OPENAI_BASE_URL", "")
    if not key and not url:
        return ModelChoice()
    model = os.environ.get("RAGSCOPE_CHAT_MODEL", "")
    if is_openai(url):
        return ModelChoice("openai", ChatSettings(model, PUBLIC_OPENAI, key))
    return ModelChoice("server", ChatSettings(model, url, key))
