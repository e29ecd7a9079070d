"""What is measured: a question set, and the grid of settings; all of it is in the link."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import streamlit as st

from rag_core.chunkers import CHUNKERS
from rag_core.evaluation import Answering, Grid, Judge, SweepTable, parse_grid
from rag_core.evaluation.questions import Dataset
from rag_core.evaluation.table import ANSWERS
from rag_core.generators.chat import ChatGenerator
from rag_core.retrieval import MODES
from ui import services
from ui.chat import model_choice
from ui.evaluation_lab import question_sets
from ui.text import number, plain

_SIZES = (50, 100, 200, 300, 500, 1000)
_KS = (1, 3, 5, 10)
_RERANKERS = ("none", "late-interaction", "cross-encoder")
METRICS = ("ndcg", "recall", "mrr", "hit_rate", "precision", "map")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be measured; `spec` is the grid as the command line takes it, if it can."""

    dataset: Dataset
    grid: Grid
    spec: str
    answering: Answering | None = None


def view(views: Sequence[str]) -> str:
    """Ask what is looked at; only that one runs."""
    chosen = st.segmented_control(
        "View", views, default=views[0], required=True, key="view", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    return chosen or views[0]


def choose(collection: str) -> Asked | None:
    """Ask for questions and settings; return None while something is missing."""
    dataset = question_sets.pick(collection)
    left, right = st.columns(2)
    sizes = left.pills(
        "Chunk sizes in words", _SIZES, selection_mode="multi", default=[200, 500, 1000],
        key="sizes", bind="query-params", wrap=True,
    )  # fmt: skip
    ks = right.pills(
        "Hits (k)", _KS, selection_mode="multi", default=[3, 5, 10], key="ks",
        bind="query-params",
    )  # fmt: skip
    modes = left.pills(
        "Search", MODES, selection_mode="multi", default=["hybrid"], key="modes",
        bind="query-params",
    )  # fmt: skip
    rerankers = right.pills(
        "Reranker", _RERANKERS, selection_mode="multi", default=list(_RERANKERS[:2]),
        key="rerankers", bind="query-params", wrap=True,
        help="The cross-encoder is a model of its own that has to be there or be fetched once.",
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center"):
        chunkers, models = _more(collection)
        answering = _answering()
    if dataset is None:
        return None
    if not (sizes and ks and modes and rerankers and chunkers and models):
        st.info("Choose at least one value of everything.", icon=":material/checklist:")
        return None
    spec = " ".join(
        f"{name}={','.join(map(str, values))}"
        for name, values in (
            ("chunker", chunkers), ("size", sorted(sizes)), ("k", sorted(ks)),
            ("mode", [mode for mode in MODES if mode in modes]),
            ("rerank", [name for name in _RERANKERS if name in rerankers]),
        )
    )  # fmt: skip
    # A model's name may be a folder's, with spaces; the spelling of grids has no room for those.
    grid = replace(parse_grid([spec]), models=tuple(models))
    sayable = not any(set(" ,") & {*model} for model in models)
    return Asked(dataset, grid, f"{spec} model={','.join(models)}" if sayable else "", answering)


def _more(collection: str) -> tuple[list[str], list[str]]:
    own = services.pipeline(collection).embedder.name
    with st.popover("Chunkers and models", icon=":material/tune:", key="more"):
        chunkers = st.pills(
            "Chunkers", list(CHUNKERS), selection_mode="multi", default=["recursive"],
            key="chunkers", bind="query-params", wrap=True,
        )  # fmt: skip
        models = st.multiselect(
            "Embedding models", [own], default=[own], key="models", accept_new_options=True,
            placeholder="Choose or type a name",
            help="Type another to compare: a folder, openai:MODEL, cohere:MODEL.",
        )  # fmt: skip
    return [name for name in CHUNKERS if name in chunkers], models


def _answering() -> Answering | None:
    """Ask whether the questions are answered, too, and whether a model judges the answers."""
    choice = model_choice.current()
    wanted = st.toggle(
        "Answer, too", key="answers", bind="query-params",
        help=f"Every setting answers every question ({choice.label}): exact match, token F1, "
        "expected text contained, citations, and declining what has no answer.",
    )  # fmt: skip
    if not wanted:
        return None
    writer = model_choice.generator()
    judge: Judge | None = None
    if choice.kind != "extractive":
        judged = st.toggle(
            "Judged by the model", key="judged", bind="query-params",
            help="The chat model's opinion whether each answer is right: an opinion, and twice "
            "the calls.",
        )  # fmt: skip
        chat = writer if isinstance(writer, ChatGenerator) else choice.chat()
        writer = chat
        judge = Judge(chat) if judged and chat else None
    st.caption(f"Answers: {plain(choice.label)}.")
    return Answering(writer, judge)


def metric(table: SweepTable) -> str:
    """Ask by which of the measured metrics the settings are compared."""
    names = [*METRICS, *table.measured(ANSWERS)]
    chosen = st.segmented_control(
        "Metric", names, default=names[0], required=True, key="metric", bind="query-params",
        help="Each at the setting's own k. nDCG rewards what stands high, recall what stands "
        "there at all, MRR the first right hit. model_judged is a model's opinion.",
    )  # fmt: skip
    return chosen if chosen in names else names[0]


def summary(asked: Asked) -> str:
    """Return what a run would do, in words."""
    settings, questions = len(asked.grid.settings()), len(asked.dataset.questions)
    said = f"{number(settings, 'setting')}, {number(questions, 'question')} each"
    return f"{said}; {settings * questions:,} answers." if asked.answering else f"{said}."
