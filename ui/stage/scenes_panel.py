"""Scenes: saved views, kept in the data folder, to step through in a talk."""

from __future__ import annotations

import streamlit as st

from rag_core.lessons import LESSONS
from rag_core.lessons.scenes import Scene, view_from
from ui import navigation
from ui.errors import boundary
from ui.stage import shared, way
from ui.text import plain


def step() -> None:
    """Draw the buttons to the scene before and after; they work on every page."""
    kept = shared.scenes().list()
    if not kept:
        return
    place = min(int(st.session_state.get("scene", -1)), len(kept) - 1)
    back = st.button(
        "Scene", key="previous_scene", type="tertiary", icon=":material/skip_previous:",
        shortcut="Shift+Up",
        disabled=place <= 0, help="The scene before this one.",
    )  # fmt: skip
    on = st.button(
        "Scene", key="next_scene", type="tertiary", icon=":material/skip_next:",
        shortcut="Shift+Down",
        disabled=place >= len(kept) - 1, help="The next scene.",
    )  # fmt: skip
    if place >= 0:
        st.caption(f"{place + 1} of {len(kept)} · {plain(kept[place].title, limit=40)}")
    if back or on:
        _open(kept, place + (1 if on else -1))


def _open(kept: list[Scene], place: int) -> None:
    st.session_state["scene"] = place
    way.to(kept[place].view)


def edit() -> None:
    """Draw the list with what adds to it and takes away from it."""
    kept = shared.scenes().list()
    if not kept:
        st.markdown("No scene yet. Open a page as you want to show it, and paste its address here.")
        st.button(
            "Begin with the lessons' pages", key="fill_scenes", icon=":material/playlist_add:",
            on_click=_fill,
        )  # fmt: skip
    for number, scene in enumerate(kept, start=1):
        with st.container(horizontal=True, vertical_alignment="center", key=f"scene-{number}"):
            st.markdown(
                f"{number} · {plain(scene.title, limit=60)} :small[{scene.view.page}]",
                width="stretch",
            )
            st.button(
                "Remove", key=f"remove-scene-{number}", type="tertiary",
                icon=":material/close:", on_click=_remove, args=(scene.title,),
            )  # fmt: skip
    with st.form("scene_form", clear_on_submit=True, border=False):
        st.text_input("Title", key="scene_title", max_chars=80)
        st.text_input(
            "Address", key="scene_address", placeholder="http://…/search?q=…",
            help="Copied from the address bar; only the page and its settings are kept.",
        )  # fmt: skip
        st.form_submit_button("Add the scene", key="add_scene", on_click=_add)


def _add() -> None:
    title, address = st.session_state["scene_title"], st.session_state["scene_address"]
    with boundary():
        try:
            shared.scenes().add(Scene(title, view_from(address, tuple(navigation.FILES))))
        except ValueError as error:
            st.toast(plain(f"Not added: {error}.", limit=300), icon=":material/error:")


def _remove(title: str) -> None:
    with boundary():
        shared.scenes().remove(title)


def _fill() -> None:
    with boundary():
        for lesson in LESSONS:
            shared.scenes().add(Scene(lesson.title, lesson.view))
