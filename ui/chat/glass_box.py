"""The glass box: the stages of an answer with their times, the exact prompt, tokens and price."""

from __future__ import annotations

import streamlit as st

from rag_core import Answer
from ui.text import number, plain

_NAMES = {
    "rewrite": "Make the question stand alone",
    "retrieve": "Retrieve",
    "fuse": "Fuse",
    "rerank": "Rerank",
    "prompt": "Write the prompt",
    "generate": "Generate",
}
_LISTED = 10


def show(answer: Answer, place: int, price: float | None) -> None:
    """Draw it, closed at first; nothing inside is made before it is opened.

    Args:
        answer: what is looked into.
        place: the turn's place in the conversation.
        price: what it cost, in US dollars; None where nobody knows.
    """
    seconds = sum(stage.seconds for stage in answer.stages)
    box = st.expander(
        f"How this answer was made · {seconds:.2f} s", key=f"how-{place}", on_change="rerun",
        icon=":material/visibility:",
    )  # fmt: skip
    if box.open:
        with box:
            _stages(answer, price)
            _found(answer)
            _prompt(answer, place)


def _stages(answer: Answer, price: float | None) -> None:
    st.dataframe(
        [
            {"Stage": _NAMES.get(stage.name, stage.name), "Milliseconds": stage.seconds * 1000}
            for stage in answer.stages
        ],
        hide_index=True, column_config={
            "Milliseconds": st.column_config.NumberColumn(format="%.1f")
        },
        alt="The stages of this answer and their times",
    )  # fmt: skip
    read, written = answer.prompt.tokens, answer.tokens
    said = f"{plain(answer.model)} · about {read:,} tokens read, {written:,} written"
    st.caption(said + (" · price unknown" if price is None else f" · about {price:.5f} USD"))


def _found(answer: Answer) -> None:
    for stage in answer.result.stages:
        st.markdown(
            f"**{plain(stage.name)}** · {stage.seconds * 1000:,.0f} ms · "
            f"{number(len(stage.hits), 'hit')}"
        )
        for hit in stage.hits[:3]:
            name = plain(str(hit.chunk.metadata.get("name", "")), limit=40)
            st.caption(
                f"{hit.rank}\\. {name} · {hit.score:.3f} · {plain(hit.chunk.text, limit=90)}"
            )
    if answer.prompt.dropped:
        st.caption(
            f"{number(len(answer.prompt.dropped), 'source')} left out: the model's window is full."
        )


def _prompt(answer: Answer, place: int) -> None:
    if not answer.prompt.sources:
        st.caption("Nothing relevant was found, so no model was asked.")
        return
    st.markdown("**The exact prompt**")
    for at, message in enumerate(answer.prompt.messages):
        st.caption(message.role)
        st.code(message.content, language=None, wrap_lines=True, height=180 if at else 140)
