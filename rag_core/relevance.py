"""Whether a text can answer a question: what it must hold, and what kind of answer is asked for."""

from __future__ import annotations

import re

import numpy as np

from rag_core.protocols import TokenVectors
from rag_core.terms import STOP_WORDS

# Printed by benchmarks/thresholds.py, from questions that no test asks: the twentieth part of
# the answerable ones lies below it.
ANSWERABLE = 0.30
# A model judges for itself what the sources say; it is only spared what no source comes near. The
# hundredth part of the answerable questions lies below it.
RELEVANT = 0.25
_LEAST = 2  # content tokens that must be found: one alone may be an odd word of the asker's
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
    """Return how well a text holds the two content tokens of the question that it holds worst.

    The mean of their best cosines to any token of the text, -1 to 1. A subject alone is not
    enough: of "what does the loaf cost?" the cost must be there too. Function words do not count;
    a question of nothing else is judged by all its tokens.
    """
    if not len(asked.vectors) or not len(text.vectors):
        return -1.0
    best = (asked.vectors @ text.vectors.T).max(axis=1)
    content = [_is_content(question[start:end]) for start, end in asked.offsets]
    counted = best[np.array(content, dtype=bool)] if any(content) else best
    return float(np.sort(counted)[:_LEAST].mean())


def expects(question: str) -> re.Pattern[str] | None:
    """Return what an answer must hold: a number, a time, a name; None when any text may answer."""
    lower = question.lower()
    return next((answer for asked, answer in _EXPECTED if asked.search(lower)), None)


def _is_content(word: str) -> bool:
    return word.isalnum() and word.lower() not in STOP_WORDS
