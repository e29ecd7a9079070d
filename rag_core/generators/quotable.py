"""The sentences of a chunk as they can be quoted: cut with their places, and told from headings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag_core.sentences import sentence_spans

_TITLE_WORDS, _TITLE_LINE = 24, 10
_ENDED = re.compile(r"[.!?…。！？”\"')\];]$")
_WHOLE = '.!?…。！？"”)|'
_KEY = re.compile(r"([^\W\d][\w.\[\]]*): ")
_ROW = re.compile(r"; [^\W\d]\w*: ")
# "She was built in 1889." says who only together with the sentence before it.
_LEANS = re.compile(
    r"(?:he|she|it|they|his|her|its|their|this|these|those|of these|of those)\b", re.I
)


def quotable(text: str) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of every sentence, with each record of a table or list by itself.

    Records are lines of `key: value; key: value`, and runs of lines `list[0].key: value` whose
    keys stand in the same place: what the loaders make of CSV and JSON.
    """
    for start, end in sentence_spans(text):
        begin, at, before = start, start, ""
        for line in text[start:end].splitlines(keepends=True):
            key = _KEY.match(line)
            if key and at > start and (_ROW.search(line) or _elsewhere(key[1], before)):
                yield begin, begin + len(text[begin:at].rstrip())
                begin = at
            before = key[1] if key else before
            at += len(line)
        yield begin, end


def _elsewhere(key: str, before: str) -> bool:
    return "." in key and bool(before) and key.rpartition(".")[0] != before.rpartition(".")[0]


def is_heading(text: str) -> bool:
    """Return whether a text is a title: short lines, without full stops, keys or cells."""
    if text.startswith("#"):
        return "\n" not in text
    lines = text.splitlines()
    if len(text.split()) > _TITLE_WORDS or "|" in text or any(map(_KEY.match, lines)):
        return False
    return all(len(x.split()) <= _TITLE_LINE and not _ENDED.search(x.rstrip()) for x in lines)


def leans(text: str) -> bool:
    """Return whether a sentence begins with a pronoun: the one before says who or what it is of."""
    return _LEANS.match(text) is not None


def is_fragment(text: str, first: bool, last: bool) -> bool:
    """Return whether the chunk's edge has cut its first or last sentence."""
    cut_at_end = last and text[-1:] not in _WHOLE and ": " not in text
    return (first and text[:1].islower()) or cut_at_end
