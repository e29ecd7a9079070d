"""Where a text is best cut: one finder a kind of place, each looking only into a short window."""

from __future__ import annotations

import re
from collections.abc import Callable

from rag_core.sentences import is_line_end, last_sentence_break

Finder = Callable[[str, int, int], int]
"""(text, low, high) -> the last place in (low, high] to cut at, or -1. Text with plain lines."""

_PARAGRAPH = re.compile(r"(?s).*\n[^\S\n]*\n")
_CLAUSE = re.compile(r"(?s).*(?:[,;:—–،؛]\s|[，、；：])")
# Scripts without spaces may be cut beside any of these: ideographs, kana and their punctuation.
IDEOGRAPHS = "\u3001-\u3003\u3041-\u3096\u30a1-\u30fa\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"(?s).*[\s{IDEOGRAPHS}\U00020000-\U00031fff]")
_SPACE = re.compile(r"\s*+")
_LINE_ENDERS = frozenset('.!?…。！？।॥؟۔:;{}|>)]"”»」')
_FULL_LINE = 40  # characters; wrapped prose fills its lines further than this


def last_paragraph(text: str, low: int, high: int) -> int:
    """Find the last blank line."""
    found = _PARAGRAPH.match(text, low, high)
    return found.end() if found else -1


def last_line(text: str, low: int, high: int) -> int:
    """Find the last line break that is no wrapping of prose: after a list item, a row, code."""
    at = text.rfind("\n", low, high)
    while at >= 0:
        following = skip_space(text, at)
        if low < following <= high and _ends_line(text, at, following):
            return following
        at = text.rfind("\n", low, at)
    return -1


def last_clause(text: str, low: int, high: int) -> int:
    """Find the last comma, colon, semicolon or dash."""
    found = _CLAUSE.match(text, low, high)
    return found.end() if found else -1


def last_word(text: str, low: int, high: int) -> int:
    """Find the last gap between words."""
    found = _WORD.match(text, low, high)
    return found.end() if found else -1


SEPARATORS: dict[str, Finder] = {
    "paragraph": last_paragraph,
    "line": last_line,
    "sentence": last_sentence_break,
    "clause": last_clause,
    "word": last_word,
}


def literal(separator: str) -> Finder:
    """Return a finder of the places right after `separator`."""

    def last(text: str, low: int, high: int) -> int:
        at = text.rfind(separator, low, high)
        return at + len(separator) if at >= 0 else -1

    return last


def skip_space(text: str, at: int) -> int:
    """Return the first place from `at` on that is no white space, or the length of the text."""
    return _SPACE.match(text, at).end()  # type: ignore[union-attr]


def _ends_line(text: str, at: int, following: int) -> bool:
    # A line that begins within reach of `at` is short: a list, a poem, code, no wrapped prose.
    return (
        text[at - 1] in _LINE_ENDERS
        or text.rfind("\n", max(0, at - _FULL_LINE), at) >= 0
        or text[following - 1] in " \t"
        or is_line_end(text, at, following)
    )
