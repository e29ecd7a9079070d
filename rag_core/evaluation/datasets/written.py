"""Questions that people write in the app, each checked against the document it is about."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from rag_core.datatypes import Document
from rag_core.errors import SettingsError
from rag_core.evaluation.questions import Gold, Question


def written_question(
    text: str, answer: str, document: Document, passage: str, *, id_: str = ""
) -> Question:
    """Return a question whose passage was pasted; white space need not be that of the document.

    Args:
        text: the question.
        answer: what is expected, or nothing.
        document: where the passage stands.
        passage: the words that answer; they must stand in the document exactly once.
        id_: of the question that this one replaces.

    Raises:
        SettingsError: naming the field, with the way out.
    """
    words = passage.split()
    if not words:
        raise SettingsError(
            "Passage: it is empty.",
            hint="Paste the words that answer, exactly as the document has them.",
        )
    places = list(re.finditer(r"\s+".join(map(re.escape, words)), document.text))
    if len(places) != 1:
        wrong = "does not stand" if not places else f"stands {len(places)} times"
        way = "Copy it out of the text as it stands there." if not places else "Paste more of it."
        raise SettingsError(f"Passage: it {wrong} in {document.name}.", hint=way)
    return marked_question(text, answer, document, *places[0].span(), id_=id_)


def marked_question(
    text: str, answer: str, document: Document, start: int, end: int, *, id_: str = ""
) -> Question:
    """Return a question whose passage is `document.text[start:end]`, the space around it left out.

    Raises:
        SettingsError: naming the field, with the way out.
    """
    if not text.strip():
        raise SettingsError("Question: it is empty.", hint="Type what somebody would ask.")
    there = document.text[max(0, start) : end]
    start += len(there) - len(there.lstrip())
    there = there.strip()
    if not there:
        raise SettingsError("Passage: nothing is marked.", hint="Select the words that answer.")
    gold = Gold(document.name, start, start + len(there), there)
    answers = (answer.strip(),) if answer.strip() else ()
    return Question(id_, text.strip(), (gold,), answers=answers, kind="written")


def unanswerable_question(text: str, *, id_: str = "") -> Question:
    """Return a question that the documents do not answer, to see whether that is said.

    Raises:
        SettingsError: for an empty one.
    """
    if not text.strip():
        raise SettingsError("Question: it is empty.", hint="Type what somebody would ask.")
    return Question(id_, text.strip(), kind="unanswerable", answerable=False)


def as_lines(questions: Iterable[Question]) -> str:
    """Return questions as JSON lines that `load_questions` reads again."""
    return "".join(json.dumps(_line(each), ensure_ascii=False) + "\n" for each in questions)


def _line(question: Question) -> dict[str, object]:
    value: dict[str, object] = {"id": question.id, "question": question.text}
    value["kind"] = question.kind if question.answerable else "unanswerable"
    if question.answers:
        value["answers"] = list(question.answers)
    if question.golds:
        value["spans"] = [
            {"document": gold.document, "start": gold.start, "end": gold.end, "text": gold.text}
            for gold in question.golds
        ]
    elif question.documents:
        value["document"] = next(iter(question.documents))
    return value
