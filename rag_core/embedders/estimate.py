"""What embedding will cost, before it is paid for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# US dollars a million tokens, standard tier; looked up on 2026-11-22 without a network, in copies:
# OpenAI's of developers.openai.com/api/docs/models as of 2026-07-03, by tokenprice.fyi, with the
# large and ada models by embeddingcost.com (May 2026); Cohere's, the least sure, by toolstac.com.
# A model that is not here has no known price, and no price is ever guessed.
PRICES = {
    "openai:text-embedding-3-small": 0.02,
    "openai:text-embedding-3-large": 0.13,
    "openai:text-embedding-ada-002": 0.10,
    "cohere:embed-v4.0": 0.12,
}


@dataclass(frozen=True, slots=True)
class Estimate:
    """What embedding some texts would take.

    `price_usd` is None when the price is not known, 0 on one's own machine. `exact` says whether
    the model's own tokenizer counted; otherwise `tokens` is a rule of thumb.
    """

    tokens: int
    price_usd: float | None
    exact: bool


def estimate_tokens(text: str) -> int:
    """Return about how many tokens a byte-pair tokenizer makes of a text; at least 1.

    The rule: four ASCII characters a token, three bytes of anything else. English prose comes out
    some 10 % high; Chinese and Japanese near the truth; program text up to a third low. The real
    vocabularies are downloads, and this must work without a network.
    """
    narrow = len(text.encode("ascii", "ignore"))
    wide = len(text.encode("utf-8", "replace")) - narrow
    return max(1, -(-narrow // 4) - (-wide // 3))


def estimate_price(name: str, texts: Iterable[str]) -> Estimate:
    """Return the estimate for a model by the name it is opened by, a key of PRICES."""
    tokens = sum(map(estimate_tokens, texts))
    price = PRICES.get(name)
    return Estimate(tokens, None if price is None else tokens * price / 1e6, exact=False)
