"""Numbers in a text, read so that 1,234 and 1234, 3.50 and 3.5, twelve and 12 are the same."""

from __future__ import annotations

import re
from dataclasses import dataclass

_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty"
).split()
_VALUES = {word: str(value) for value, word in enumerate(_WORDS)}
_DIGITS = r"(?:\d{1,3}(?:[,\u00a0\u202f'’]\d{3})+|\d+)(?:\.\d+)?"
_NUMBER = re.compile(rf"(?<![\w.]){_DIGITS}|(?<=[A-Za-z-])\d+|\b(?:{'|'.join(_WORDS)})\b", re.I)
# "one" is more often a pronoun than a number, and says nothing that could be checked.
_IGNORED = {"one"}


@dataclass(frozen=True, slots=True)
class Figure:
    """A number where it stands: `text[start:end]`, and its plain value for comparison."""

    start: int
    end: int
    value: str


def figures(text: str) -> list[Figure]:
    """Return the numbers of a text in order: digits, and English words from zero to twenty."""
    return [
        Figure(found.start(), found.end(), _value(found[0]))
        for found in _NUMBER.finditer(text)
        if found[0].lower() not in _IGNORED
    ]


def _value(text: str) -> str:
    if text.lower() in _VALUES:
        return _VALUES[text.lower()]
    whole, _, part = re.sub(r"[,\u00a0\u202f'’]", "", text).partition(".")
    part = part.rstrip("0")
    whole = whole.lstrip("0") or "0"
    return f"{whole}.{part}" if part else whole
