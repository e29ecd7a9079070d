"""Whether what a PDF parser returned can be read, or is noise that looks like text.

Three things happen on ordinary papers: the names of glyphs instead of letters (/g18/g152, /G43,
(cid:12)), characters that stand for nothing (U+FFFD, private use, control codes), and letters of
the wrong alphabet, recognisable by scripts that change from letter to letter as in no language.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import lru_cache

_GLYPH_NAMES = re.compile(
    r"(?:/[A-Za-z]{0,4}\d{1,5}(?![\w.])\s?|\(cid:\d+\)\s?|/uni[0-9A-F]{4}\s?){5,}"
)
_WORD = re.compile(r"[^\W\d_]{3,}")
_VOWELS = frozenset("aeiouyáàâäãåæéèêëíìîïóòôöõøœúùûüýıąęőűăîů")
# Scripts that are written together in one word or one line without a space.
_FAMILIES = {"CJK": "EAST", "HIRAGANA": "EAST", "KATAKANA": "EAST", "HANGUL": "EAST",
             "KATAKANA-HIRAGANA": "EAST", "BOPOMOFO": "EAST", "IDEOGRAPHIC": "EAST",
             "HALFWIDTH": "EAST", "FULLWIDTH": "EAST"}  # fmt: skip
# Letters of formulas and units: they stand beside any letter.
_NEUTRAL = frozenset(("MATHEMATICAL", "DOUBLE-STRUCK", "SCRIPT", "MICRO", "OHM", "MODIFIER"))

UNREADABLE = 0.3
"""From this noise on, a page is not worth indexing."""
SUSPICIOUS = 0.03
"""From this noise on, a second parser is believed if its text is cleaner."""


def noise(text: str) -> float:
    """Return how much of `text` is noise: 0 for text in any language, 1 for none at all.

    The share of visible characters that belong to glyph names or stand for nothing, or the share
    of neighbouring letters that cannot stand in one word, whichever is more.
    """
    visible = [c for c in text if not c.isspace()]
    if not visible:
        return 0.0
    glyphs = sum(len(re.sub(r"\s", "", m[0])) for m in _GLYPH_NAMES.finditer(text))
    void = sum(_is_void(c) for c in visible)
    share = (glyphs + void) / len(visible)
    # A few stray codes are a formula's; the same among letters that form no words are a cipher.
    if void / len(visible) > 0.08 and _wordiness(text, len(visible)) < 0.3:
        share = max(share, 0.5)
    return min(1.0, max(share, _script_changes(text), _symbols(visible, text)))


def alike(first: str, second: str) -> float:
    """Return the cosine of the two texts' letter counts: near 1 when they say the same."""
    a, b = (Counter(c for c in unicodedata.normalize("NFKC", t).lower() if c.isalpha())
            for t in (first, second))  # fmt: skip
    dot = sum(count * b[letter] for letter, count in a.items())
    norms = sum(v * v for v in a.values()) * sum(v * v for v in b.values())
    return float(dot / norms**0.5) if norms else 1.0


@lru_cache(maxsize=4096)
def _is_void(character: str) -> bool:
    """Return whether the character stands for nothing: control, private, unassigned, U+FFFD."""
    return character == "\ufffd" or unicodedata.category(character) in ("Cc", "Co", "Cn", "Cs")


def _wordiness(text: str, visible: int) -> float:
    """Return the share of visible characters in words; a Latin word needs a vowel."""
    words = (w.lower() for w in _WORD.findall(text))
    return sum(len(w) for w in words if w > "ɏ" or _VOWELS.intersection(w)) / visible


def _symbols(visible: list[str], text: str) -> float:
    """Return the share of Latin-1 signs (as in "Ã¤Â¶¥") when there are more of them than words."""
    signs = sum("\x80" <= c <= "\xbf" or c in "×÷" for c in visible) / len(visible)
    return signs if signs > 0.35 and _wordiness(text, len(visible)) < 0.2 else 0.0


def _script_changes(text: str) -> float:
    """Return the share of adjoining letters whose scripts are never mixed; 0 for short texts."""
    pairs = changes = 0
    before = ""
    for character in text[:20_000]:
        script = _script(character)
        if script and before:
            pairs += 1
            # Latin stands in words of every script: "GPUの", "αx", "5кВт".
            changes += script != before and "LATIN" not in (script, before)
        before = script
    return changes / pairs if pairs >= 30 else 0.0


@lru_cache(maxsize=16_384)
def _script(character: str) -> str:
    """Return the script of a letter by the first word of its name; "" for all else."""
    if not character.isalpha():
        return ""
    first = unicodedata.name(character, "").split(" ", 1)[0]
    return "" if first in _NEUTRAL else _FAMILIES.get(first, first)
