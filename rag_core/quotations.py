"""Quotations in an answer, looked up in its sources."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rag_core.datatypes import SearchHit

Label = Literal["verbatim", "stitched", "misattributed", "absent"]
_QUOTED = re.compile(r"“([^“”]+)”|«([^«»]+)»|(?<!\w)\"([^\"\n]+)\"(?!\w)")
_CITED = re.compile(r"[\s.,;]*((?:\[\d{1,3}\]\s*)+)")
_GAP = re.compile(r"\s*(?:\[?…\]?|\[?\.\.\.\]?)\s*")
_LEAST = 8  # characters; a shorter one is a word in inverted commas, not a quotation


@dataclass(frozen=True, slots=True)
class Quotation:
    """A quotation, `answer[start:end]` without its marks, and whether a source holds it.

    `label` is "verbatim" (letter for letter in a cited source, white space apart), "stitched" (its
    parts stand in one cited source, in this order, but not together), "misattributed" (it stands in
    other sources only, `found_in`), or "absent". Without a citation behind it every source counts
    as cited.
    """

    start: int
    end: int
    label: Label
    cited: tuple[int, ...]
    found_in: tuple[int, ...]


def quotations(answer: str, sources: Sequence[SearchHit]) -> list[Quotation]:
    """Return every quotation of at least 8 characters between “ ”, « » or straight marks."""
    texts = [_flat(hit.chunk.text) for hit in sources]
    found = []
    for mark in _QUOTED.finditer(answer):
        group = mark.lastindex or 0
        start, end = mark.span(group)
        if end - start >= _LEAST:
            behind = _CITED.match(answer, mark.end())
            numbers = re.findall(r"\d+", behind[1]) if behind else []
            found.append(_judged(answer[start:end], start, end, map(int, numbers), texts))
    return found


def _judged(
    quote: str, start: int, end: int, numbers: Sequence[int] | map[int], texts: Sequence[str]
) -> Quotation:
    named = tuple(numbers)
    cited = named or tuple(range(1, len(texts) + 1))
    plain = _flat(quote).strip(" .,;")
    holding = tuple(n for n, text in enumerate(texts, start=1) if plain in text)
    parts = [part.strip(" .,;") for part in _GAP.split(_flat(quote)) if part.strip(" .,;")]
    pieced = any(_in_order(parts, texts[n - 1]) for n in cited if 1 <= n <= len(texts))
    if set(holding) & set(cited):
        label: Label = "verbatim"
    elif len(parts) > 1 and pieced:
        label = "stitched"
    else:
        label = "misattributed" if holding else "absent"
    return Quotation(start, end, label, named, holding)


def _in_order(parts: Sequence[str], text: str) -> bool:
    place = 0
    for part in parts:
        place = text.find(part, place)
        if place < 0:
            return False
        place += len(part)
    return True


def _flat(text: str) -> str:
    return " ".join(text.split())
