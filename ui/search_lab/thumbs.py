"""Thumbs on hits: a hit that is marked good becomes a question of the collection's own."""

from __future__ import annotations

import streamlit as st

from rag_core import SearchHit
from rag_core.errors import SettingsError
from rag_core.evaluation import CollectionQuestions, from_hit
from ui import services
from ui.errors import boundary
from ui.search_lab.view import View


def given(collection: str) -> set[str]:
    """Return the ids of the questions that there are."""
    return {question.id for question in _own(collection).list()}


def button(view: View, hit: SearchHit, good: set[str], *, key: str) -> None:
    """Offer to mark a hit as good, or to take that back."""
    marked = from_hit(view.query, hit).id in good
    st.button(
        "Answers it" if marked else "Good", key=f"good-{key}", type="tertiary",
        icon=":material/check_circle:" if marked else ":material/thumb_up:",
        on_click=_turn, args=(view.collection, view.query, hit, marked),
        help="Forget this question again." if marked
        else "Keep the query as a question that this passage answers, for the Evaluation page.",
    )  # fmt: skip


def _turn(collection: str, query: str, hit: SearchHit, marked: bool) -> None:
    with boundary():
        question = from_hit(query, hit)
        if marked:
            _own(collection).remove(question.id)
            return
        try:
            _own(collection).add(question)
        except ValueError as error:
            raise SettingsError(f"It cannot be kept: {error}.", hint="Delete some.") from error
        st.toast("Kept as a question; see Evaluation, Questions.", icon=":material/thumb_up:")


def _own(collection: str) -> CollectionQuestions:
    return CollectionQuestions(services.pipeline(collection).home.settings, collection)
