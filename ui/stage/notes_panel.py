"""The notes window: what only the presenter reads, following the show by itself."""

from __future__ import annotations

import streamlit as st

from rag_core.lessons import LESSONS
from ui.stage import me, shared
from ui.stage.show import clock_text


@st.fragment(run_every=1.0)
def show(asked: int) -> None:
    """Draw the notes of the lesson that is on; of the one in the link while nobody presents."""
    on = shared.show().current()
    number = on.lesson if on and on.lesson else asked
    lesson = LESSONS[number - 1]
    st.title(f"Notes {number} · {lesson.title}", anchor=False)
    left, right = st.columns(2)
    left.metric("Clock", clock_text(shared.show().clock.seconds()), border=True)
    counts = shared.votes().counts(number, len(lesson.choices))
    right.metric("Votes", sum(counts), border=True)
    for note in lesson.notes:
        st.markdown(f"- {note}")
    st.caption(" · ".join(f"{c}: {n}" for c, n in zip(lesson.choices, counts, strict=True)))
    if number < len(LESSONS):
        st.markdown(f"**Then**: {LESSONS[number].title}")
    if on and on.lesson is None:
        st.caption(":material/slideshow: The room sees another page just now.")
    elif on is None:
        st.page_link(
            "pages/lessons_page.py", label="Back to the lesson", icon=":material/arrow_back:",
            query_params={"lesson": me.NUMBERS[number - 1], "present": "true"},
        )  # fmt: skip
