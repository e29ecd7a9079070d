"""Words for keyword search: cut, folded, stemmed, in any script."""

from __future__ import annotations

import re
import threading
import unicodedata
from functools import lru_cache
from typing import Any

# Scripts written without spaces: a run of them is no word, so its overlapping pairs are indexed.
_UNSPACED = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17ff"  # Burmese, Khmer
    "\u3040-\u30ff\u31f0-\u31ff"  # Hiragana, Katakana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Han
)
# Marks (\u0300 and the like) are not \w but belong to their word, as in decomposed "é" or Hindi.
_TERM = re.compile(rf"[{_UNSPACED}]+|(?:(?![{_UNSPACED}])[\w\u0300-\u036f\u0900-\u0dff])+")
_IS_UNSPACED = re.compile(rf"[{_UNSPACED}]")

# Function words of English: they say how a sentence is built, not what it is about.
STOP_WORDS = frozenset(
    """a about above after again against all also am an and any are as at be because been before
    being below between both but by can could did do does doing down during each few for from
    further had has have having he her here hers herself him himself his how i if in into is it its
    itself just me more most my myself no nor not now of off on once only or other our ours
    ourselves out over own same she should so some such than that the their theirs them themselves
    then there these they this those through to too under until up very was we were what when where
    which while who whom whose why will with would you your yours yourself yourselves""".split()
)


def terms(text: str, *, stem: bool = True, stop_words: bool = True) -> list[str]:
    """Return the index terms of a text, in order, repeats kept.

    Words of any script, folded for case and compatibility forms, without accents' composition
    mattering; runs of Han, Kana, Thai, Lao, Khmer and Burmese become overlapping pairs. English
    function words are left out, and words are stemmed (Snowball English), unless switched off.
    """
    return [
        term
        for word in _TERM.findall(unicodedata.normalize("NFKC", text).casefold())
        for term in _terms_of(word, stem, stop_words)
    ]


@lru_cache(maxsize=200_000)
def _terms_of(word: str, stem: bool, stop_words: bool) -> tuple[str, ...]:
    if _IS_UNSPACED.match(word):
        return tuple(word[i : i + 2] for i in range(max(1, len(word) - 1)))
    if stop_words and word in STOP_WORDS:
        return ()
    return (_stemmed(word),) if stem and word.isascii() else (word,)


_local = threading.local()


def _stemmed(word: str) -> str:
    # A Snowball stemmer keeps state while it works, so every thread has its own.
    stemmer: Any = getattr(_local, "stemmer", None)
    if stemmer is None:
        import Stemmer

        stemmer = _local.stemmer = Stemmer.Stemmer("english")
    return str(stemmer.stemWord(word))
