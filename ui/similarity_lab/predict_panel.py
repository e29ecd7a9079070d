"""The Predict panel: guess first, see then; the score is kept for the room."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from rag_core.similarity_lab.room import Guess, mean_error
from ui.chunk_lab.tables import chart_colours
from ui.figure import draw
from ui.similarity_lab import work
from ui.similarity_lab.charts import FONT
from ui.similarity_lab.view import View
from ui.text import number


def show(view: View) -> None:
    """Ask for a guess, reveal the truth, and show how the room does."""
    if len(view.texts) < 2:
        st.info("Predicting needs at least two texts.", icon=":material/help:")
        return
    left, right = st.columns([3, 2])
    with left:
        _ask(view)
    with right:
        _score()


def pair_at(turn: int, count: int) -> tuple[int, int]:
    """Return the pair of a turn: every pair comes once before any comes again, in mixed order."""
    rows, columns = np.triu_indices(count, k=1)
    order = np.random.default_rng(7).permutation(len(rows))
    place = int(order[turn % len(order)])
    return int(rows[place]), int(columns[place])


def _ask(view: View) -> None:
    turn = int(st.session_state.get("turn", 0))
    first, second = pair_at(turn, len(view.texts))
    with st.container(border=True, key="predict_pair"):
        st.text(view.texts[first])
        st.text(view.texts[second])
    guess = st.slider(
        "How alike will the model find them?", -0.2, 1.0, 0.5, 0.01, key=f"guess-{turn}",
        help="The cosine: 1 is the same, 0 has nothing to do with it.",
    )  # fmt: skip
    truth = float(view.matrix[first, second])
    given = st.session_state.get("revealed") == turn
    if given:
        error = abs(guess - truth)
        st.metric("The model says", f"{truth:.2f}", f"you were {error:.2f} off",
                  delta_color="off", border=True)  # fmt: skip
        st.button("Next pair", key="next_pair", type="primary", on_click=_next, args=(turn,))
    else:
        made = Guess(view.texts[first], view.texts[second], guess, truth)
        st.button("Reveal", key="reveal", type="primary", on_click=_reveal, args=(turn, made))


def _reveal(turn: int, guess: Guess) -> None:
    work.room().add(guess)
    st.session_state["revealed"] = turn


def _next(turn: int) -> None:
    st.session_state["turn"] = turn + 1


def _score() -> None:
    guesses = work.room().guesses()
    error = mean_error(guesses)
    if error is None:
        st.caption("Nobody has guessed yet. The score counts everybody who opens this page.")
        return
    st.metric(
        "The room is off by", f"{error:.2f}", f"over {number(len(guesses), 'prediction')}",
        delta_color="off", delta_arrow="off", border=True,
    )  # fmt: skip
    draw(
        scatter(guesses), key="room",
        alt=f"{len(guesses)} guesses against the model's cosine",
    )  # fmt: skip
    st.button("Start over", key="clear_room", icon=":material/restart_alt:", on_click=_clear)


def _clear() -> None:
    work.room().clear()


def scatter(guesses: Sequence[Guess]) -> go.Figure:
    """Return guess against truth; on the line they agree."""
    figure = go.Figure()
    ends = [-0.2, 1.0]
    figure.add_trace(
        go.Scatter(x=ends, y=ends, mode="lines", line={"dash": "dot", "color": "#8b8f97"},
                   hoverinfo="skip")
    )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=[guess.guessed for guess in guesses],
            y=[guess.truth for guess in guesses],
            mode="markers",
            marker={"size": 10, "color": chart_colours()[1], "opacity": 0.75},
            hovertemplate="guessed %{x:.2f}, is %{y:.2f}<extra></extra>",
        )
    )
    figure.update_xaxes(title_text="guessed", range=ends)
    figure.update_yaxes(title_text="the model's cosine", range=[-0.2, 1.05])
    figure.update_layout(
        height=320, showlegend=False, font=FONT, margin={"t": 10, "b": 50, "l": 50, "r": 10}
    )
    return figure
