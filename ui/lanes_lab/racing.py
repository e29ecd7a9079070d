"""The race this session looks at: started, followed, cancelled; and what hides its names."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from rag_core import ModelError
from rag_core.errors import Cancelled
from rag_core.generators.chat import ChatGenerator
from rag_core.generators.extractive import ExtractiveGenerator
from rag_core.protocols import Generator, OnProgress
from rag_core.two_lanes import QUOTED, LaneReport, RaceProgress, Shelf, run_race, swapped
from ui import errors, services
from ui.background import Run
from ui.errors import boundary
from ui.lanes_lab import answers_panel
from ui.lanes_lab.controls import Asked, chat_for

_KEY, _SHOWN = "lanes_race", "lanes_shown"
_EVERY = 0.4  # seconds
_NOTHING: tuple[LaneReport, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Race:
    """What was asked, and how it goes. `order` are the lanes' places as they are shown."""

    asked: Asked
    order: tuple[int, int]
    run: Run[tuple[LaneReport, ...]]

    @property
    def reports(self) -> tuple[LaneReport, ...]:
        """The reports as they are shown, from the left; those begun so far."""
        if self.run.outcome is not None:
            return self.run.outcome
        step = self.run.progress
        return step.reports if isinstance(step, RaceProgress) else _NOTHING


def current(collection: str) -> Race | None:
    """Return the race that was begun last in this collection."""
    found: Race | None = st.session_state.get(_KEY)
    return found if found is not None and found.asked.collection == collection else None


def start(asked: Asked) -> None:
    """Ask both lanes, the one shown on the left first; for callbacks."""
    with boundary():
        before: Race | None = st.session_state.get(_KEY)
        if before is not None:
            before.run.cancel()
        order = (1, 0) if asked.blind and swapped(asked.question, asked.seed) else (0, 1)
        pipeline, shelf = services.pipeline(asked.collection), _shelf()
        lanes = [
            (asked.lanes[place], _generator(asked.collection, asked.lanes[place].model))
            for place in order
        ]

        def work(report: OnProgress) -> tuple[LaneReport, ...]:
            try:
                return run_race(pipeline, asked.question, lanes, shelf=shelf, on_progress=report)
            finally:
                for _, generator in lanes:
                    if isinstance(generator, ChatGenerator):
                        generator.close()

        st.session_state[_KEY] = Race(asked, order, Run(work))
        st.session_state[_SHOWN] = not asked.blind


def names_shown() -> bool:
    """Return whether the room may see which lane is which."""
    return bool(st.session_state.get(_SHOWN, True))


def show_names() -> None:
    """Let the room see which lane is which; for callbacks."""
    st.session_state[_SHOWN] = True


def _generator(collection: str, model: str) -> Generator:
    if model == QUOTED:
        return ExtractiveGenerator(services.pipeline(collection).tokens())
    chat = chat_for(model).chat()
    if chat is None:
        raise ModelError(
            f"A lane asks for {model!r}, and no chat model is set up.",
            hint="Set one up with the Model button, or let the lane quote.",
        )
    return chat


@st.cache_resource(show_spinner=False)
def _shelf() -> Shelf:
    return Shelf()


def follow(race: Race) -> None:
    """Draw the answers as they come; then say why there are none, if there are none."""
    if race.run.busy:
        st.fragment(run_every=_EVERY)(_pulse)(race)
    elif isinstance(race.run.error, Cancelled):
        st.info("Stopped. Ask both again when you like.", icon=":material/stop_circle:")
        answers_panel.show(race.reports, race.asked.blind)
    elif race.run.error is not None:
        errors.show(race.run.error.message, race.run.error.hint)


def _pulse(race: Race) -> None:
    if not race.run.busy:
        st.rerun()  # the vote and the figures stand outside of this fragment
    step = race.run.progress
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(
            min(1.0, step.done / step.total) if step.total else 0.0,
            text=" · ".join(part for part in (step.name, step.stage) if part),
        )
        st.button("Cancel", key="cancel_race", icon=":material/stop_circle:",
                  on_click=race.run.cancel)  # fmt: skip
    answers_panel.show(race.reports, race.asked.blind)
