"""Where chat servers are, and which key goes where.

A key belongs to the address it was given for. The environment's key goes to the environment's
address and to no other, so that whoever may name a server cannot have the key sent there.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit

PUBLIC_OPENAI = "https://api.openai.com/v1"


def is_openai(address: str | None) -> bool:
    """Return whether an address is OpenAI's own; no address is."""
    return not address or same_address(address, PUBLIC_OPENAI)


def same_address(one: str, other: str) -> bool:
    """Return whether two addresses are the same but for a slash at the end."""
    return one.strip().rstrip("/") == other.strip().rstrip("/")


def env_address() -> str:
    """Return the address that the environment's key belongs to."""
    return os.environ.get("OPENAI_BASE_URL", "") or PUBLIC_OPENAI


def env_key(address: str) -> str:
    """Return the environment's key if it belongs to this address, else nothing."""
    return os.environ.get("OPENAI_API_KEY", "") if same_address(address, env_address()) else ""


def host(address: str) -> str:
    """Return the host and port of an address, for people; never what stands before an @."""
    try:
        place = urlsplit(address).netloc
    except ValueError:  # such as a bracket that is never closed
        place = ""
    return (place or address).rpartition("@")[2]
