"""Questions of people's own, as CSV or JSON lines; the sample library's are such a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rag_core.datatypes import Document
from rag_core.evaluation.datasets.reading import Fields, json_lines, parsed, read_text
from rag_core.evaluation.questions import Dataset, DatasetError, Gold, Question, texts_of
from rag_core.loaders import load

SAMPLES = Path(__file__).resolve().parents[3] / "samples"
_HINT = (
    "Each row needs a question, and to be judged a document with an answer, a text or spans: "
    '{"question": "...", "document": "name.txt", "answer": "..."}'
)


def load_questions(
    path: Path | str,
    *,
    documents: Iterable[Document] = (),
    texts: Mapping[str, str] | None = None,
) -> Dataset:
    """Read questions from a .csv with a heading, or from JSON lines.

    Columns: `question`, and as far as known `id`, `kind`, `document` (or `doc`), `answer` or
    `answers` (any of a list is right), `start` and `end` (or `answer_start(s)`), `text` (of the
    passage), `spans` (a list of {document, start, end, text}, all of them needed). A passage
    without offsets is looked for, and must stand in its document exactly once; a document without
    any passage is judged as a whole. A row with kind "unanswerable" has none.

    Args:
        path: the file.
        documents: what the questions are about, to be indexed with them.
        texts: instead, the texts by name of a collection that is there already.

    Raises:
        DatasetError: with file, line and reason.
    """
    path, documents = Path(path), tuple(documents)
    known = texts if texts is not None else texts_of(documents)
    rows = _csv_rows(path) if path.suffix.lower() == ".csv" else json_lines(path)
    questions: dict[str, Question] = {}
    for line, value in rows:
        row = Fields(value, path.name, line, "the question")
        question = _question(row, len(questions) + 1, known)
        if question.id in questions:
            raise row.wrong(f"the id {question.id!r} was there before")
        questions[question.id] = question
    if not questions:
        raise DatasetError(path.name, 0, "there is no question in it", hint=_HINT)
    name = path.resolve().parent.name if path.stem == "questions" else path.stem
    return Dataset(name, tuple(questions.values()), documents)


def load_folder(folder: Path | str) -> list[Document]:
    """Load every file of a folder, by name, hidden ones left out.

    Raises:
        LoadError: for a file that cannot be loaded.
        DatasetError: for a folder without files.
    """
    folder = Path(folder)
    files = [each for each in sorted(folder.glob("*")) if each.is_file() and each.name[0] != "."]
    if not files:
        raise DatasetError(str(folder), 0, "there is no file in it")
    return [load(file.name, file.read_bytes()) for file in files]


def load_samples() -> Dataset:
    """Return the sample library and its questions.

    Raises:
        DatasetError: where the samples were not installed.
    """
    if not (SAMPLES / "questions.jsonl").is_file():
        raise DatasetError("samples", 0, "the sample library is not installed here")
    found = load_questions(SAMPLES / "questions.jsonl", documents=load_folder(SAMPLES / "library"))
    return Dataset("samples", found.questions, found.documents)


def _csv_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    csv.field_size_limit(max(csv.field_size_limit(), 10_000_000))
    rows = csv.DictReader(io.StringIO(read_text(path), newline=""), strict=True)
    if "question" not in (rows.fieldnames or ()):
        raise DatasetError(path.name, 1, "no column 'question'", hint=_HINT)
    try:
        for row in rows:
            if None in row or None in row.values():
                raise DatasetError(path.name, rows.line_num, "it has not as many cells as columns")
            yield rows.line_num, {key: _cell(key, row[key], path, rows.line_num) for key in row}
    except csv.Error as error:
        raise DatasetError(path.name, rows.line_num, f"this is no CSV: {error}") from error


def _cell(name: str, cell: str, path: Path, line: int) -> Any:  # noqa: ANN401
    if not cell.strip():
        return None
    if name in ("answers", "spans", "answer_starts"):
        return parsed(cell, path.name, line)
    if name in ("start", "end", "answer_start"):
        return int(cell) if cell.strip().isdecimal() else cell
    return cell


def _question(row: Fields, number: int, texts: Mapping[str, str]) -> Question:
    id_, kind = row.get("id"), str(row.get("kind") or "")
    id_ = f"q{number}" if id_ is None else str(id_)
    text = row.text("question").strip()
    if not text:
        raise row.wrong("it is empty")
    answers = _answers(row)
    if kind == "unanswerable":
        return Question(id_, text, kind=kind, answerable=False)
    spans = row.get("spans")
    if isinstance(spans, list) and spans:
        golds = tuple(
            _gold(Fields(span, row.file, row.line, "a span"), span.get("document"), (), texts)
            if isinstance(span, dict)
            else _no_span(row)
            for span in spans
        )
        return Question(id_, text, golds, answers=answers, kind=kind)
    name = row.get("document") or row.get("doc")
    if name is None:
        return Question(id_, text, answers=answers, kind=kind)
    if not (answers or row.get("text") or row.get("start") is not None):
        return Question(id_, text, documents={str(name): 1.0}, kind=kind)
    return Question(id_, text, (_gold(row, name, answers, texts),), answers=answers, kind=kind)


def _answers(row: Fields) -> tuple[str, ...]:
    found = row.get("answers") if row.get("answers") is not None else row.get("answer")
    values = found if isinstance(found, list) else [] if found is None else [found]
    if not all(isinstance(value, str | int | float) for value in values):
        raise row.wrong("its answers must be texts")
    return tuple(str(value) for value in values if str(value).strip())


def _gold(row: Fields, name: object, answers: tuple[str, ...], texts: Mapping[str, str]) -> Gold:
    if not isinstance(name, str) or name not in texts:
        raise row.wrong(f"there is no document {name!r}")
    passage = str(row.get("text") or (answers[0] if answers else ""))
    starts = row.get("answer_starts")
    key = next((key for key in ("start", "answer_start") if row.get(key) is not None), None)
    if isinstance(starts, list) and starts and isinstance(starts[0], int):
        start, end = starts[0], starts[0] + len(passage)
    elif key is not None:
        start = row.number(key)
        end = row.number("end") if row.get("end") is not None else start + len(passage)
    else:
        start = _only_place(row, passage, name, texts[name])
        end = start + len(passage)
    there = texts[name][start:end]
    if not 0 <= start < end <= len(texts[name]):
        raise row.wrong(
            f"{start} to {end} is no range in {name}, of {len(texts[name]):,} characters"
        )
    if row.get("text") and there != passage:
        raise row.wrong(f"at {start} of {name} stands {there[:40]!r}, not {passage[:40]!r}")
    return Gold(name, start, end, there)


def _only_place(row: Fields, passage: str, name: str, text: str) -> int:
    times = text.count(passage) if passage else 0
    if times != 1:
        raise row.wrong(f"{passage[:60]!r} stands {times} times in {name}: give its start")
    return text.index(passage)


def _no_span(row: Fields) -> Gold:
    raise row.wrong("a span is no JSON object")
