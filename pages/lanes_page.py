"""Two lanes: one question asked of two pipelines, side by side, its names hidden on request."""

import streamlit as st

from rag_core.two_lanes import distinct_labels
from ui import services, state
from ui.errors import boundary
from ui.lanes_lab import (
    answers_panel,
    controls,
    evidence_panel,
    figures_panel,
    racing,
    vote_panel,
)
from ui.text import plain

collection = state.collection()

st.title("Two lanes", anchor=False)
with boundary():
    if not services.pipeline(collection).documents():
        st.info(
            "This collection is empty. Add documents on the Upload page, or load the samples on "
            "the Overview.",
            icon=":material/upload_file:",
        )
        st.stop()
    asked = controls.choose(collection, racing.start)
    race = racing.current(collection)
    if race is None:
        st.info(
            "Type a question, set the two lanes to differ in one thing, and ask both."
            if not asked.question
            else "Set the two lanes to differ in one thing, and ask both.",
            icon=":material/compare_arrows:",
        )
    elif race.run.outcome is None:
        racing.follow(race)
    else:
        reports, blind = race.reports, race.asked.blind
        names = distinct_labels(*(race.asked.lanes[place] for place in race.order))
        if race.asked != asked:
            st.caption("The answers are to what was asked before; ask both to see the new ones.")
        if not racing.names_shown():
            answers_panel.show(reports, blind)
            vote_panel.vote(race)
        else:
            answers_panel.show(reports, blind, (plain(names[0]), plain(names[1])))
            figures_panel.show(reports, blind)
            evidence_panel.show(race.asked.question, reports, blind)
    if race is None or racing.names_shown():
        vote_panel.tally(asked)
