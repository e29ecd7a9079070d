"""What an answer cost, where the price is known."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from rag_core.generators.addresses import is_openai
from rag_core.generators.chat import ChatGenerator
from rag_core.protocols import Generator

# US dollars a million tokens read and written, standard tier; looked up on 2026-11-23 without a
# network, in copies of OpenAI's price list that agree: deploybase.ai (March 2026), aumiqx.com
# (April 2026), aimodelcalc.pages.dev (June 2026). A model that is not here has no known price.
PRICES = {
    "gpt-4o": (2.50, 10.00),
    "gpt-4o-mini": (0.15, 0.60),
    "gpt-4.1": (2.00, 8.00),
    "gpt-4.1-mini": (0.40, 1.60),
    "gpt-4.1-nano": (0.10, 0.40),
    "gpt-5": (1.25, 10.00),
    "gpt-5-mini": (0.25, 2.00),
    "gpt-5-nano": (0.05, 0.40),
}


def price_usd(generator: Generator, read: int, written: int) -> float | None:
    """Return what so many tokens cost with a generator, in US dollars; None where nobody knows.

    Quoting and a server on this machine cost nothing. A server elsewhere has no known price,
    whatever its models are called.
    """
    if not isinstance(generator, ChatGenerator):
        return 0.0
    if is_openai(generator.address):
        price = PRICES.get(generator.name)
        return None if price is None else (read * price[0] + written * price[1]) / 1e6
    return 0.0 if _is_here(generator.address) else None


def _is_here(address: str) -> bool:
    try:
        name = urlsplit(address).hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
