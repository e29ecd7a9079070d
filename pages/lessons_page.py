"""Lessons: predict, vote, reveal and why; alone, or presented to a room."""

import streamlit as st

from rag_core.lessons import LESSONS
from ui.errors import boundary
from ui.stage import lesson_panel, me, notes_panel, presenter_panel

notes = me.notes_number()
with boundary():
    if notes is not None:
        notes_panel.show(notes)
        st.stop()
    presenter_panel.steps()
    number = me.lesson()
    me.remember_lesson(number)
    st.title(f"{number} · {LESSONS[number - 1].title}", anchor=False)
    if me.presenting():
        presenter_panel.share(number)
    lesson_panel.show(number)
