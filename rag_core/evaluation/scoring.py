"""From what was found to figures: one question, its measures at every k, and its story."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from rag_core.evaluation.chunk_metrics import Range, chunk_quality, precision_omega
from rag_core.evaluation.metrics import METRICS
from rag_core.evaluation.questions import Question
from rag_core.evaluation.runs import Level, QuestionRun, Retrieved
from rag_core.evaluation.span_metrics import GoldStory, span_values, stories

Ruler = Callable[[Range], Range]
"""Turns a range of characters into one of what is counted; see `chunk_metrics`."""


@dataclass(frozen=True, slots=True)
class QuestionResult:
    """One question under one setting.

    `values` are its measures by name: "recall@5", and where passages are known "document
    recall@5", "chunk recall@5", "chunk precision@5", "chunk iou@5" and "chunk precision omega";
    "tokens@5" is the context that five chunks cost. `answer` is the text, where one was asked for.
    """

    question: Question
    retrieved: tuple[Retrieved, ...]
    stories: tuple[GoldStory, ...]
    values: Mapping[str, float] = field(hash=False)
    seconds: float
    answer: str = ""


def score(
    question: Question,
    run: QuestionRun,
    ks: Sequence[int],
    level: Level,
    ruler: Ruler | None = None,
) -> QuestionResult:
    """Judge one question's run at every k.

    Args:
        question: with its golds.
        run: of at least max(ks) chunks, or all there were.
        ks: each at least 1.
        level: what "recall@5" without a word before it means; see `level_of`.
        ruler: what chunk quality counts; characters when None.
    """
    told = stories(question.golds, run.retrieved, run.pieces)
    values: dict[str, float] = {}
    for k in ks:
        if level == "span":
            spans = span_values(told, len(run.retrieved), k)
            values |= {at(name, k): value for name, value in spans.items()}
        before = "document " if level == "span" else ""
        ranked = _documents(question, run, k)
        values |= {at(before + name, k): value for name, value in ranked.items()}
        values[at("tokens", k)] = float(sum(hit.tokens for hit in run.retrieved[:k]))
        if question.golds:
            values |= _chunks(question, run, k, ruler)
    if question.golds:
        measured = ruler or _as_it_is
        values["chunk precision omega"] = precision_omega(
            [measured(piece) for piece in run.pieces],
            [measured(gold.range) for gold in question.golds],
        )
    return QuestionResult(question, run.retrieved, told, values, run.seconds)


@lru_cache(maxsize=1_000)
def at(metric: str, k: int) -> str:
    """Return a metric's full name; the same text object each time, since thousands hold it."""
    return f"{metric}@{k}"


def _documents(question: Question, run: QuestionRun, k: int) -> dict[str, float]:
    """Rank documents by their best chunk; the k first documents count."""
    ranked = list(dict.fromkeys(hit.document for hit in run.retrieved))
    return {
        name: metric(ranked, question.relevant_documents, k) for name, metric in METRICS.items()
    }


def _chunks(question: Question, run: QuestionRun, k: int, ruler: Ruler | None) -> dict[str, float]:
    measured = ruler or _as_it_is
    quality = chunk_quality(
        [measured(hit.range) for hit in run.retrieved[:k]],
        [measured(gold.range) for gold in question.golds],
    )
    return {
        at("chunk recall", k): quality.recall,
        at("chunk precision", k): quality.precision,
        at("chunk iou", k): quality.iou,
    }


def _as_it_is(place: Range) -> Range:
    return place
