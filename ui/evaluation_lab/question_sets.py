"""Where the questions come from: the samples, a file, or the collection's own."""

from __future__ import annotations

import tempfile
from pathlib import Path

import streamlit as st

from rag_core.evaluation import collection_dataset, load_samples, load_squad
from rag_core.evaluation.datasets.cloze import cloze_questions
from rag_core.evaluation.datasets.tables import load_questions
from rag_core.evaluation.questions import Dataset
from ui import services

SAMPLES, OWN, CLOZE, FILE = "Samples", "Collection's own", "Cloze", "File"
_CLOZES = 40


def pick(collection: str) -> Dataset | None:
    """Let the person choose; return None while there are no questions."""
    chosen = st.segmented_control(
        "Questions", [SAMPLES, OWN, CLOZE, FILE], default=SAMPLES, required=True, key="questions",
        bind="query-params",
        help="Cloze questions are sentences of your documents with a gap: quickly made, and "
        "easier than what people ask.",
    )  # fmt: skip
    if chosen == SAMPLES:
        return _samples()
    pipeline = services.pipeline(collection)
    if chosen == FILE:
        return _file(collection)
    if not pipeline.documents():
        st.info("This collection is empty. Add documents on the Upload page.",
                icon=":material/upload_file:")  # fmt: skip
        return None
    found = collection_dataset(pipeline)
    if chosen == CLOZE:
        gaps = tuple(cloze_questions(found.documents, count=_CLOZES))
        return Dataset(f"{collection} cloze", gaps, found.documents)
    if not found.questions:
        st.info(
            "This collection has no questions of its own yet. Write, import or generate some in "
            "the Questions view above, or try Cloze, or a file.",
            icon=":material/quiz:",
        )
        return None
    return found


@st.cache_resource(show_spinner="Reading the samples", max_entries=1)
def _samples() -> Dataset:
    return load_samples()


def _file(collection: str) -> Dataset | None:
    given = st.file_uploader(
        "Question file", key="question_file", type=["csv", "jsonl", "json"],
        help="CSV or JSON lines with question, document and answer about this collection's "
        "documents, or SQuAD (.json), which brings its own.",
    )  # fmt: skip
    if given is None:
        st.info("Choose a file with questions.", icon=":material/attach_file:")
        return None
    suffix = Path(given.name).suffix.lower()
    with tempfile.TemporaryDirectory() as folder:
        # A name of our own: the given one could be a path
        path = Path(folder) / f"questions{suffix}"
        path.write_bytes(given.getvalue())
        if suffix == ".json":
            return load_squad(path)
        documents = collection_dataset(services.pipeline(collection), ()).documents
        found = load_questions(path, documents=documents)
    return Dataset(Path(given.name).stem, found.questions, found.documents)
