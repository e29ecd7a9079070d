"""What is asked, and where the answer stands: the nouns of a question set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rag_core.datatypes import Document, content_id
from rag_core.errors import LoadError
from rag_core.evaluation.chunk_metrics import Range


class DatasetError(LoadError):
    """A file of questions cannot be read; `file` and `line` (from 1, 0 for the whole) say where."""

    def __init__(self, file: str, line: int, reason: str, *, hint: str = "") -> None:
        self.file = file
        self.line = line
        super().__init__(f"{file}, line {line}" if line else file, reason, hint=hint)


@dataclass(frozen=True, slots=True)
class Gold:
    """A passage that answers: a document's name, character offsets, and the text that is there."""

    document: str
    start: int
    end: int
    text: str = ""

    @property
    def range(self) -> Range:
        """Its place, as the measures take it."""
        return self.document, self.start, self.end


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and how to know a good retrieval and a good answer.

    All of `golds` are needed. `documents` says how relevant which document is, by name; empty, the
    golds' documents are, at 1. `answers` are texts of which any is right. `kind` is free ("fact",
    "cloze"); an unanswerable question has no golds, and takes part in nothing but declining.
    """

    id: str
    text: str
    golds: tuple[Gold, ...] = ()
    documents: Mapping[str, float] = field(default_factory=dict, hash=False)
    answers: tuple[str, ...] = ()
    kind: str = ""
    answerable: bool = True

    @property
    def relevant_documents(self) -> Mapping[str, float]:
        """How relevant each document is, by name."""
        return self.documents or {gold.document: 1.0 for gold in self.golds}

    @property
    def judged(self) -> bool:
        """Whether there is anything to judge a retrieval by."""
        return self.answerable and bool(self.relevant_documents)


def question_from(value: Mapping[str, Any]) -> Question:
    """Return the question of its fields as plain values, as `dataclasses.asdict` gives them."""
    golds = tuple(Gold(**gold) for gold in value["golds"])
    return Question(**{**value, "golds": golds, "answers": tuple(value["answers"])})


@dataclass(frozen=True, slots=True)
class Dataset:
    """Questions, and the documents they are about; `notes` are remarks a reader should see.

    `documents` is empty where the questions are about a collection that is there already.
    """

    name: str
    questions: tuple[Question, ...]
    documents: tuple[Document, ...] = field(default=(), repr=False)
    notes: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        """A short id of everything in it: results of other data are never taken for these."""
        parts = [document.id for document in self.documents]
        return content_id(self.name, *parts, *map(repr, self.questions))

    def first(self, count: int | None) -> Dataset:
        """Return the dataset with its first so many questions alone, or all with None."""
        return self if count is None else replace(self, questions=self.questions[:count])


TextOf = Callable[[str], str | None]
"""The text of the document of this name, or None."""


def placed(questions: Iterable[Question], text_of: TextOf) -> tuple[list[Question], list[str]]:
    """Return the questions whose passages stand in these texts, and a remark on every other.

    A passage that moved, because its document was edited, is followed where its words stand exactly
    once. Questions without passages are kept when one of their documents is there.

    Args:
        questions: of a set.
        text_of: the documents there are.
    """
    kept, remarks = [], []
    for question in questions:
        try:
            kept.append(_placed(question, text_of))
        except LookupError as error:
            remarks.append(f"{question.id}: {error.args[0]}")
    return kept, remarks


def _placed(question: Question, text_of: TextOf) -> Question:
    if not question.answerable:
        return question
    if all(text_of(name) is None for name in question.relevant_documents):
        names = ", ".join(sorted(question.relevant_documents)) or "no document"
        raise LookupError(f"it is about {names}, which is not there")
    return replace(question, golds=tuple(_followed(gold, text_of) for gold in question.golds))


def _followed(gold: Gold, text_of: TextOf) -> Gold:
    text = text_of(gold.document)
    if text is None:
        raise LookupError(f"{gold.document} is not there")
    if not gold.text and 0 <= gold.start < gold.end <= len(text):
        return replace(gold, text=text[gold.start : gold.end])
    if gold.text and text[gold.start : gold.end] == gold.text:
        return gold
    times = text.count(gold.text) if gold.text else 0
    if times != 1:
        raise LookupError(f"its passage stands {times} times in {gold.document} as it is now")
    start = text.index(gold.text)
    return replace(gold, start=start, end=start + len(gold.text))


def texts_of(documents: Sequence[Document]) -> dict[str, str]:
    """Return the documents' texts by name."""
    return {document.name: document.text for document in documents}
