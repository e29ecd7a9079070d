"""Questions that are written: their passage pasted, or marked in the document's own text."""

from __future__ import annotations

import streamlit as st

from rag_core import Document, Span
from rag_core.chunk_report import report
from rag_core.evaluation import marked_question, written_question
from rag_core.evaluation.datasets.written import unanswerable_question
from ui import services
from ui.chunk_lab.places import Column, Utf16, payload, shown
from ui.chunk_lab.text_map import text_map
from ui.chunk_lab.work import tokens
from ui.errors import boundary
from ui.evaluation_lab.making import keep
from ui.text import number

_FIELDS = ("new_question", "new_answer", "new_passage")


def write(collection: str) -> None:
    """Ask for a question, its answer, and the words of a document that answer it."""
    with st.container(border=True, key="write"):
        none = st.toggle(
            "The documents do not answer it", key="new_none",
            help="To see whether that is said instead of something being made up.",
        )  # fmt: skip
        text, answer = _asked(answered=not none)
        name = "" if none else _document(collection)
        passage = "" if none else st.text_area(
            "Passage", key="new_passage", height=110,
            placeholder="The words that answer, pasted out of the document",
        )  # fmt: skip
        st.button(
            "Add the question", key="add_question", type="primary", icon=":material/add:",
            on_click=_write, args=(collection, name, text, answer, passage),
        )  # fmt: skip


def mark(collection: str) -> None:
    """Ask for a question, and let its passage be selected in the text."""
    text, answer = _asked()
    name = _document(collection)
    document = _open(collection, name)
    place = _marked(document)
    if place is not None:
        st.markdown("**Marked**")
        st.text(document.text[place.start : place.end][:600])
    else:
        st.caption("Select the words that answer in the text below, then Mark as the answer.")
    st.button(
        "Add the question", key="add_marked", type="primary", icon=":material/add:",
        disabled=place is None, on_click=_add_marked, args=(collection, document, text, answer),
    )  # fmt: skip
    text_map(
        payload(document, [_column(collection, document)], mark=place),
        key=f"marking-{document.id}",
        on_mark=lambda at: _remember(document, at),
    )


def _asked(*, answered: bool = True) -> tuple[str, str]:
    left, right = st.columns([3, 2])
    text = left.text_input(
        "New question", key="new_question", placeholder="What would somebody ask?"
    )
    if not answered:
        return text, ""
    answer = right.text_input(
        "Expected answer", key="new_answer", placeholder="A few words; may be left empty"
    )
    return text, answer


def _document(collection: str) -> str:
    names = [info.name for info in services.pipeline(collection).documents()]
    return st.selectbox("Document", names, key="new_document") or names[0]


def _open(collection: str, name: str) -> Document:
    pipeline = services.pipeline(collection)
    return pipeline.document(next(info.id for info in pipeline.documents() if info.name == name))


def _column(collection: str, document: Document) -> Column:
    """Return the chunks as they are indexed: what a passage would be cut by."""
    chunks = tuple(services.pipeline(collection).chunks(document.id))
    measured = report(chunks, tokens(document.id, document.text))
    return Column("as indexed", number(len(chunks), "chunk"), chunks, measured)


def _marked(document: Document) -> Span | None:
    found: tuple[int, int] | None = st.session_state.get(f"passage-{document.id}")
    return None if found is None else Span(document.id, *found)


def _remember(document: Document, at: tuple[int, int] | None) -> None:
    units = Utf16(shown(document.text))
    place = None if at is None else (units.back(at[0]), units.back(at[1]))
    st.session_state[f"passage-{document.id}"] = place


def _write(collection: str, name: str, text: str, answer: str, passage: str) -> None:
    with boundary():
        question = (
            written_question(text, answer, _open(collection, name), passage)
            if name
            else unanswerable_question(text)
        )
        keep(collection, [question])
        _clear()


def _add_marked(collection: str, document: Document, text: str, answer: str) -> None:
    with boundary():
        place = _marked(document) or Span(document.id, 0, 0)
        keep(collection, [marked_question(text, answer, document, place.start, place.end)])
        _remember(document, None)
        _clear()


def _clear() -> None:
    for field in _FIELDS:
        st.session_state[field] = ""
