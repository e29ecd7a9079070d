"""Answers in a sweep: written from what each setting found, kept one by one, judged at reading.

An answer is on the disk before the next one is asked for: a model that costs money is never asked
twice for the same, however a sweep ended.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from rag_core.answers import AnswerStream
from rag_core.datatypes import Chunk, SearchHit, SearchResult
from rag_core.errors import ModelError
from rag_core.evaluation.answers import judge_text
from rag_core.evaluation.chunk_metrics import Range
from rag_core.evaluation.judge import Judge
from rag_core.evaluation.kept_lines import JsonLines
from rag_core.evaluation.questions import Question
from rag_core.evaluation.runs import Retrieved
from rag_core.generators.chat import ChatGenerator, chat_from_env
from rag_core.generators.extractive import ExtractiveGenerator
from rag_core.late_interaction import TokenCache
from rag_core.prompts import NOT_FOUND, SYSTEM_PROMPT, build_prompt
from rag_core.protocols import Embedder, Generator, OnProgress, Progress, TokenEmbedder
from rag_core.relevance import RELEVANT, support


@dataclass(frozen=True, slots=True)
class Answering:
    """That a sweep answers too, by whom, and who judges whether the answers are right.

    `generator` None means the chat model of the environment, or else sentences quoted from the
    sources. Without a `judge` nothing is judged by a model. `deepest` answers at the largest k of
    a sweep alone.
    """

    generator: Generator | None = None
    judge: Judge | None = None
    deepest: bool = False

    def writer(self, tokens: TokenCache | None) -> Generator:
        """Return what writes the answers.

        Raises:
            ModelError: when there is no chat model, and no token vectors to quote by either.
        """
        chosen = self.generator or chat_from_env()
        if isinstance(chosen, ChatGenerator):
            chosen.resolve()  # answers are kept under the name, which must not change on the way
        if chosen is not None:
            return chosen
        if tokens is None:
            raise ModelError(
                "Answers without a chat model need the vectors of tokens.",
                hint="Set a chat model, or measure with a local embedding model.",
            )
        return ExtractiveGenerator(tokens)

    @property
    def judged_by(self) -> str:
        """The judging model's name, or nothing."""
        return self.judge.name if self.judge else ""


class Key(NamedTuple):
    """What names an answer: the run, how many of its hits were read, the question, and by whom."""

    run: str
    hits: int
    question: str
    writer: str
    judge: str
    code: str


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer with the places it cites; `correct` is the judging model's word, None for none."""

    key: Key
    text: str
    found: bool
    cited: tuple[Range, ...]
    correct: float | None = None

    def values(self, question: Question) -> dict[str, float]:
        """Return every measure of it that applies to the question."""
        values = judge_text(self.text, self.found, self.cited, question)
        return values | ({} if self.correct is None else {"model_judged": self.correct})


class AnswerLog:
    """The answers of one question set, durable as they come; see `JsonLines`."""

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        self._lines = JsonLines(path, header)

    def answers(self) -> dict[Key, StoredAnswer]:
        """Return what is there, by key; damaged lines are left out."""
        found = [answer for line in self._lines.read() if (answer := _stored(line))]
        return {answer.key: answer for answer in found}

    def append(self, answer: StoredAnswer) -> None:
        """Keep an answer; durable when it returns."""
        self._lines.append(asdict(answer))


@dataclass(frozen=True, slots=True)
class Asked:
    """One answer that a sweep needs: a question with what a run found for it."""

    run: str
    question: Question
    hits: tuple[Retrieved, ...]
    label: str


@dataclass
class Answerer:
    """Answers the questions of one model's settings.

    Args:
        plan: by whom.
        embedder: the settings' model; its token vectors say whether any hit comes near.
        text_of: the text of the document of this name.
        log: where answers are kept.
        code: which code answers; see `answer_version`.
    """

    plan: Answering
    embedder: Embedder
    text_of: Callable[[str], str]
    log: AnswerLog
    code: str

    def __post_init__(self) -> None:
        reads = isinstance(self.embedder, TokenEmbedder)
        self._tokens = TokenCache(self.embedder) if reads else None  # type: ignore[arg-type]
        self.writer = self.plan.writer(self._tokens)
        if self.plan.judge is not None:
            self.plan.judge.resolve()

    def key(self, asked: Asked) -> Key:
        """Return what names an answer."""
        writer, judge = self.writer.name, self.plan.judged_by
        return Key(asked.run, len(asked.hits), asked.question.id, writer, judge, self.code)

    def answer(self, asked: Asked) -> StoredAnswer:
        """Write, judge and keep one answer.

        Raises:
            ModelError: as the models raise it; what was answered before stays.
        """
        hits = self._relevant(asked)
        prompt = build_prompt(
            asked.question.text,
            hits,
            system_prompt=getattr(self.writer, "system_prompt", SYSTEM_PROMPT),
            max_tokens=getattr(self.writer, "prompt_tokens", None),
        )
        result = SearchResult(asked.question.text, tuple(hits))
        answer = AnswerStream(prompt, result, self.writer).answer
        cited = tuple(
            (str(one.hit.chunk.metadata["name"]), one.span.start, one.span.end)
            for one in answer.citations
        )
        correct = self._judged(asked, answer.text)
        kept = StoredAnswer(self.key(asked), answer.text, answer.found, cited, correct)
        self.log.append(kept)
        return kept

    def _judged(self, asked: Asked, text: str) -> float | None:
        if self.plan.judge is None or not asked.question.answerable:
            return None
        return 0.0 if text.startswith(NOT_FOUND) else self.plan.judge.correct(asked.question, text)

    def _relevant(self, asked: Asked) -> list[SearchHit]:
        """Return the hits as sources; none when not one of them comes near the question."""
        hits = [
            SearchHit(_chunk(each, self.text_of(each.document)), rank, each.score)
            for rank, each in enumerate(asked.hits, start=1)
        ]
        if not hits or self._tokens is None:
            return hits
        question = asked.question.text
        words, *read = self._tokens.vectors([question, *(hit.chunk.text for hit in hits)])
        near = max(support(question, words, text) for text in read) >= RELEVANT
        return hits if near else []


def write_answers(
    answerer: Answerer,
    wanted: Sequence[Asked],
    on_progress: OnProgress | None,
    make_progress: Callable[[int, int, str, float], Progress],
) -> list[StoredAnswer]:
    """Return the answers that are wanted; those on record are taken from there.

    Args:
        answerer: of the settings' model.
        wanted: each once.
        on_progress: called after every answer; it may raise `Cancelled`.
        make_progress: of done, total, label and seconds left.
    """
    stored = answerer.log.answers()
    found: list[StoredAnswer] = []
    began, fresh = time.perf_counter(), 0
    for done, asked in enumerate(wanted, start=1):
        key = answerer.key(asked)
        if key not in stored:
            stored[key] = answerer.answer(asked)
            fresh += 1
            if on_progress is not None:
                left = (time.perf_counter() - began) / fresh * (len(wanted) - done)
                on_progress(make_progress(done, len(wanted), asked.label, left))
        found.append(stored[key])
    return found


def _chunk(hit: Retrieved, text: str) -> Chunk:
    cut = text[hit.start : hit.end]
    return Chunk(
        hit.chunk_id, hit.document, 0, hit.start, hit.end, cut, metadata={"name": hit.document}
    )


def _stored(line: bytes) -> StoredAnswer | None:
    """Return the answer of a line, or None when it is damaged: it is then asked for again."""
    try:
        value = json.loads(line)
        cited = tuple((str(name), int(start), int(end)) for name, start, end in value["cited"])
        correct = None if value["correct"] is None else float(value["correct"])
        run, hits, *names = value["key"]
        key = Key(str(run), int(hits), *map(str, names))
        return StoredAnswer(key, str(value["text"]), bool(value["found"]), cited, correct)
    except (ValueError, KeyError, TypeError):
        return None
