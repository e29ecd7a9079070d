"""The layout of Chroma's chunking evaluation: corpora/*.md and questions_df.csv."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from rag_core.datatypes import Document
from rag_core.evaluation.datasets.reading import Fields, parsed, read_text
from rag_core.evaluation.questions import Dataset, DatasetError, Gold, Question

QUESTIONS = "questions_df.csv"
_COLUMNS = ("question", "references", "corpus_id")
_HINT = f"The folder holds {QUESTIONS} and corpora/*.md, as Chroma's general_evaluation_data does."


def load_chunking_paper(folder: Path | str) -> Dataset:
    """Read a folder in the layout of "Evaluating Chunking Strategies for Retrieval".

    The texts are taken as they stand, only line ends made newlines, since the references are
    character ranges in them. `references` are JSON lists of {content, start_index, end_index}; a
    document is named by its corpus_id. A reference whose content is not what stands there is
    counted in the notes and judged by its place.

    Raises:
        DatasetError: with file, line and reason.
    """
    folder = Path(folder)
    files = sorted((folder / "corpora").glob("*.md"))
    if not files:
        raise DatasetError(folder.name, 0, "there is no corpora/*.md in it", hint=_HINT)
    texts = {file.stem: read_text(file) for file in files}
    questions: list[Question] = []
    differing = 0
    csv.field_size_limit(max(csv.field_size_limit(), 10_000_000))  # references hold whole passages
    rows = csv.DictReader(io.StringIO(read_text(folder / QUESTIONS), newline=""), strict=True)
    if missing := set(_COLUMNS) - set(rows.fieldnames or ()):
        raise DatasetError(QUESTIONS, 1, f"no column {sorted(missing)[0]!r}", hint=_HINT)
    try:
        for row in rows:
            question, wrong = _question(row, rows.line_num, len(questions) + 1, texts)
            questions.append(question)
            differing += wrong
    except csv.Error as error:
        raise DatasetError(QUESTIONS, rows.line_num, f"this is no CSV: {error}") from error
    if not questions:
        raise DatasetError(QUESTIONS, 0, "there is no question in it", hint=_HINT)
    note = f"{differing} references do not hold the text that stands at their place"
    documents = tuple(Document.from_text(name, text) for name, text in texts.items())
    return Dataset(folder.name, tuple(questions), documents, (note,) if differing else ())


def _question(
    row: dict[str, Any], line: int, number: int, texts: dict[str, str]
) -> tuple[Question, int]:
    cells = Fields(row, QUESTIONS, line, "the question")
    corpus = cells.text("corpus_id")
    if corpus not in texts:
        raise cells.wrong(f"there is no corpora/{corpus}.md")
    references = parsed(cells.text("references"), QUESTIONS, line)
    if not isinstance(references, list) or not references:
        raise cells.wrong("its references are no list, or an empty one")
    golds = [_gold(value, line, corpus, texts[corpus]) for value in references]
    differing = sum(texts[corpus][g.start : g.end] != g.text for g in golds)
    here = tuple(Gold(corpus, g.start, g.end, texts[corpus][g.start : g.end]) for g in golds)
    return Question(f"{corpus}-{number}", cells.text("question").strip(), here), differing


def _gold(value: object, line: int, corpus: str, text: str) -> Gold:
    cells = Fields(value, QUESTIONS, line, "a reference")
    start, end = cells.number("start_index"), cells.number("end_index")
    if not start < end <= len(text):
        raise cells.wrong(f"{start} to {end} is no range in {corpus}, of {len(text):,} characters")
    return Gold(corpus, start, end, str(cells.get("content") or ""))
