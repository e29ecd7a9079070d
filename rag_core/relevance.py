"""Whether a text can answer a question: what it must hold, and what kind of answer is asked for."""

from __future__ import annotations

import re

from rag_core.protocols import TokenVectors

# From benchmarks/thresholds.py's questions, which no test asks: about the twelfth part of the
# answerable ones lies below it.
ANSWERABLE = 0.46
# A model judges for itself what the sources say; it is only spared what nothing comes near.
RELEVANT = 0.35
_NUMBER = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|half|once|"
    r"twice|hundred|thousand|million)\b",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"\d|\b(?:(?:jan|febr)uary|march|april|may|june|july|august|(?:sept|nov|dec)ember|october|"
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?|days?|weeks?|months?|years?|hours?|minutes?|"
    r"noon|midnight|spring|summer|autumn|winter|century)\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?<=[^.!?:|\n] )[\"“(]?[^\W\d_a-zß-ÿ]\w+")
_EXPECTED = (
    (
        re.compile(
            r"\bhow (?:many|much|long|tall|high|large|wide|old|fast|often|late|far|deep|heavy)\b"
            r"|\b(?:what|which) (?:share|temperature|number|price|height|length|speed|percentage)"
        ),
        _NUMBER,
    ),
    (re.compile(r"\bwhen\b|\b(?:what|which) (?:day|date|year|month|time|weekday)"), _TIME),
    (re.compile(r"\bwho(?:se|m)?\b|\bwhere\b|\bcalled\b|\bname of\b"), _NAME),
)


def support(question: str, asked: TokenVectors, text: TokenVectors) -> float:
    """Return how well a text holds a question's tokens: their mean best cosine, -1 to 1.

    Judging by the worst content tokens alone told the threshold's own questions apart better, and
    declined too many that were put in other words.
    """
    if not question or not len(asked.vectors) or not len(text.vectors):
        return -1.0
    return float((asked.vectors @ text.vectors.T).max(axis=1).mean())


def expects(question: str) -> re.Pattern[str] | None:
    """Return what an answer must hold: a number, a time, a name; None when any text may answer."""
    lower = question.lower()
    return next((answer for asked, answer in _EXPECTED if asked.search(lower)), None)
