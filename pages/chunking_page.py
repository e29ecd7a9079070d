"""Chunking: one text cut in several ways, side by side, and what that does to an answer."""

import streamlit as st

from ui import state
from ui.chunk_lab import (
    controls,
    keep_panel,
    numbers_panel,
    question_panel,
    sources,
    survival_panel,
    text_panel,
    unseen_panel,
    work,
)
from ui.chunk_lab.view import View
from ui.errors import boundary

SHOW = {
    "Text": text_panel.show,
    "Numbers": numbers_panel.show,
    "Question": question_panel.show,
    "Survival": survival_panel.show,
    "Unseen": unseen_panel.show,
    "Keep": keep_panel.show,
}
collection = state.collection()

st.title("Chunking", anchor=False)
with boundary():
    left, right = st.columns([4, 9])
    with left:
        source = sources.pick(collection)
    with right:
        names = controls.strategies()
    if source is None:
        st.info("Paste a text above, or choose another document.", icon=":material/content_paste:")
    elif not source.document.text.strip():
        st.info("This document has no text. Choose another one.", icon=":material/description:")
    elif not names:
        st.info("Choose two to six strategies to compare.", icon=":material/content_cut:")
    else:
        choices = controls.choices(names)
        question, mark = controls.question_and_answer(source.document, source.questions)
        panel = controls.panel()
        with st.spinner("Cutting", show_time=True):
            columns = [work.column(collection, source.document, choice) for choice in choices]
        SHOW[panel](
            View(
                collection=collection,
                document=source.document,
                path=source.path,
                tokens=work.tokens(source.document.id, source.document.text),
                choices=tuple(choices),
                columns=tuple(columns),
                question=question,
                mark=mark,
            )
        )
