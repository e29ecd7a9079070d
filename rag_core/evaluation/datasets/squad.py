"""SQuAD 1.1 and 2.0: paragraphs of articles, with questions and the places of their answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rag_core.datatypes import Document
from rag_core.evaluation.datasets.reading import Fields, read_json
from rag_core.evaluation.questions import Dataset, DatasetError, Gold, Question

_HINT = "SQuAD files are at https://rajpurkar.github.io/SQuAD-explorer/: dev-v1.1.json, say."


def load_squad(path: Path | str) -> Dataset:
    """Read a SQuAD file: one document an article, its title first, then its paragraphs.

    The gold passage is the first annotator's answer; every distinct answer counts as right. A
    question of SQuAD 2.0 that is marked impossible is unanswerable here.

    Raises:
        DatasetError: with the file and the reason, for a file that cannot be read, is no JSON, has
            another layout, or whose answers do not stand where it says.

    Source: Rajpurkar and others, "SQuAD", EMNLP 2016, and "Know What You Don't Know", ACL 2018.
    """
    path = Path(path)
    top = Fields(read_json(path), path.name, 0, "the file")
    if not isinstance(top.get("data"), list):
        raise DatasetError(path.name, 0, "there is no list 'data'", hint=_HINT)
    documents: list[Document] = []
    questions: list[Question] = []
    for number, value in enumerate(top.items("data"), start=1):
        article = Fields(value, path.name, 0, f"article {number}")
        name = _name(article.text("title"), documents)
        text, starts = name, []
        paragraphs = [_paragraph(article, each) for each in article.items("paragraphs")]
        for paragraph in paragraphs:
            starts.append(len(text) + 2)
            text += "\n\n" + paragraph.text("context")
        for start, paragraph in zip(starts, paragraphs, strict=True):
            questions += _questions(paragraph, name, start)
        documents.append(Document.from_text(name, text))
    if not questions:
        raise DatasetError(path.name, 0, "there is no question in it", hint=_HINT)
    return Dataset(path.name, tuple(questions), tuple(documents))


def _name(title: str, documents: list[Document]) -> str:
    name = title.replace("_", " ").strip() or "untitled"
    taken = {document.name for document in documents}
    names = (name if number == 1 else f"{name} ({number})" for number in range(1, len(taken) + 2))
    return next(each for each in names if each not in taken)


def _paragraph(article: Fields, value: Any) -> Fields:  # noqa: ANN401
    return Fields(value, article.file, 0, f"a paragraph of {article.text('title')!r}")


def _questions(paragraph: Fields, name: str, start: int) -> Iterator[Question]:
    context = paragraph.text("context")
    for value in paragraph.items("qas"):
        asked = Fields(value, paragraph.file, 0, f"a question about {name!r}")
        id_, text = asked.text("id"), asked.text("question").strip()
        if asked.get("is_impossible"):
            yield Question(id_, text, kind="unanswerable", answerable=False)
            continue
        answers = [
            _answer(each, context, asked, f"question {id_}") for each in asked.items("answers")
        ]
        if not answers:
            raise asked.wrong(f"question {id_} has no answer")
        first, text_there = answers[0]
        gold = Gold(name, start + first, start + first + len(text_there), text_there)
        distinct = tuple(dict.fromkeys(answer for _, answer in answers))
        yield Question(id_, text, (gold,), answers=distinct)


def _answer(value: Any, context: str, asked: Fields, what: str) -> tuple[int, str]:  # noqa: ANN401
    answer = Fields(value, asked.file, 0, f"{what}, an answer")
    start, text = answer.number("answer_start"), answer.text("text")
    if not text or context[start : start + len(text)] != text:
        raise answer.wrong(f"{text!r} does not stand at {start} of its paragraph")
    return start, text
