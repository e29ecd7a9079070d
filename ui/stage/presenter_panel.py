"""The presenter's tools on the lessons' page: steps, getting ready, the audience, notes."""

from __future__ import annotations

import streamlit as st

from rag_core.lessons import LESSONS, STAGE
from rag_core.protocols import Progress
from ui import indexing, services, state
from ui.errors import boundary
from ui.stage import invite, me, scenes_panel, shared
from ui.stage.show import Shared


def steps() -> None:
    """Draw the way through the lessons, and the switch to presenter mode.

    A clicker sends PageUp and PageDown. Where nobody presents those keys scroll, as everywhere.
    """
    presenting = me.presenting()
    back, on = ("PageUp", "PageDown") if presenting else ("Shift+Left", "Shift+Right")
    number = me.lesson()
    with st.container(horizontal=True, vertical_alignment="center", key="steps"):
        st.button(
            "Previous", key="previous_lesson", icon=":material/chevron_left:", shortcut=back,
            disabled=number == 1, on_click=me.step, args=(-1,),
        )  # fmt: skip
        st.segmented_control(
            "Lesson", me.NUMBERS, required=True, key="lesson", default=str(number),
            label_visibility="collapsed",
        )  # fmt: skip
        st.button(
            "Next", key="next_lesson", icon=":material/chevron_right:", shortcut=on,
            disabled=number == len(LESSONS), on_click=me.step, args=(1,),
        )  # fmt: skip
        st.space("stretch")
        if "present" not in st.session_state:
            st.session_state["present"] = presenting
        st.toggle(
            "Presenter mode", key="present", bind="query-params",
            help="Large type, a clock, notes, scenes, and sharing with an audience.",
        )  # fmt: skip


def tools(page: str) -> None:
    """Draw what is at hand on every page: the audience's link, scenes, getting ready, notes."""
    here = me.address(page)
    with st.popover("Audience", icon=":material/qr_code_2:", type="tertiary", key="audience_tool"):
        invite.show(here)
    with st.popover("Scenes", icon=":material/slideshow:", type="tertiary", key="scenes_tool"):
        scenes_panel.edit()
    with st.popover("Get ready", icon=":material/task_alt:", type="tertiary", key="ready_tool"):
        _warm_up()
        _reset()
    st.link_button(
        "Notes", f"{here}/lessons?notes={me.lesson()}", icon=":material/notes:", type="tertiary",
        key="notes_link", help="Opens a second window, for the screen that only you see.",
    )  # fmt: skip


def share(number: int) -> None:
    """Show the lesson to the audience, if this session presents."""
    shared.show().share(
        me.voter(),
        Shared(state.collection(), lesson=number, revealed=me.revealed(number)),
    )


def _warm_up() -> None:
    st.markdown("**Warm up**: load the models and compute all eight answers, before the talk.")
    if st.button("Warm up", key="warm_up", icon=":material/local_fire_department:"):
        bar = st.progress(0.0, text="Starting")

        def report(step: Progress) -> None:
            bar.progress(step.done / step.total, text=step.stage.capitalize())

        with boundary():
            shared.prepare(report)
            st.session_state["warm"] = True
    if st.session_state.get("warm"):
        st.success(
            "Ready: the models are loaded and every answer is there.", icon=":material/check:"
        )


def _reset() -> None:
    st.markdown(
        f"**Reset**: the collection “{STAGE}” goes back to the samples as they are cut at first; "
        "its saved queries, all votes, the score of the room and the clock are cleared. Other "
        "collections and your scenes stay."
    )
    st.button(
        "Reset everything on stage", key="reset_stage", type="primary",
        icon=":material/restart_alt:", on_click=_do_reset,
    )  # fmt: skip
    if STAGE in services.collections():
        indexing.pulse(STAGE)


def _do_reset() -> None:
    with boundary():
        shared.reset()
        me.hide_all()
        for key in [key for key in st.session_state if str(key).startswith("vote-")]:
            del st.session_state[key]
        me.open_lesson(1)
        st.toast(
            "The stage is set; the samples are on their way in.", icon=":material/restart_alt:"
        )
