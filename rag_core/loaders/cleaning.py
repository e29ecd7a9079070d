"""The few changes made to every text and every file name, and nothing more."""

from __future__ import annotations

import re
import unicodedata

_SURROGATES = re.compile("[\ud800-\udfff]")
# White space, and what draws nothing: soft hyphen, joiners, direction marks, blank letters.
_INVISIBLE = (
    "\\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\\x00-\\x1f\\x7f-\\x9f"
)
_VISIBLE = re.compile(f"[^{_INVISIBLE}]")
# Overrides and isolates can make "exe.txt" read as "txt.exe"; separators break the line.
_NAME_DANGERS = re.compile("[\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_NAME_LENGTH = 200


def clean_text(text: str) -> str:
    """Return the text with LF line ends and without NUL, leading BOM and lone surrogates.

    Nothing else changes: decomposed accents stay decomposed, odd spaces stay odd.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return _SURROGATES.sub("\ufffd", text)


def has_text(text: str) -> bool:
    """Return whether anything in `text` would be seen on paper."""
    return _VISIBLE.search(text) is not None


def display_name(name: str) -> str:
    """Return the file name as it may be shown: no folders, control characters or bidi tricks.

    It is for people and for ids only, and is never used as a path. At most 200 characters; a
    longer name loses its middle and keeps its suffix.
    """
    final = name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    final = _NAME_DANGERS.sub("", _SURROGATES.sub("\ufffd", final))
    final = "".join(c for c in final if unicodedata.category(c) != "Cc").strip()
    if len(final) > _NAME_LENGTH:
        final = final[: _NAME_LENGTH - 21] + "…" + final[-20:]
    return final if final.strip(".") else "unnamed"


def suffix_of(name: str) -> str:
    """Return the part of a shown name after its last dot, with the dot, in lower case, or ""."""
    _, dot, suffix = name.rpartition(".")
    return f".{suffix.lower()}" if dot else ""


def listed(numbers: list[int]) -> str:
    """Return page numbers as people write them: "3, 5-9 and 12"; at most eight ranges."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    words = [str(a) if a == b else f"{a}-{b}" for a, b in ranges[:8]]
    if len(ranges) > 8:
        rest = sum(b - a + 1 for a, b in ranges[8:])
        return f"{', '.join(words)} and {rest:,} more"
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
