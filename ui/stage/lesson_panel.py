"""One lesson on the page: predict, vote, reveal, why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from rag_core.lessons import LESSONS, STAGE, Lesson, View
from ui.errors import boundary
from ui.stage import me, reveal_panel, shared
from ui.text import number

PAGES: Mapping[str, str] = {
    "overview": "pages/overview_page.py",
    "upload": "pages/upload_page.py",
    "chunking": "pages/chunking_page.py",
    "similarity": "pages/similarity_page.py",
    "search": "pages/search_page.py",
    "ann": "pages/ann_page.py",
    "chat": "pages/chat_page.py",
}
"""The pages that lessons and scenes may open: url path to file."""


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
        st.caption("The page needs the samples in the lessons' own collection. It takes a minute.")
        st.button(
            "Load them", key="load_stage", icon=":material/library_add:",
            on_click=shared.load_stage,
        )  # fmt: skip
        return
    st.page_link(
        PAGES[lesson.view.page], label="Open the page", icon=":material/open_in_new:",
        query_params=grouped(lesson.view),
    )  # fmt: skip


def grouped(view: View) -> dict[str, Sequence[str]]:
    """Return a view's query with every key once, as Streamlit takes it."""
    found: dict[str, list[str]] = {}
    for key, value in view.query:
        found.setdefault(key, []).append(value)
    return dict(found)
