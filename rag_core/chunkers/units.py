"""Measuring text in characters, words or tokens, without counting any piece twice.

A ruler is laid along a whole text once; after that, how far n units reach is one look-up.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable
from typing import Protocol

import numpy as np

from rag_core.protocols import IntArray

UNITS = ("characters", "words", "tokens")
LONG_WORD = 40  # characters; in a longer run each further 40 count as a word, so none is endless
_CODES = 0x110000


class Tokenizer(Protocol):
    """What counts in a model's tokens."""

    def offsets(self, text: str) -> IntArray:
        """Return int64 (tokens, 2): the characters [start, end) of each token, in order."""
        ...


class Ruler(Protocol):
    """Answers how far a number of units reaches, from any place, in either direction."""

    def reach(self, start: int, units: int) -> int:
        """Return the largest end such that [start, end) touches at most `units` units."""
        ...

    def back(self, end: int, units: int) -> int:
        """Return the smallest start such that [start, end) touches at most `units` units."""
        ...

    def count(self, start: int, end: int) -> int:
        """Return how many units [start, end) touches."""
        ...


class CharacterRuler:
    """One unit is one character (code point)."""

    def __init__(self, text: str) -> None:
        self._length = len(text)

    def reach(self, start: int, units: int) -> int:
        """Return the largest end such that [start, end) touches at most `units` units."""
        return min(start + units, self._length)

    def back(self, end: int, units: int) -> int:
        """Return the smallest start such that [start, end) touches at most `units` units."""
        return max(end - units, 0)

    def count(self, start: int, end: int) -> int:
        """Return how many units [start, end) touches."""
        return end - start


class SpanRuler:
    """Units are spans in order: words or tokens. Several tokens may share one character."""

    def __init__(self, starts: IntArray, ends: IntArray, length: int) -> None:
        # memoryviews: bisect reads them several times faster than it reads arrays
        self._starts = np.ascontiguousarray(starts).data
        self._ends = np.ascontiguousarray(ends).data
        self._length = length

    def reach(self, start: int, units: int) -> int:
        """Return the largest end such that [start, end) touches at most `units` units."""
        after = bisect.bisect_right(self._ends, start) + units
        return int(self._starts[after]) if after < len(self._starts) else self._length

    def back(self, end: int, units: int) -> int:
        """Return the smallest start such that [start, end) touches at most `units` units."""
        before = bisect.bisect_left(self._starts, end) - units
        return int(self._ends[before - 1]) if before > 0 else 0

    def count(self, start: int, end: int) -> int:
        """Return how many units [start, end) touches."""
        last = bisect.bisect_left(self._starts, end)
        return max(0, last - bisect.bisect_right(self._ends, start))


def ruler(text: str, unit: str, tokenizer: Tokenizer | None = None) -> Ruler:
    """Lay a ruler in `unit` along the text.

    A word is a run without white space; an ideograph or kana is a word of its own, and in a run of
    more than 40 characters every 40 begun count as one. Tokens are those of `tokenizer`, by its
    own offsets, which are the only ones that fit the text: decoded tokens do not.
    """
    if unit == "characters":
        return CharacterRuler(text)
    if unit == "words":
        return SpanRuler(*_words(text), len(text))
    offsets = (tokenizer or _DefaultTokenizer()).offsets(text)
    starts = np.maximum.accumulate(offsets[:, 0]) if len(offsets) else offsets.reshape(-1)
    ends = np.maximum.accumulate(offsets[:, 1]) if len(offsets) else offsets.reshape(-1)
    return SpanRuler(starts.astype(np.int64), ends.astype(np.int64), len(text))


class _DefaultTokenizer:
    """The default embedding model's tokens; the model is loaded when first asked."""

    def offsets(self, text: str) -> IntArray:
        from rag_core.embedders import open_embedder

        read: Callable[[list[str]], list[IntArray]] = open_embedder().token_offsets  # type: ignore[attr-defined]
        return read([text])[0]


def _classes() -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """Return 0 for white space, 2 for characters that are words by themselves, 1 for the rest."""
    classes = np.ones(_CODES, dtype=np.uint8)
    for low, high in ((0x3041, 0x3097), (0x30A1, 0x30FB), (0x3400, 0x4DC0), (0x4E00, 0xA000)):
        classes[low:high] = 2
    classes[0xF900:0xFB00] = 2
    classes[0x20000:0x32000] = 2
    spaces = [code for code in range(0x3001) if chr(code).isspace()]
    classes[spaces] = 0
    classes[:33] = 0  # control characters too
    return classes


_CLASSES = _classes()
_COMMON_CLASSES = _CLASSES[:0x10000].copy()  # small enough to stay in the cache
_BLOCK = 1 << 16  # characters classified at a time, for the same reason


def _words(text: str) -> tuple[IntArray, IntArray]:
    """Return where each word starts, and where it and the white space after it end."""
    found = []
    before = np.zeros(1, dtype=np.uint8)
    for low in range(0, len(text), _BLOCK):
        kinds = np.concatenate((before, _kinds(text[low : low + _BLOCK])))
        # 2 starts after anything, 1 after 0 and 2 but not in its own run, 0 never
        found.append(np.flatnonzero(kinds[1:] > (kinds[:-1] & 1)) + low)
        before = kinds[-1:]
    edges = _divided(text, np.concatenate((*found, [len(text)])).astype(np.int64, copy=False))
    return edges[:-1], edges[1:]


def _kinds(block: str) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """Return the class of each character, by the narrowest codes that hold them all."""
    if block.isascii():
        return (np.frombuffer(block.encode("ascii"), dtype=np.uint8) > 32).view(np.uint8)
    codes = np.frombuffer(block.encode("utf-16-le", "surrogatepass"), dtype=np.uint16)
    if len(codes) == len(block):
        return _COMMON_CLASSES.take(codes, mode="clip")  # unchecked: three times as fast
    wide = np.frombuffer(block.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    return _CLASSES.take(wide, mode="clip")


def _divided(text: str, edges: IntArray) -> IntArray:
    """Add the starts of the pieces of words of more than LONG_WORD characters."""
    long = np.flatnonzero(np.diff(edges) > LONG_WORD)
    pieces = [
        np.arange(start + LONG_WORD, start + len(text[start:end].rstrip()), LONG_WORD)
        for start, end in zip(edges[long].tolist(), edges[long + 1].tolist(), strict=True)
    ]
    if not pieces:
        return edges
    added = np.concatenate(pieces)
    return np.insert(edges, np.searchsorted(edges, added), added)
