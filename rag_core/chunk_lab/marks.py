"""Marking an answer in a text: typed as its own words, or as two offsets."""

from __future__ import annotations

import re

from rag_core.datatypes import Document, Span
from rag_core.protocols import IntArray

_OFFSETS = re.compile(r"\s*(\d{1,9})\s*[-–:]\s*(\d{1,9})\s*")
_WORDS = re.compile(r"\S+")


def mark_text(span: Span) -> str:
    """Return a span as it stands in a link: "120-180"."""
    return f"{span.start}-{span.end}"


def find_mark(document: Document, typed: str) -> Span | None:
    """Return the place that `typed` means in the document, or None when there is none.

    "120-180" are offsets, end exclusive; anything else is the answer's own words, looked for as
    they stand, with any white space between them, then without regard to case. The first place
    counts.
    """
    offsets = _OFFSETS.fullmatch(typed)
    if offsets:
        start, end = int(offsets[1]), int(offsets[2])
        inside = start < end <= len(document.text) and document.text[start:end].strip()
        return Span(document.id, start, end) if inside else None
    words = r"\s+".join(re.escape(word) for word in _WORDS.findall(typed))
    for flags in (0, re.IGNORECASE):
        found = re.search(words, document.text, flags) if words else None
        if found:
            return Span(document.id, found.start(), found.end())
    return None


def holds_token(span: Span, tokens: IntArray) -> bool:
    """Return whether some token of the text stands in the span, so that it can be judged."""
    return bool(((tokens[:, 1] > span.start) & (tokens[:, 0] < span.end)).any())
