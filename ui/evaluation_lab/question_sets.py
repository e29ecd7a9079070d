"""Where the questions come from: the samples, a file, or the collection's own."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import streamlit as st

from rag_core.access import require
from rag_core.evaluation import (
    CollectionQuestions,
    collection_dataset,
    load_beir,
    load_chunking_paper,
    load_samples,
    load_squad,
)
from rag_core.evaluation.datasets.chunking_paper import QUESTIONS
from rag_core.evaluation.datasets.cloze import cloze_questions
from rag_core.evaluation.datasets.tables import load_questions
from rag_core.evaluation.questions import Dataset
from ui import access, services

SAMPLES, OWN, CLOZE, FILE, FOLDER = "Samples", "Collection's own", "Cloze", "File", "Folder"
_CLOZES = 40


def pick(collection: str) -> Dataset | None:
    """Let the person choose; return None while there are no questions."""
    chosen = st.segmented_control(
        "Questions", [SAMPLES, OWN, CLOZE, FILE, FOLDER], default=SAMPLES, required=True,
        key="questions", bind="query-params",
        help="Cloze questions are sentences of your documents with a gap: quickly made, and "
        "easier than what people ask.",
    )  # fmt: skip
    if chosen == SAMPLES:
        return _samples()
    if chosen == FOLDER:
        return _folder()
    pipeline = services.pipeline(collection)
    if chosen == FILE:
        return _file(collection)
    if not pipeline.documents():
        st.info("This collection is empty. Add documents on the Upload page.",
                icon=":material/upload_file:")  # fmt: skip
        return None
    generation = pipeline.home.catalog.generation(collection)
    if chosen == CLOZE:
        return _clozes(collection, generation)
    own = CollectionQuestions(pipeline.home.settings, collection).list()
    found = replace(documents(collection, generation), questions=tuple(own))
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


@st.cache_resource(show_spinner="Reading the documents", max_entries=2)
def documents(collection: str, generation: int) -> Dataset:
    """Return a collection's documents, read once for each state of it; without questions."""
    return collection_dataset(services.pipeline(collection), ())


@st.cache_resource(show_spinner="Choosing sentences", max_entries=2)
def _clozes(collection: str, generation: int) -> Dataset:
    found = documents(collection, generation).documents
    return Dataset(f"{collection} cloze", tuple(cloze_questions(found, count=_CLOZES)), found)


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
        generation = services.pipeline(collection).home.catalog.generation(collection)
        found = load_questions(path, documents=documents(collection, generation).documents)
    return Dataset(Path(given.name).stem, found.questions, found.documents)


def _folder() -> Dataset | None:
    if access.role() != "admin":
        st.info("Reading a folder of the server takes an admin.", icon=":material/lock:")
        return None
    given = st.text_input(
        "Folder on this machine", key="data_folder", placeholder="/path/to/scifact",
        help="A BEIR folder (corpus.jsonl, queries.jsonl, qrels/test.tsv), or one in the layout of "
        "Chroma's chunking evaluation (questions_df.csv, corpora/*.md).",
    ).strip()  # fmt: skip
    if not given:
        st.info("Say where a BEIR folder is.", icon=":material/folder_open:")
        return None
    require("admin", "read a folder of the server")
    folder = Path(given).expanduser()
    changed = max((file.stat().st_mtime for file in folder.glob("*.*")), default=0.0)
    return _data(str(folder), changed)


@st.cache_resource(show_spinner="Reading the folder", max_entries=2)
def _data(folder: str, changed: float) -> Dataset:
    paper = (Path(folder) / QUESTIONS).is_file()
    return load_chunking_paper(folder) if paper else load_beir(folder)
