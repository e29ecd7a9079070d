"""What is measured: a question set, and the grid of settings; all of it is in the link."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from rag_core.errors import RagError
from rag_core.evaluation.grid import Grid, words
from rag_core.evaluation.questions import Dataset
from rag_core.retrieval import MODES
from ui.evaluation_lab import question_sets

_SIZES = (50, 100, 200, 300, 500, 1000)
_KS = (1, 3, 5, 10)
_RERANKERS = {"none": None, "late-interaction": "late-interaction"}
METRICS = ("ndcg", "recall", "mrr", "hit_rate", "precision", "map")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be measured."""

    dataset: Dataset
    grid: Grid


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
        "Reranker", list(_RERANKERS), selection_mode="multi", default=list(_RERANKERS),
        key="rerankers", bind="query-params",
    )  # fmt: skip
    if dataset is None:
        return None
    if not (sizes and ks and modes and rerankers):
        st.info("Choose at least one value of everything.", icon=":material/checklist:")
        return None
    grid = Grid(
        words(sorted(sizes)), ks=tuple(sorted(ks)),
        modes=tuple(mode for mode in MODES if mode in modes),
        rerankers=tuple(_RERANKERS[name] for name in _RERANKERS if name in rerankers),
    )  # fmt: skip
    return Asked(dataset, grid)


def metric() -> str:
    """Ask by which metric the settings are compared."""
    chosen = st.segmented_control(
        "Metric", METRICS, default=METRICS[0], required=True, key="metric", bind="query-params",
        help="Each at the setting's own k. nDCG rewards what stands high, recall what stands "
        "there at all, MRR the first right hit.",
    )  # fmt: skip
    return chosen or METRICS[0]


def summary(asked: Asked) -> str:
    """Return what a run would do, in words."""
    settings = asked.grid.settings()
    questions = len(asked.dataset.questions)
    return f"{len(settings):,} settings, {questions:,} questions each."


def told(error: RagError) -> str:
    """Return an error in one line."""
    return f"{error.message} {error.hint}".strip()
