"""What the stage asks of the frame: pages without a sidebar, large type, the presenter's bar."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from rag_core.access import require
from rag_core.lessons import View
from ui import navigation, state
from ui.errors import boundary
from ui.stage import large, me, presenter_panel, scenes_panel, shared
from ui.stage.show import Shared, clock_text


def bare(page: str) -> bool:
    """Return whether a page stands alone, without sidebar: the audience's, and the notes.

    Pages one is only passed through are bare too: the link can be given on to the next page only
    while no widget is bound to it. The home page itself has the empty path.
    """
    return page in ("audience", "open", navigation.HOME) or (
        page == "lessons" and me.notes_number() is not None
    )


@contextmanager
def stage(page: str, title: str) -> Iterator[None]:
    """Around a page: the presenter's bar before it, and what the audience sees after it."""
    on = me.presenting() and not bare(page)
    if on:
        st.set_page_config(initial_sidebar_state="collapsed")
        large.show()
        _bar(page)
    try:
        yield
    finally:  # a page may end with st.stop(): the audience follows all the same
        if on and page != "lessons":
            query = tuple((key, v) for key in st.query_params for v in st.query_params.get_all(key))
            shared.show().share(
                me.voter(),
                Shared(state.collection(), view=View(page or "overview", query), title=title),
            )


def _bar(page: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="presenter_bar"):
        with st.container(width="content", key="clock_place"):
            _clock()
        if page != "lessons":
            st.page_link(
                "pages/lessons_page.py", label=f"Lesson {me.lesson()}",
                icon=":material/arrow_back:",
                query_params={"lesson": str(me.lesson()), "present": "true"},
            )  # fmt: skip
        scenes_panel.step()
        if page == "lessons":
            presenter_panel.tools(page)
        st.space("stretch")
        _sharing()


@st.fragment(run_every=1.0)
def _clock() -> None:
    clock = shared.show().clock
    st.button(
        clock_text(clock.seconds()), key="clock", type="tertiary",
        icon=":material/pause:" if clock.running else ":material/timer:",
        help="Starts and pauses the clock.", on_click=clock.toggle,
    )  # fmt: skip


def _sharing() -> None:
    show, who = shared.show(), me.voter()
    if show.presents(who):
        st.button(
            "Sharing", key="stop_sharing", icon=":material/cast_connected:", on_click=show.end,
            args=(who,), help="The audience follows what you show. Press to stop.",
        )  # fmt: skip
        return
    if show.current() is None:
        st.button(
            "Share", key="start_sharing", icon=":material/cast:", type="primary",
            on_click=_take, args=(False,), help="The audience's page follows what you show.",
        )  # fmt: skip
        return
    with st.popover("Share", icon=":material/cast:", key="take_over"), boundary():
        st.markdown("Somebody else is presenting on this server.")
        st.button("Take over", key="take_over_now", on_click=_take, args=(True,))


def _take(over: bool) -> None:
    with boundary():
        require("editor", "present to the audience")
        if not shared.show().take(me.voter(), over=over):
            st.toast("Somebody else began to share just now.", icon=":material/cast:")
