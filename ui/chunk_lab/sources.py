"""Which documents can be looked at: the samples, the library, and pasted text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from rag_core import Document, load
from ui import services

PASTED = "Pasted text"
_FIRST = "book-store-handbook.md"  # headings, long paragraphs and known questions
_MAX_PASTED = 1_000_000


@dataclass(frozen=True, slots=True)
class Source:
    """A document, where its file is (None for pasted text), and what is known to be asked of it."""

    document: Document
    path: str | None
    questions: tuple[dict[str, Any], ...] = ()


def pick(collection: str) -> Source | None:
    """Let the person choose; return None while there is nothing to look at."""
    samples = {f"{name} (sample)": name for name in _samples()}
    library = {f"{i.name} (library)": i.id for i in services.pipeline(collection).documents()}
    chosen = st.selectbox(
        "Document", [*samples, *library, PASTED], key="doc", bind="query-params",
        help="The samples are there without indexing; the library is the chosen collection.",
    )  # fmt: skip
    if chosen in samples:
        name = samples[chosen]
        return Source(_sample(name), f"samples/library/{name}", _questions(name))
    if chosen in library:
        document = services.pipeline(collection).document(library[chosen])
        return Source(document, document.name)
    text = st.text_area(
        "Text", key="pasted", height=140, max_chars=_MAX_PASTED, persist_state="session",
        placeholder="Paste a text of some paragraphs",
        help="It stays in this session; a link to this page does not carry it.",
    )  # fmt: skip
    return Source(Document.from_text("pasted text", text), None) if text and text.strip() else None


@st.cache_data(show_spinner=False, max_entries=1)
def _samples() -> list[str]:
    folder = services.SAMPLES / "library"
    names = sorted(file.name for file in folder.iterdir()) if folder.is_dir() else []
    return sorted(names, key=lambda name: name != _FIRST)


@st.cache_resource(show_spinner="Reading the sample", max_entries=32)
def _sample(name: str) -> Document:
    return load(name, (services.SAMPLES / "library" / name).read_bytes())


def _questions(name: str) -> tuple[dict[str, Any], ...]:
    return tuple(
        question
        for question in services.sample_questions()
        if len(question["spans"]) == 1 and question["spans"][0]["document"] == name
    )
