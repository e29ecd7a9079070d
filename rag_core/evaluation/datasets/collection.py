"""The collection's own questions, kept in the home beside it."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace

from rag_core.collection_settings import CollectionSettings
from rag_core.datatypes import content_id
from rag_core.evaluation.questions import Dataset, Question, question_from
from rag_core.pipeline import RagPipeline

MOST = 5_000
_KEY = "questions"
_CHANGING = threading.RLock()  # of read, change and write: two tabs may add at once


class CollectionQuestions:
    """One collection's question set, in the order it was written. Thread-safe, durable."""

    def __init__(self, settings: CollectionSettings, collection: str) -> None:
        self._settings = settings
        self._collection = collection

    def list(self) -> list[Question]:
        """Return the questions in order."""
        return [question_from(value) for value in self._settings.get(self._collection, _KEY) or []]

    def add(self, question: Question) -> Question:
        """Keep a question at the end of the set, and return it as kept.

        An empty id becomes one made from the question; the same id again replaces what was there,
        so that the same thumb twice is one question.

        Raises:
            ValueError: for an empty question, or one more than MOST.
        """
        return self.add_all([question])[0]

    def add_all(self, questions: Iterable[Question]) -> Sequence[Question]:
        """Keep several questions in one step; see `add`."""
        named = [_named(question) for question in questions]
        with _CHANGING:
            kept = {question.id: question for question in self.list()}
            kept.update({question.id: question for question in named})
            if len(kept) > MOST:
                raise ValueError(f"{len(kept):,} questions are more than the {MOST:,} allowed")
            self._keep(kept.values())
        return named

    def edit(self, question: Question) -> None:
        """Replace the question of the same id, in its place.

        Raises:
            ValueError: for an empty question.
            KeyError: when there is none of this id.
        """
        named = _named(question)
        with _CHANGING:
            kept = {each.id: each for each in self.list()}
            if named.id not in kept:
                raise KeyError(named.id)
            self._keep({**kept, named.id: named}.values())

    def remove(self, id_: str) -> None:
        """Forget a question; an unknown id is ignored."""
        with _CHANGING:
            self._keep(question for question in self.list() if question.id != id_)

    def _keep(self, questions: Iterable[Question]) -> None:
        self._settings.put(self._collection, _KEY, [asdict(question) for question in questions])


def collection_dataset(
    pipeline: RagPipeline, questions: Iterable[Question] | None = None
) -> Dataset:
    """Return a collection's documents with its own questions, or with others, for a sweep.

    The documents are copied into the dataset: sweeping over it leaves the collection as it is.
    """
    own = CollectionQuestions(pipeline.home.settings, pipeline.collection)
    asked = own.list() if questions is None else questions
    documents = (pipeline.document(info.id) for info in pipeline.documents())
    return Dataset(pipeline.collection, tuple(asked), tuple(documents))


def _named(question: Question) -> Question:
    text = question.text.strip()
    if not text:
        raise ValueError("an empty question cannot be kept")
    return replace(question, text=text, id=question.id or content_id("question", text)[:10])
