"""The settings of a chat model, and the servers of this machine that offer one."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field

from rag_core.access import require
from rag_core.errors import SettingsError
from rag_core.generators.chat import ChatGenerator
from rag_core.prompts import SYSTEM_PROMPT

LOCAL_PORTS: Mapping[str, int] = {
    "Ollama": 11434,
    "LM Studio": 1234,
    "llama.cpp": 8080,
    "vLLM": 8000,
}
PROBE_SECONDS = 1.0
_MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class ChatSettings:
    """What a person sets about a chat model. The key is not in its repr and is never kept.

    `base_url` empty is OpenAI; `model` empty is the server's first; `window` 0 is the usual one.
    `temperature` is 0 to 2, `max_tokens` at least 1.

    Raises:
        SettingsError: for a number out of its range, or an address that is no http address.
    """

    model: str = ""
    base_url: str = ""
    api_key: str = field(default="", repr=False)
    temperature: float = 0.0
    max_tokens: int = 800
    system_prompt: str = SYSTEM_PROMPT
    window: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.temperature <= 2:
            raise SettingsError("The temperature must be between 0 and 2.", hint="Take 0.")
        if self.max_tokens < 1 or self.window < 0:
            raise SettingsError("Tokens are counted from 1.", hint="Take 800 for the answer.")
        if self.base_url and not self.base_url.startswith(("http://", "https://")):
            raise SettingsError(
                f"{self.base_url!r} is no address of a server.",
                hint="It looks like http://127.0.0.1:11434/v1.",
            )
        if "@" in self.base_url:  # addresses are shown, so that none may hold a password
            raise SettingsError(
                "An address cannot hold a name and a password.", hint="Give them as the key."
            )

    def generator(self) -> ChatGenerator:
        """Make the chat model; nothing is called yet."""
        return ChatGenerator(
            model=self.model or None,
            base_url=self.base_url or None,
            api_key=self.api_key or None,
            temperature=self.temperature,
            max_tokens=self.max_tokens,
            system_prompt=self.system_prompt,
            window=self.window or None,
        )


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A chat server found on this machine, and its models."""

    name: str
    base_url: str
    models: tuple[str, ...]


def list_models(settings: ChatSettings) -> list[str]:
    """Return the names of the models a server offers, sorted.

    Raises:
        ModelError: when it cannot be reached or refuses.
    """
    with closing(settings.generator()) as chat:
        return chat.models()


def find_local_servers(ports: Mapping[str, int] = LOCAL_PORTS) -> list[LocalServer]:
    """Ask the usual ports of this machine for their models, all at once, for at most about 1 s.

    Only loopback is asked, and no key is sent. What does not answer like a chat server is left out.

    Raises:
        AccessError: for a viewer, who may sit at another machine.
    """
    require("editor", "look for servers on this machine")
    with ThreadPoolExecutor(max_workers=max(1, len(ports))) as pool:
        found = pool.map(lambda item: _probe(*item), ports.items())
    return [server for server in found if server is not None]


def _probe(name: str, port: int) -> LocalServer | None:
    url = f"http://127.0.0.1:{port}/v1"
    # An environment's proxy has no business between this machine and itself.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"{url}/models", timeout=PROBE_SECONDS) as reply:
            listed = json.loads(reply.read(_MOST_BYTES))
        return LocalServer(name, url, tuple(sorted(model["id"] for model in listed["data"])))
    except (OSError, urllib.error.URLError, ValueError, KeyError, TypeError):
        return None
