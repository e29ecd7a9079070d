"""Which words of a text a query matched, as keyword search sees words."""

from __future__ import annotations

import re

from rag_core.terms import terms

# Marks belong to their word, as in decomposed "é"; runs without spaces are looked at in pairs.
_WORD = re.compile(r"[\w\u0300-\u036f\u0900-\u0dff]+")


def matched_words(text: str, query: str) -> list[tuple[int, int]]:
    """Return the [start, end) of every word that shares an index term with the query, in order.

    They do not overlap. "boats" is matched by "boat"; function words are never.
    """
    wanted = set(terms(query))
    if not wanted:
        return []
    found: list[tuple[int, int]] = []
    for match in _WORD.finditer(text):
        for start, end in _matched(match[0], wanted):
            low, high = match.start() + start, match.start() + end
            if found and low <= found[-1][1] and not text[found[-1][1] : low]:
                found[-1] = found[-1][0], max(high, found[-1][1])
            else:
                found.append((low, high))
    return found


def _matched(word: str, wanted: set[str]) -> list[tuple[int, int]]:
    of_word = terms(word)
    if len(of_word) > 1 and not word.isascii():  # overlapping pairs of a script without spaces
        pairs = range(len(word) - 1)
        return [(at, at + 2) for at in pairs if wanted & set(terms(word[at : at + 2]))]
    return [(0, len(word))] if wanted & set(of_word) else []
