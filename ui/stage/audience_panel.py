"""What the audience sees: the presenter's view, its own vote, and queries of its own."""

from __future__ import annotations

import streamlit as st

from rag_core.lessons import LESSONS, STAGE
from rag_core.pipeline import DEFAULT_COLLECTION
from rag_core.retrieval import SearchOptions
from rag_core.search_lab.lanes import METHODS
from ui import services
from ui.errors import boundary
from ui.search_lab import results_panel, work
from ui.search_lab.view import View
from ui.stage import lesson_panel, me, reveal_panel, shared
from ui.stage.show import Shared

_LONGEST = 300  # characters of a query


@st.fragment(run_every=2.0)
def follow() -> None:
    """Draw what the presenter shares, and look again every two seconds."""
    with boundary():
        on = shared.show().current()
        if on is None:
            st.info(
                "Nobody is presenting now. This page follows by itself as soon as somebody does.",
                icon=":material/hourglass_empty:",
            )
        elif on.lesson is not None:
            _lesson(on.lesson, on.revealed)
        else:
            _page(on)


def _lesson(place: int, revealed: bool) -> None:
    lesson = LESSONS[place - 1]
    st.header(f"{place} · {lesson.title}", anchor=False)
    st.markdown(lesson.shows)
    lesson_panel.ask(lesson, place, closed=revealed)
    mine = shared.votes().of(place, me.voter())
    if revealed:
        reveal_panel.show(lesson, place, shared.reveal(place), mine)
    else:
        st.caption("Choose one." if mine is None else ":material/check: Your vote counts.")


def _page(on: Shared) -> None:
    """Show a search as the presenter sees it; of other pages only their name."""
    st.header(on.title, anchor=False)
    query = dict(on.view.query).get("q", "").strip() if on.view else ""
    if not on.view or on.view.page != "search" or not query:
        st.info("Look at the presenter's screen.", icon=":material/tv:")
        return
    chosen = [value for key, value in on.view.query if key == "methods"]
    methods = [name for name in METHODS if name in chosen and name != "cross-encoder"]
    results(on.collection, query, methods or ["keyword", "vector", "hybrid"])


def own_queries() -> None:
    """Let the person search; nothing is kept and nothing changes."""
    st.subheader("Try a query of your own", anchor=False)
    collection = collection_shown()
    if not services.pipeline(collection).documents():
        _wait_for_documents()
        return
    with st.form("audience_form", border=False):
        left, right = st.columns([5, 1], vertical_alignment="bottom")
        left.text_input(
            "Query", key="audience_query", max_chars=_LONGEST, placeholder="Words, or a question"
        )
        right.form_submit_button("Search", key="audience_search", type="primary", width="stretch")
    query = str(st.session_state.get("audience_query") or "").strip()
    if query:
        with st.spinner("Searching"):
            results(collection, query, ["hybrid"])


@st.fragment(run_every=2.0)
def _wait_for_documents() -> None:
    if services.pipeline(collection_shown()).documents():
        st.rerun()
    st.info(
        "There is nothing to search yet. The presenter has to load the samples first.",
        icon=":material/library_books:",
    )


def collection_shown() -> str:
    """Return the presenter's collection, else the lessons' own, else the default one."""
    on = shared.show().current()
    there = services.collections()
    wanted = (on.collection if on else STAGE, STAGE)
    found = [n for n in wanted if n in there and services.pipeline(n).documents()]
    return found[0] if found else DEFAULT_COLLECTION


def results(collection: str, query: str, methods: list[str]) -> None:
    """Draw the hits of a search, side by side."""
    lanes = work.lanes(collection, query, methods, SearchOptions(k=5))
    results_panel.show(View(collection, query, tuple(lanes)))
