"""BEIR folders: corpus.jsonl, queries.jsonl and the judgements in qrels/*.tsv."""

from __future__ import annotations

from pathlib import Path

from rag_core.datatypes import Document
from rag_core.evaluation.datasets.reading import Fields, json_lines, read_text
from rag_core.evaluation.questions import Dataset, DatasetError, Question

_HINT = "A BEIR folder holds corpus.jsonl, queries.jsonl and qrels/test.tsv."


def load_beir(folder: Path | str, *, split: str = "test") -> Dataset:
    """Read a folder of the BEIR benchmark: one document an entry, title first, named by its id.

    Questions without a judgement above 0 are left out, as BEIR's own scores do. There are no
    passages: retrieval is judged by document.

    Args:
        folder: as it comes out of BEIR's zip files.
        split: which judgements, "test", "dev" or "train".

    Raises:
        DatasetError: with file, line and reason.

    Source: Thakur and others, "BEIR: A Heterogeneous Benchmark for Zero-shot Evaluation of
    Information Retrieval Models", NeurIPS 2021.
    """
    folder = Path(folder)
    documents = _corpus(folder / "corpus.jsonl")
    judged = _judgements(folder / "qrels" / f"{split}.tsv")
    asked: dict[str, str] = {}
    for line, value in json_lines(_there(folder / "queries.jsonl")):
        query = Fields(value, "queries.jsonl", line, "the query")
        asked[query.text("_id")] = query.text("text").strip()
    if missing := next((id_ for id_ in judged if id_ not in asked), None):
        raise DatasetError("queries.jsonl", 0, f"the judged query {missing!r} is not in it")
    known = {document.name for document in documents}
    questions, lost = [], 0
    for id_, gains in judged.items():
        relevant = {name: gain for name, gain in gains.items() if gain > 0}
        lost += len(relevant.keys() - known)
        if relevant:
            questions.append(Question(id_, asked[id_], documents=relevant))
    if not questions:
        raise DatasetError(f"qrels/{split}.tsv", 0, "no judgement is above 0", hint=_HINT)
    notes = (f"{lost} relevant documents are not in corpus.jsonl; they count as missed",)
    return Dataset(folder.name, tuple(questions), tuple(documents), notes if lost else ())


def _corpus(path: Path) -> list[Document]:
    documents: dict[str, Document] = {}
    for line, value in json_lines(_there(path)):
        entry = Fields(value, path.name, line, "the document")
        name, title = entry.text("_id"), str(entry.get("title") or "").strip()
        if not name or name in documents:
            raise entry.wrong(f"the id {name!r} is empty or was there before")
        text = f"{title}\n\n{entry.text('text')}".strip()
        documents[name] = Document.from_text(name, text, metadata={"title": title} if title else {})
    return list(documents.values())


def _judgements(path: Path) -> dict[str, dict[str, float]]:
    judged: dict[str, dict[str, float]] = {}
    name = f"qrels/{path.name}"
    for number, line in enumerate(read_text(_there(path)).split("\n"), start=1):
        cells = line.rstrip("\r").split("\t")
        if not line.strip() or (number == 1 and cells[-1] == "score"):
            continue
        if len(cells) != 3:
            raise DatasetError(name, number, f"{len(cells)} columns instead of 3, parted by tabs")
        try:
            judged.setdefault(cells[0], {})[cells[1]] = float(int(cells[2]))
        except ValueError:
            raise DatasetError(name, number, f"{cells[2]!r} is no whole number") from None
    return judged


def _there(path: Path) -> Path:
    if not path.is_file():
        raise DatasetError(path.name, 0, f"it is not in {path.parent}", hint=_HINT)
    return path
