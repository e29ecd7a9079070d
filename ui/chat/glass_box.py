"""The glass box: the stages of an answer with their times, the exact prompt, tokens and price.

All of it is kept with the conversation, so the box of an old answer opens as that of a new one.
"""

from __future__ import annotations

import streamlit as st

from rag_core.making import Making
from ui.text import number, plain

_NAMES = {
    "rewrite": "Make the question stand alone",
    "retrieve": "Retrieve",
    "fuse": "Fuse",
    "rerank": "Rerank",
    "prompt": "Write the prompt",
    "generate": "Generate",
}


def show(making: Making, model: str, place: int) -> None:
    """Draw it, closed at first; nothing inside is made before it is opened.

    Args:
        making: how the answer was made.
        model: what wrote it; empty for an answer that was stopped or broke off.
        place: the turn's place in the conversation.
    """
    box = st.expander(
        f"How this answer was made · {making.seconds:.2f} s", key=f"how-{place}", on_change="rerun",
        icon=":material/visibility:",
    )  # fmt: skip
    if box.open:
        with box:
            _stages(making, model)
            _found(making)
            _prompt(making)


def _stages(making: Making, model: str) -> None:
    st.dataframe(
        [
            {"Stage": _NAMES.get(stage.name, stage.name), "Milliseconds": stage.seconds * 1000}
            for stage in making.stages
        ],
        hide_index=True, column_config={
            "Milliseconds": st.column_config.NumberColumn(format="%.1f")
        },
        alt="The stages of this answer and their times",
    )  # fmt: skip
    tokens = f"about {making.read:,} tokens read, {making.written:,} written"
    price = "price unknown" if making.price is None else f"about {making.price:.5f} USD"
    st.caption(" · ".join(said for said in (plain(model), tokens, price) if said))


def _found(making: Making) -> None:
    for stage in making.found:
        st.markdown(
            f"**{plain(stage.name)}** · {stage.seconds * 1000:,.0f} ms · "
            f"{number(stage.hits, 'hit')}"
        )
        for hit in stage.best:
            name = plain(hit.document, limit=40)
            st.caption(f"{hit.rank}\\. {name} · {hit.score:.3f} · {plain(hit.text, limit=90)}")
    if making.dropped:
        st.caption(f"{number(making.dropped, 'source')} left out: the model's window is full.")


def _prompt(making: Making) -> None:
    if not making.messages:
        st.caption("Nothing relevant was found, so no model was asked.")
        return
    st.markdown("**The exact prompt**")
    for at, message in enumerate(making.messages):
        st.caption(message.role)
        st.code(message.content, language=None, wrap_lines=True, height=180 if at else 140)
