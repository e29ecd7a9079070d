"""One lesson on the page: predict, vote, reveal, why."""

from __future__ import annotations

import streamlit as st

from rag_core.lessons import LESSONS, STAGE, Lesson
from ui import indexing, services
from ui.errors import boundary
from ui.stage import me, reveal_panel, shared, way
from ui.text import number


def show(place: int) -> None:
    """Draw lesson `place`, from 1."""
    lesson = LESSONS[place - 1]
    open_now = me.revealed(place)
    st.markdown(lesson.shows)
    ask(lesson, place, closed=open_now)
    if not open_now:
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button(
                "Reveal", key="reveal_lesson", type="primary", icon=":material/visibility:"
            ):
                shared.reveal(
                    place
                )  # before anybody is told, so that nobody waits at the same time
                me.reveal(place)
                st.rerun()
            turnout(place)
        return
    reveal_panel.show(lesson, place, shared.reveal(place), shared.votes().of(place, me.voter()))
    open_page(lesson)


def ask(lesson: Lesson, place: int, *, closed: bool) -> None:
    """Ask for this session's prediction; it counts at once."""
    st.subheader(lesson.question, anchor=False)
    st.radio(
        "Your prediction", range(len(lesson.choices)), key=f"vote-{place}",
        index=shared.votes().of(place, me.voter()), disabled=closed,
        format_func=lambda choice: lesson.choices[choice], on_change=_cast, args=(place,),
        label_visibility="collapsed",
    )  # fmt: skip


def _cast(place: int) -> None:
    choice = st.session_state.get(f"vote-{place}")
    with boundary():
        if choice is not None and not shared.votes().cast(place, me.voter(), int(choice)):
            st.toast("This lesson has all the votes it takes.", icon=":material/groups:")


@st.fragment(run_every=2.0)
def turnout(place: int) -> None:
    """Say how many have voted, and nothing of what: that would sway the others."""
    count = sum(shared.votes().counts(place, len(LESSONS[place - 1].choices)))
    st.caption(f":material/how_to_vote: {number(count, 'vote')}" if count else "No votes yet")


def open_page(lesson: Lesson) -> None:
    """Offer the page that shows the lesson, set up by its link."""
    if ("collection", STAGE) in lesson.view.query and not shared.stage_ready():
        if STAGE in services.collections() and services.queue(STAGE).busy:
            indexing.pulse(STAGE)
            st.caption("The page can be opened when the samples are loaded.")
            return
        st.caption("The page needs the samples in the lessons' own collection. It takes a minute.")
        st.button(
            "Load them", key="load_stage", icon=":material/library_add:",
            on_click=shared.load_stage,
        )  # fmt: skip
        return
    if st.button("Open the page", key="open_page", icon=":material/open_in_new:"):
        way.to(lesson.view)
