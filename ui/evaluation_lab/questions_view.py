"""The Questions view: a collection's own questions, written, marked, imported and made."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from rag_core.evaluation import CollectionQuestions, Question
from rag_core.evaluation.datasets.written import as_lines
from ui import access, services
from ui.errors import boundary
from ui.evaluation_lab import making, marking
from ui.text import number

_HOW: dict[str, Callable[[str], None]] = {
    "Write": marking.write,
    "Mark in the text": marking.mark,
    "From thumbs": making.from_thumbs,
    "Generate": making.generate,
}


def show(collection: str) -> None:
    """List the questions, and offer the ways to more of them."""
    pipeline = services.pipeline(collection)
    own = CollectionQuestions(pipeline.home.settings, collection)
    questions = own.list()
    if not pipeline.documents():
        st.info("This collection is empty. Add documents on the Upload page.",
                icon=":material/upload_file:")  # fmt: skip
        return
    if questions:
        _list(collection, questions)
    else:
        st.info(
            "This collection has no questions of its own yet. Here are four ways to some.",
            icon=":material/quiz:",
        )
    if not access.may_edit():
        st.caption(":material/lock: A viewer can read them; adding takes an editor.")
        return
    st.subheader("Add questions", anchor=False)
    how = st.segmented_control(
        "How", list(_HOW), default="Write", required=True, key="how", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    _HOW[how or "Write"](collection)


def _list(collection: str, questions: list[Question]) -> None:
    st.markdown(f"**{number(len(questions), 'question')}** of this collection's own")
    st.dataframe(
        [_row(question) for question in questions], hide_index=True, key="own_questions",
        height=min(420, 40 + 36 * len(questions)),
        column_config={
            "Question": st.column_config.TextColumn(width="large"),
            "Passage": st.column_config.TextColumn(width="medium"),
        },
        alt=f"{len(questions)} questions with their answers and passages",
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.download_button(
            "JSON lines", lambda: as_lines(questions), "questions.jsonl", "application/jsonl",
            key="save_questions", icon=":material/download:", on_click="ignore",
            help="For python -m rag_core evaluate --questions, and for other collections.",
        )  # fmt: skip
        if access.may_edit():
            _change(collection, questions)


def _row(question: Question) -> dict[str, object]:
    gold = question.golds[0] if question.golds else None
    more = f" and {len(question.golds) - 1} more" if len(question.golds) > 1 else ""
    return {
        "Question": question.text,
        "Answer": "has none" if not question.answerable else " / ".join(question.answers),
        "Document": (gold.document if gold else ", ".join(question.documents)) + more,
        "Passage": " ".join(gold.text.split()) if gold else "",
        "Kind": question.kind,
    }


def _change(collection: str, questions: list[Question]) -> None:
    with st.popover("Change", icon=":material/edit:", key="change"):
        by_id = {question.id: question for question in questions}
        chosen = st.selectbox(
            "Question to change", list(by_id), key="chosen_question",
            format_func=lambda id_: by_id[id_].text if id_ in by_id else id_,
        )  # fmt: skip
        question = by_id.get(chosen, questions[0])
        text = st.text_input("Its words", question.text, key=f"text-{question.id}")
        answer = st.text_input(
            "Its answer", " / ".join(question.answers), key=f"answer-{question.id}",
            disabled=not question.answerable, help="Several right ones are parted by a slash.",
        )  # fmt: skip
        with st.container(horizontal=True):
            st.button(
                "Save", key="save_question", type="primary", on_click=_save,
                args=(collection, question, text, answer),
            )  # fmt: skip
            st.button(
                "Delete", key="delete_question", icon=":material/delete:", on_click=_delete,
                args=(collection, question.id),
            )  # fmt: skip


def _save(collection: str, question: Question, text: str, answer: str) -> None:
    with boundary():
        making.change(collection, question, text, answer)
        st.toast("Saved.", icon=":material/check:")


def _delete(collection: str, id_: str) -> None:
    with boundary():
        CollectionQuestions(services.pipeline(collection).home.settings, collection).remove(id_)
        st.toast("Deleted.", icon=":material/delete:")
