"""The question, the two lanes and whether their names are hidden; all of it is in the link."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from rag_core.generators.choice import ModelChoice
from rag_core.retrieval import MODES, Mode
from rag_core.two_lanes import AS_INDEXED, CHUNKINGS, QUOTED, LaneSettings
from ui import services
from ui.chat import model_choice, model_server, model_settings

CHAT = "chat model"
SIDES = ("a", "b")
_RERANKERS = ("none", "late-interaction", "cross-encoder")
_MODES: dict[str, Mode] = {"a": "hybrid", "b": "keyword"}
_BEGIN_RERANKED = {"a": "late-interaction", "b": "none"}
_LONGEST = 2_000  # characters of a question
_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be asked: of whom, with the names hidden or not, A and B dealt by a seed."""

    collection: str
    question: str
    lanes: tuple[LaneSettings, LaneSettings]
    blind: bool
    seed: int


def choose(collection: str, start: Callable[[Asked], None]) -> Asked:
    """Ask for everything, and offer to `start`; an empty question is one that is missing."""
    question = _question(collection)
    places = st.columns(2)
    lanes = [_lane(place, side) for place, side in zip(places, SIDES, strict=True)]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        seed = st.number_input(
            "Seed", 0, 9999, 1, key="seed", bind="query-params", width=130,
            help="Question and seed decide which lane is A: the same ones deal the same way.",
        )  # fmt: skip
        blind = st.toggle(
            "Hide the names", key="blind", bind="query-params",
            help="The answers are called A and B until the room has voted. Which lane is A is "
            "dealt anew for every question.",
        )  # fmt: skip
        asked = Asked(collection, question, (lanes[0], lanes[1]), bool(blind), int(seed))
        st.space("stretch")
        model_settings.button(key="lanes_model")
        st.button(
            "Ask both", key="ask_both", type="primary", icon=":material/play_arrow:",
            disabled=not question, on_click=start, args=(asked,),
        )  # fmt: skip
    return asked


def _question(collection: str) -> str:
    typed = st.text_input(
        "Question", key="q", bind="query-params", max_chars=_LONGEST,
        placeholder="One question for both",
    )  # fmt: skip
    question = str(typed or "").strip()
    if not question and (examples := _examples(collection)):
        st.pills("For instance", examples, key="lanes_example", on_change=_take_example)
    return question


def _take_example() -> None:
    st.session_state["q"] = st.session_state.get("lanes_example") or ""


def _examples(collection: str) -> list[str]:
    """Return some of the samples' questions, where the samples are in the collection."""
    names = {info.name for info in services.pipeline(collection).documents()}
    fitting = [
        str(entry["question"])
        for entry in services.sample_questions()
        if entry["kind"] == "fact" and entry["document"] in names
    ]
    return fitting[:: max(1, len(fitting) // _EXAMPLES)][:_EXAMPLES]


def _lane(place: st.delta_generator.DeltaGenerator, side: str) -> LaneSettings:
    with place.container(border=True, key=f"lane-{side}"):
        st.markdown(f"**Lane {SIDES.index(side) + 1}**")
        mode = st.segmented_control(
            "Search", MODES, default=_MODES[side], required=True, key=f"{side}_mode",
            bind="query-params",
        )  # fmt: skip
        left, right = st.columns(2)
        rerank = left.selectbox(
            "Reranker", _RERANKERS, index=_RERANKERS.index(_BEGIN_RERANKED[side]),
            key=f"{side}_rerank", bind="query-params",
        )  # fmt: skip
        chunking = right.selectbox(
            "Chunking", list(CHUNKINGS), key=f"{side}_cut", bind="query-params",
            help="Other than as indexed: the same documents are cut and embedded anew, in memory; "
            "the collection is not touched.",
        )  # fmt: skip
        model = left.selectbox(
            "Model", _models(f"{side}_model"), key=f"{side}_model", bind="query-params",
            accept_new_options=True,
            help="“quoted” answers without a model, “chat model” is the one of the Model button; "
            "another name is asked of the same server.",
        )  # fmt: skip
        k = right.number_input("Sources (k)", 1, 30, 5, key=f"{side}_k", bind="query-params")
    return LaneSettings(
        k=int(k), mode=mode, chunking=chunking or AS_INDEXED,
        rerank=None if rerank == "none" else rerank, model=_named(str(model or QUOTED)[:100]),
    )  # fmt: skip


def _named(model: str) -> str:
    """Return the session's chat model by its name, so that a vote says whom it was for."""
    return model_choice.current().settings.model or CHAT if model == CHAT else model


def _models(key: str) -> list[str]:
    """Return the models to choose from, with the one that is chosen or linked."""
    choice = model_choice.current()
    listed = model_server.listed(choice.settings.base_url) if choice.kind != "extractive" else []
    kept = str(st.session_state.get(key) or st.query_params.get(key) or QUOTED)
    return list(dict.fromkeys([QUOTED, CHAT, *listed, kept]))


def chat_for(name: str) -> ModelChoice:
    """Return the session's choice with another model of the same server, or as it is for CHAT."""
    return model_choice.current().with_model("" if name == CHAT else name)
