"""Measuring a pipeline as it stands, on a set of questions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Literal

from rag_core.datatypes import Chunk
from rag_core.embedders.tokenizer import default_tokenizer
from rag_core.errors import UnknownDocumentError
from rag_core.evaluation.answers import judge_answer
from rag_core.evaluation.chunk_metrics import Range, in_tokens
from rag_core.evaluation.judge import Judge
from rag_core.evaluation.questions import Dataset, Question, TextOf, placed
from rag_core.evaluation.reporting import EvaluationReport
from rag_core.evaluation.runs import TokenCount, ask, depth_for, level_of
from rag_core.evaluation.scoring import QuestionResult, Ruler, score
from rag_core.evaluation.versions import code_version
from rag_core.pipeline import RagPipeline
from rag_core.protocols import IntArray, OnProgress, Progress, Where
from rag_core.retrieval import Mode, SearchOptions

KS = (1, 3, 5, 10)
Unit = Literal["characters", "tokens"]


def evaluate(
    pipeline: RagPipeline,
    questions: Dataset | Iterable[Question],
    *,
    ks: Sequence[int] = KS,
    mode: Mode = "hybrid",
    rerank: str | None = None,
    where: Where | None = None,
    options: SearchOptions | None = None,
    answers: bool = False,
    judge: Judge | None = None,
    unit: Unit = "characters",
    on_progress: OnProgress | None = None,
) -> EvaluationReport:
    """Search, and if wanted answer, every question; return what was found and how good it is.

    The collection is only read. A question whose document or passage is not in it is left out, and
    `skipped` says so. Latency is that of the searches as they were made: a question asked before
    has its vector in the cache.

    Args:
        pipeline: with the documents indexed, named as the questions name them.
        questions: a dataset, whose own documents are not used, or questions.
        ks: the depths to judge at, each at least 1.
        mode: see `RagPipeline.search`, as the next two.
        rerank: the name of a reranker, or None.
        where: a metadata filter.
        options: instead of these three, everything that decides a search.
        answers: also answer every question, the unanswerable ones too, as `RagPipeline.answer` does
            with k = max(ks), and judge the answers; `settings` then names the generator.
        judge: a model whose opinion on every answer stands as "model_judged"; `settings` names it.
        unit: what chunk quality counts.
        on_progress: called after every question; it may raise `Cancelled`.

    Raises:
        ValueError: for an empty or wrong `ks`.
        UnknownDocumentError: when no question is about a document of this collection.
        ModelError, StoreError: as searching raises them.
    """
    if not ks or min(ks) < 1:
        raise ValueError(f"ks must be numbers of at least 1, not {tuple(ks)}")
    dataset = questions if isinstance(questions, Dataset) else Dataset("questions", (*questions,))
    ids = {info.name: info.id for info in pipeline.documents()}

    @lru_cache(maxsize=64)
    def text_of(name: str) -> str | None:
        return pipeline.document(ids[name]).text if name in ids else None

    kept, skipped = placed(dataset.questions, text_of)
    if not any(question.judged for question in kept) and not answers:
        raise UnknownDocumentError(
            "None of the questions is about a document of this collection.",
            hint="Index the documents they are about first. " + "; ".join(skipped[:3]),
        )
    level = level_of(kept)
    given = options or SearchOptions(mode=mode, rerank=rerank, where=where)
    chosen = replace(given, k=depth_for(level, max(ks)))

    @lru_cache(maxsize=64)
    def chunks_of(name: str) -> tuple[Chunk, ...]:
        return tuple(pipeline.chunks(ids[name]))

    asked = {question.id: question for question in kept}
    ruler = tokens_of(text_of) if unit == "tokens" else None
    results: dict[str, QuestionResult] = {}
    judged = [question for question in kept if question.judged]
    found = ask(judged, lambda text: pipeline.search_with(text, chosen), chunks_of, TokenCount())
    for run in found:
        results[run.id] = score(asked[run.id], run, ks, level, ruler)
        _tell(on_progress, "searching", len(results), len(kept))
    if answers:
        results = _answered(pipeline, kept, results, max(ks), where, judge, on_progress)
    settings = {**_described(chosen), "k": max(ks), "model": pipeline.embedder.name}
    if answers:
        settings["generator"] = pipeline.generator.name
        settings |= {"judge": judge.name} if judge else {}
    in_order = tuple(results[question.id] for question in kept if question.id in results)
    return EvaluationReport(
        dataset.name, settings, tuple(ks), level, in_order, tuple(skipped), dataset.sha256,
        code_version(),
    )  # fmt: skip


def tokens_of(text_of: TextOf) -> Ruler:
    """Return what turns ranges of characters into ranges of all-MiniLM-L6-v2's tokens."""

    @lru_cache(maxsize=64)
    def offsets(name: str) -> IntArray:
        return default_tokenizer().offsets(text_of(name) or "")

    def ruler(place: Range) -> Range:
        return in_tokens(place, offsets(place[0]))

    return ruler


def _answered(
    pipeline: RagPipeline,
    questions: Sequence[Question],
    results: Mapping[str, QuestionResult],
    k: int,
    where: Where | None,
    judge: Judge | None,
    on_progress: OnProgress | None,
) -> dict[str, QuestionResult]:
    judged = {}
    for number, question in enumerate(questions, start=1):
        answer = pipeline.answer(question.text, k=k, where=where)
        before = results.get(question.id) or QuestionResult(question, (), (), {}, 0.0)
        values = {**before.values, **judge_answer(answer, question)}
        if judge is not None and question.answerable:
            said = judge.correct(question, answer.text) if answer.found else 0.0
            values |= {} if said is None else {"model_judged": said}
        judged[question.id] = replace(before, values=values, answer=answer.text)
        _tell(on_progress, "answering", number, len(questions))
    return judged


def _tell(on_progress: OnProgress | None, stage: str, done: int, total: int) -> None:
    if on_progress is not None:
        on_progress(Progress(stage, done, total))


def _described(options: SearchOptions) -> dict[str, object]:
    rerank = options.rerank
    name = rerank if rerank is None or isinstance(rerank, str) else rerank.name
    return {"mode": options.mode, "rerank": name}
