"""Words for keyword search: cut, folded, stemmed, in any script."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

# Scripts written without spaces: a run of them is no word, so its overlapping pairs are indexed.
_UNSPACED = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17ff"  # Burmese, Khmer
    "\u3040-\u30ff\u31f0-\u31ff"  # Hiragana, Katakana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Han
)
# Marks (\u0300 and the like) are not \w but belong to their word, as in decomposed "é" or Hindi;
# the full stops of Hindi (\u0964, \u0965) do not.
_MARKS = "\u0300-\u036f\u0900-\u0963\u0966-\u0dff"
_TERM = re.compile(rf"[{_UNSPACED}]+|(?:[^\W{_UNSPACED}]+|[{_MARKS}]+)+")
_ASCII_TERM = re.compile(r"\w+", re.ASCII)  # the same of an ASCII text, several times as fast
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
ANALYZERS = ("words", "whitespace")
_NOT_LANGUAGES = {"porter", "dutch_porter"}  # older stemmers for languages that have a newer one
_CACHED = 200_000  # words; a cache this size is some tens of MB when it is full


@dataclass(frozen=True, slots=True)
class Analyzer:
    """How a text becomes index terms.

    Args:
        kind: "words" cuts as `terms` says. "whitespace" lower-cases and cuts at white space, so
            that punctuation sticks to its word: the plainest way, to compare with; nothing below
            applies to it.
        language: of the stemmer and the stop words; one of `languages()`.
        stem: cut endings off (Snowball), so that "bridges" finds "bridge".
        stop_words: leave function words out.

    Raises:
        ValueError: for an unknown kind or language; the message lists the known.
    """

    kind: str = "words"
    language: str = "english"
    stem: bool = True
    stop_words: bool = True

    def __post_init__(self) -> None:
        if self.kind not in ANALYZERS:
            raise ValueError(f"unknown analyzer {self.kind!r}; known are {', '.join(ANALYZERS)}")
        if self.language != "english" and self.language not in languages():
            raise ValueError(
                f"unknown language {self.language!r}; known are {', '.join(languages())}"
            )

    def __call__(self, text: str) -> list[str]:
        """Return the index terms of a text, in order, repeats kept."""
        rule = self.rule
        return [term for word in self.words(text) for term in rule(word)]

    def words(self, text: str) -> list[str]:
        """Cut a text into folded words, in order; `rule` says which terms a word stands for."""
        if self.kind == "whitespace":
            return text.lower().split()
        if text.isascii():
            return _ASCII_TERM.findall(text.lower())
        return _TERM.findall(unicodedata.normalize("NFKC", text).casefold())

    @property
    def rule(self) -> Callable[[str], tuple[str, ...]]:
        """What gives a word's terms: none for a stop word, several for a run of Han."""
        if self.kind == "whitespace":
            return _itself
        return _rule(self.language, self.stem, self.stop_words)


def terms(
    text: str, *, stem: bool = True, stop_words: bool = True, language: str = "english"
) -> list[str]:
    """Return the index terms of a text, in order, repeats kept.

    Words of any script, folded for case and compatibility forms, without accents' composition
    mattering; runs of Han, Kana, Thai, Lao, Khmer and Burmese become overlapping pairs. Function
    words are left out, and words are stemmed (Snowball), unless switched off.

    Raises:
        ValueError: for an unknown language.
    """
    return _analyzer(language, stem, stop_words)(text)


@lru_cache(maxsize=1)
def languages() -> tuple[str, ...]:
    """Return the languages that words can be stemmed in, sorted."""
    import Stemmer

    return tuple(sorted(set(Stemmer.algorithms()) - _NOT_LANGUAGES))


@lru_cache
def stop_words_of(language: str) -> frozenset[str]:
    """Return a language's function words, folded as `terms` folds; empty where none are known.

    English ones are our own list: the package's has 1,300 words, many of which are subjects.
    """
    if language == "english":
        return STOP_WORDS
    from stop_words import AVAILABLE_LANGUAGES, get_stop_words  # type: ignore[import-untyped]

    if language not in AVAILABLE_LANGUAGES:
        return frozenset()
    cut = [Analyzer().words(entry) for entry in get_stop_words(language)]
    return frozenset(words[0] for words in cut if len(words) == 1)


_analyzer = lru_cache(
    lambda language, stem, stop_words: Analyzer("words", language, stem, stop_words)
)


def _itself(word: str) -> tuple[str, ...]:
    return (word,)


@lru_cache
def _rule(language: str, stem: bool, stop_words: bool) -> Callable[[str], tuple[str, ...]]:
    left_out = stop_words_of(language) if stop_words else frozenset()

    @lru_cache(maxsize=_CACHED)
    def terms_of(word: str) -> tuple[str, ...]:
        if _IS_UNSPACED.match(word):
            return tuple(word[i : i + 2] for i in range(max(1, len(word) - 1)))
        if word in left_out:
            return ()
        # The English stemmer knows no letters beyond ASCII; the others know those of their own.
        stemmed = stem and (language != "english" or word.isascii())
        return (_stemmer(language).stemWord(word) if stemmed else word,)

    return terms_of


_local = threading.local()


def _stemmer(language: str) -> Any:  # noqa: ANN401
    # A Snowball stemmer keeps state while it works, so every thread has its own.
    stemmers: dict[str, Any] = _local.__dict__.setdefault("stemmers", {})
    if language not in stemmers:
        import Stemmer

        # Its own cache of words is off: ours is before it.
        stemmers[language] = Stemmer.Stemmer(language, 0)
    return stemmers[language]
