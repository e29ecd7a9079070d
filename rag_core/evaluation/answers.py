"""How good an answer is: its words against the expected ones, and its citations against the gold.

Source of the normal form, exact match and token F1: Rajpurkar and others, "SQuAD: 100,000+
Questions for Machine Comprehension of Text", EMNLP 2016, and the evaluation program published with
it. Citation precision and recall follow Gao and others, "Enabling Large Language Models to Generate
Text with Citations", EMNLP 2023, with the marked passages in the place of a model that judges.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

from rag_core.datatypes import Answer
from rag_core.evaluation.chunk_metrics import Range, shared
from rag_core.evaluation.questions import Question

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_CITATION = re.compile(r"\s*\[\d{1,3}\]")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normal(text: str) -> str:
    """Return the text in small letters, without punctuation, articles and extra white space."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def unquoted(text: str) -> str:
    """Return an answer's words alone, without the numbers and quotation marks of its citations."""
    return _CITATION.sub(" ", text).replace("“", " ").replace("”", " ")


def exact_match(answer: str, expected: Sequence[str]) -> float:
    """Return 1 when the normal forms of the answer and any expected text are equal, else 0."""
    return float(any(normal(answer) == normal(gold) for gold in expected))


def token_f1(answer: str, expected: Sequence[str]) -> float:
    """Return the best 2PR / (P + R) over the words that the answer shares with an expected text.

    P is the share of the answer's words, R that of the expected ones; both empty gives 1.
    """
    return max((_f1(normal(answer).split(), normal(gold).split()) for gold in expected), default=0)


def contains_gold(answer: str, expected: Sequence[str]) -> float:
    """Return 1 when the normal form of an expected text stands in the answer's, as whole words."""
    words = f" {normal(answer)} "
    return float(any(f" {normal(gold)} " in words for gold in expected if normal(gold)))


def citation_precision(cited: Sequence[Range], gold: Sequence[Range]) -> float:
    """Return the share of the citations that touch a gold passage; 0 when nothing is cited."""
    return sum(shared([one], gold) > 0 for one in cited) / len(cited) if cited else 0.0


def citation_recall(cited: Sequence[Range], gold: Sequence[Range]) -> float:
    """Return the share of the gold passages that a citation touches; 0 when there are none."""
    return sum(shared(cited, [one]) > 0 for one in gold) / len(gold) if gold else 0.0


def judge_answer(answer: Answer, question: Question) -> dict[str, float]:
    """Return every measure that applies to this question, each 0 to 1.

    An unanswerable question has "declined" alone; one without expected texts or without marked
    passages lacks the measures that need them.
    """
    cited = [
        (str(one.hit.chunk.metadata.get("name", "")), one.span.start, one.span.end)
        for one in answer.citations
    ]
    return judge_text(answer.text, answer.found, cited, question)


def judge_text(
    text: str, found: bool, cited: Sequence[Range], question: Question
) -> dict[str, float]:
    """Return the same of an answer's text, whether it found anything, and the places it cites.

    What says "not found" is no answer, whatever it shows as the nearest.
    """
    if not question.answerable:
        return {"declined": float(not found)}
    text, cited = (text, cited) if found else ("", ())
    values: dict[str, float] = {}
    if question.answers:
        said = unquoted(text)
        values["exact_match"] = exact_match(said, question.answers)
        values["token_f1"] = token_f1(said, question.answers)
        values["contains_gold"] = contains_gold(said, question.answers)
    if question.golds:
        gold = [one.range for one in question.golds]
        values["citation_precision"] = citation_precision(cited, gold)
        values["citation_recall"] = citation_recall(cited, gold)
    return values


def _f1(answer: list[str], gold: list[str]) -> float:
    if not answer or not gold:
        return float(answer == gold)
    common = (Counter(answer) & Counter(gold)).total()
    if not common:
        return 0.0
    part, whole = common / len(answer), common / len(gold)
    return 2 * part * whole / (part + whole)
