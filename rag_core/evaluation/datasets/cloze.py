"""Questions without a model: informative sentences with one telling word left out.

They are said to be such ("cloze" in the id and the kind): they repeat the words of the text, so
keyword search finds them more easily than it finds what people ask. Use them to compare cuttings of
one's own documents, not to praise a retriever.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rag_core.datatypes import Document
from rag_core.evaluation.questions import Gold, Question
from rag_core.sentences import sentence_spans
from rag_core.terms import terms

BLANK = "____"
_WORD = re.compile(r"\w+(?:[-'’.,]\w+)*")
_LEAST, _MOST = 8, 40  # words of a sentence that can be understood by itself


@dataclass(frozen=True, slots=True)
class _Sentence:
    document: Document
    start: int
    end: int
    blank: re.Match[str]
    worth: float


def cloze_questions(documents: Sequence[Document], count: int = 50) -> list[Question]:
    """Return up to `count` cloze questions, spread over the documents by their length.

    A sentence is informative when it has 8 to 40 words and one that stands once in all documents;
    the more its other words tell (mean idf), the better. The gold passage is the sentence, the
    answer the word. The same documents give the same questions.

    Raises:
        ValueError: when count is below 1.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, not {count}")
    times, sentences = _counted(documents)
    total = sum(len(document.text) for document in documents) or 1
    chosen: list[_Sentence] = []
    for document in sorted(documents, key=lambda each: each.name):
        found = [
            sentence
            for start, end in sentences[document.id]
            if (sentence := _judged(document, start, end, times))
        ]
        share = max(1, round(count * len(document.text) / total))
        found.sort(key=lambda sentence: (-sentence.worth, sentence.start))
        chosen += found[:share]
    best = sorted(chosen, key=lambda each: (-each.worth, each.document.name, each.start))[:count]
    return [_asked(sentence, number) for number, sentence in enumerate(best, start=1)]


def _counted(
    documents: Sequence[Document],
) -> tuple[Counter[str], dict[str, list[tuple[int, int]]]]:
    times: Counter[str] = Counter()
    sentences = {}
    for document in documents:
        times.update(terms(document.text))
        sentences[document.id] = sentence_spans(document.text)
    return times, sentences


def _judged(document: Document, start: int, end: int, times: Counter[str]) -> _Sentence | None:
    text = document.text[start:end]
    words = list(_WORD.finditer(text))
    if not _LEAST <= len(words) <= _MOST or "|" in text or BLANK in text:
        return None  # a table row and a blank of its own are no sentences
    telling = [word for word in words[1:] if len(word[0]) > 2 and _once(word[0], times)]
    if not telling:
        return None
    # Names and numbers ask for something; of several the longest is the least ambiguous.
    blank = max(telling, key=lambda word: (_stands_out(word[0]), len(word[0]), -word.start()))
    rest = [term for term in terms(text) if term not in terms(blank[0])]
    if len(rest) < _LEAST // 2:
        return None
    total = times.total()
    return _Sentence(
        document,
        start,
        end,
        blank,
        sum(math.log(total / times[term]) for term in rest) / len(rest) + _stands_out(blank[0]),
    )


def _once(word: str, times: Counter[str]) -> bool:
    found = terms(word)
    return len(found) == 1 and times[found[0]] == 1


def _stands_out(word: str) -> bool:
    return word[0].isupper() or any(letter.isdigit() for letter in word)


def _asked(sentence: _Sentence, number: int) -> Question:
    text = sentence.document.text[sentence.start : sentence.end]
    blank = sentence.blank
    asked = " ".join(f"{text[: blank.start()]}{BLANK}{text[blank.end() :]}".split())
    start, end = sentence.start, sentence.start + len(text.rstrip())
    gold = Gold(sentence.document.name, start, end, text.rstrip())
    return Question(f"cloze-{number:02d}", asked, (gold,), answers=(blank[0],), kind="cloze")
