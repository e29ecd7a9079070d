"""The room's vote on the race, and its tally over the questions."""

from __future__ import annotations

import streamlit as st

from rag_core.errors import HomeError
from rag_core.two_lanes import Ballot, Vote, distinct_labels, wins
from rag_core.two_lanes.ballot import FILE
from ui import services
from ui.errors import boundary
from ui.lanes_lab import racing
from ui.lanes_lab.controls import Asked
from ui.lanes_lab.racing import Race
from ui.stage import me
from ui.text import number, plain

_CHOICES = ("A is better", "About equal", "B is better")
_MOST_HANDS = 1_000


@st.cache_resource(show_spinner=False)
def _ballot() -> Ballot:
    return Ballot(services.pipeline("default").home.path)


def vote(race: Race) -> None:
    """Ask for a vote, of this session or of raised hands, and offer to show the names."""
    mine = _ballot().of(_vote(race, me.voter()))
    with st.container(border=True, key="lanes_vote"):
        st.subheader("Which answer is better?", anchor=False)
        with st.container(horizontal=True, vertical_alignment="center"):
            for place, choice in enumerate(_CHOICES):
                st.button(
                    choice, key=f"vote_{place}", on_click=_cast, args=(race, place),
                    icon=":material/check:" if mine and _chosen(race, mine) == place else None,
                )  # fmt: skip
            st.button(
                "Show the names", key="show_names", type="primary",
                icon=":material/visibility:", on_click=racing.show_names,
            )  # fmt: skip
        with st.expander("Count raised hands", icon=":material/front_hand:"):
            _hands(race)
        st.caption(
            f"{number(_counted(race), 'vote')} so far. Which lane is A was dealt by the question "
            f"and the seed {race.asked.seed}. Figures and evidence are shown with the names."
        )


def _counted(race: Race) -> int:
    asked = race.asked
    tallies = _ballot().tallies(asked.collection, (asked.lanes[0].label, asked.lanes[1].label))
    mine = [one for one in tallies if one.question == asked.question]
    return sum(one.first + one.second + one.even for one in mine)


def _hands(race: Race) -> None:
    with st.form("hands", border=False):
        for column, place in zip(st.columns(3), range(3), strict=True):
            column.number_input(
                ("For A", "For neither", "For B")[place], 0, _MOST_HANDS, key=f"hands_{place}"
            )
        st.form_submit_button("Count them", key="count_hands", on_click=_cast_hands, args=(race,))


def _cast(race: Race, place: int) -> None:
    counts = [0, 0, 0]
    counts[place] = 1
    _count(race, me.voter(), counts)


def _cast_hands(race: Race) -> None:
    counts = [int(st.session_state.get(f"hands_{place}") or 0) for place in range(3)]
    _count(race, f"hands of {me.voter()}", counts)


def _count(race: Race, voter: str, shown: list[int]) -> None:
    """Cast votes for A, neither and B; they are kept by lane."""
    with boundary():
        sides = (shown[0], shown[2])
        first, second = sides[race.order.index(0)], sides[race.order.index(1)]
        if not _ballot().cast(_vote(race, voter, first=first, second=second, even=shown[1])):
            raise HomeError(
                "The ballot is full: no more votes are taken.",
                hint=f"Remove {FILE} from the data folder and start again.",
            )


def _chosen(race: Race, mine: Vote) -> int:
    """Return the place of the button that was pressed."""
    if mine.even:
        return 1
    return 2 * race.order.index(0 if mine.first else 1)


def _vote(race: Race, voter: str, *, first: int = 0, second: int = 0, even: int = 0) -> Vote:
    asked = race.asked
    return Vote(
        asked.collection, asked.question, (asked.lanes[0].label, asked.lanes[1].label), voter,
        first, second, even,
    )  # fmt: skip


def tally(asked: Asked) -> None:
    """Draw what was voted between these two lanes, question by question."""
    labels = (asked.lanes[0].label, asked.lanes[1].label)
    tallies = _ballot().tallies(asked.collection, labels)
    if not tallies or labels[0] == labels[1]:
        return
    names = distinct_labels(*asked.lanes)
    first, second, even = wins(tallies)
    st.subheader("The tally", anchor=False)
    st.markdown(
        f"**{plain(names[0])}** won {number(first, 'question')}, **{plain(names[1])}** "
        f"won {second:,}; {even:,} undecided."
    )
    st.dataframe(
        [
            # "Lane 1" before it: a model may be called anything, "Equal" as well.
            {"Question": one.question, f"Lane 1 · {names[0]}": one.first, "Equal": one.even,
             f"Lane 2 · {names[1]}": one.second}
            for one in tallies
        ],
        hide_index=True, key="lanes_tally",
        alt=f"Votes on {number(len(tallies), 'question')}",
    )  # fmt: skip
