"""Grapheme clusters: what a reader takes for one character, and where a text may be cut.

All questions are answered from a bounded stretch of text, so that one line of five megabytes or a
million combining marks on one letter cost no more than their own length.
"""

from __future__ import annotations

import re

import regex

_CLUSTER = regex.compile(r"\X")
_FIRST_LOOK = 256  # characters; longer clusters are looked at again in ever larger slices
_NEAR = 64  # characters searched backwards for a character that surely begins a cluster
_JOINING_LETTERS = "\u0e33\u0eb3\uff9e\uff9f"  # letters, and yet parts of what stands before
_FLAG_LETTERS = "".join(map(chr, range(0x1F1E6, 0x1F200)))
# Letters that no rule of Unicode's annex 29 ties to what stands before them, save in pairs: the
# copyright signs are left out since a joiner may precede them, and so are Indic consonants.
_BEGINNER = re.compile(
    "(?s).*[\\x00-\\xa8\xaa-\xad\xaf-\u02ff\u0370-\u0482\u048a-\u058f\u05d0-\u05ea\u0620-\u064a"
    "\u0e01-\u0e30\u3041-\u3096\u30a1-\u30fa\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3]"
)


def joined(text: str, at: int) -> bool:
    """Return whether `text[at - 1]` and `text[at]` hold together whatever stands around them.

    Exact wherever one of the two is white space or punctuation; elsewhere longer context can
    count, and `cluster_start` is the one to ask. The two ends of a text are not joined.
    """
    if not 0 < at < len(text):
        return False
    left, right = text[at - 1], text[at]
    if _apart(left, right):
        return left == "\r" and right == "\n"
    return _CLUSTER.fullmatch(left + right) is not None


def _apart(left: str, right: str) -> bool:
    """Return whether nothing but CRLF can join the two, without asking the slower tables."""
    if left < "\u0300":
        return right < "\u0300" or (right.isalpha() and right not in _JOINING_LETTERS)
    return left < "\u0600" and right < "\u0300"


def cluster_start(text: str, at: int, known: int) -> int:
    """Return the start of the cluster that holds `text[at]`; `at` itself when one begins there.

    `known` is a place no later than `at` where a cluster begins for sure, such as the start of a
    chunk. The end of the text counts as a start.
    """
    if at >= len(text) or at <= known:
        return at
    left, right = text[at - 1], text[at]
    if _apart(left, right):
        return at - 1 if left == "\r" and right == "\n" else at
    if left in _FLAG_LETTERS and right in _FLAG_LETTERS:  # two make a flag: count from the first
        before = text[known:at]
        run = len(before) - len(before.rstrip(_FLAG_LETTERS))
        if run > 1:
            return at - run % 2
    begin = known
    if found := _BEGINNER.match(text, max(known, at - _NEAR), at):
        near = found.end() - 1
        if not joined(text, near):
            begin = near
    start = begin
    for match in _CLUSTER.finditer(text[begin : at + 1]):
        start = begin + match.start()
    return start


def cluster_end(text: str, at: int) -> int:
    """Return where the cluster that begins at `at` ends; the end of the text at its end."""
    look = _FIRST_LOOK
    while True:
        found = _CLUSTER.match(text[at : at + look])
        if found is None:
            return len(text)
        if found.end() < look or at + look >= len(text):
            return at + int(found.end())
        look *= 4
