"""What the person asks and chooses; all of it is in the link."""

from __future__ import annotations

from typing import Any

import streamlit as st

from rag_core.fusion import RRF_K
from rag_core.retrieval import CANDIDATES, FUSIONS, RERANKED, SearchOptions
from rag_core.search_lab.lanes import METHODS, method_of
from rag_core.search_lab.saved import SavedQueries
from ui import services, state
from ui.errors import boundary
from ui.text import plain

PANELS = ("Results", "Flow", "Why", "What if", "Lost", "Keep")
_BEGIN_WITH = ["keyword", "vector", "hybrid", "late interaction"]


def query(collection: str) -> str:
    """Ask for the query, offer the saved ones, and return what is to be searched."""
    saved = SavedQueries(services.pipeline(collection).home.settings, collection)
    with st.form("search_form", border=False):
        left, right = st.columns([6, 1], vertical_alignment="bottom")
        left.text_input("Query", key="q", bind="query-params", placeholder="Words, or a question")
        right.form_submit_button("Search", key="search", type="primary", width="stretch")
    asked = str(st.session_state.get("q") or "").strip()
    kept = saved.list()
    if kept or asked:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if asked and asked not in kept:
                st.button(
                    "Save this query", key="save_query", type="tertiary",
                    icon=":material/bookmark_add:", on_click=_save, args=(collection, asked),
                )  # fmt: skip
            if kept:
                _steps(collection, kept, asked)
    return asked


def _steps(collection: str, kept: list[str], asked: str) -> None:
    st.selectbox(
        "Saved queries", kept, index=kept.index(asked) if asked in kept else None,
        key=f"saved-{len(kept)}-{asked in kept}-{asked}", label_visibility="collapsed",
        placeholder=f"{len(kept)} saved", width=330,
        on_change=_choose, args=(f"saved-{len(kept)}-{asked in kept}-{asked}",),
    )  # fmt: skip
    place = kept.index(asked) if asked in kept else -1
    st.button(
        "Next", key="next_query", icon=":material/skip_next:", on_click=_ask,
        args=(kept[(place + 1) % len(kept)],), help="The next saved query.",
    )  # fmt: skip
    if asked in kept:
        st.button(
            "Forget", key="forget_query", type="tertiary", icon=":material/bookmark_remove:",
            on_click=_forget, args=(collection, asked),
        )  # fmt: skip


def _save(collection: str, query: str) -> None:
    with boundary():
        saved = SavedQueries(services.pipeline(collection).home.settings, collection)
        try:
            saved.add(query)
        except ValueError as error:
            st.toast(f"{error}.".capitalize(), icon=":material/error:")


def _forget(collection: str, query: str) -> None:
    with boundary():
        SavedQueries(services.pipeline(collection).home.settings, collection).remove(query)


def _choose(key: str) -> None:
    if chosen := st.session_state.get(key):
        _ask(str(chosen))


def _ask(query: str) -> None:
    st.session_state["q"] = query


def methods() -> list[str]:
    """Ask for the methods to compare."""
    own = services.pipeline(state.collection()).default_options()
    usual = method_of(own)
    begin = [name for name in METHODS if name in _BEGIN_WITH or name == usual]
    chosen = st.pills(
        "Methods", list(METHODS), selection_mode="multi", default=begin, key="methods",
        bind="query-params", wrap=True,
        help="Late interaction and the cross-encoder read the best of hybrid again. The "
        "cross-encoder is a model of its own that has to be there or be fetched once.",
    )  # fmt: skip
    said = usual or ", ".join(str(part) for part in (own.mode, own.rerank) if part)
    st.caption(f"Chat searches this collection by {plain(said)}, k {own.k}.")
    return [name for name in METHODS if name in chosen]


def options(where: dict[str, Any] | None) -> SearchOptions:
    """Ask for the settings that all methods share."""
    with st.popover("Settings", icon=":material/tune:", key="settings"):
        usual = min(20, services.pipeline(state.collection()).default_options().k)
        k = st.slider(
            "Hits (k)", 1, 20, usual, key="k", bind="query-params",
            help="Begins with the collection's own, which the Evaluation page can set.",
        )  # fmt: skip
        candidates = st.slider(
            "Candidates a side", 5, 200, CANDIDATES, 5, key="candidates", bind="query-params",
            help="How many hits vector and keyword search each give to the fusion.",
        )  # fmt: skip
        fusion = st.segmented_control(
            "Fusion", FUSIONS, default="convex", required=True, key="fusion", bind="query-params",
            help="convex joins scores, each side's made 0 to 1; rrf joins ranks.",
        )  # fmt: skip
        rrf_k = st.slider(
            "RRF constant", 0, 200, RRF_K, key="rrf_k", bind="query-params",
            disabled=fusion != "rrf",
            help="The larger it is, the less a first place counts.",
        )  # fmt: skip
        share = st.slider(
            "Weight of the vector side", 0.0, 1.0, 0.5, 0.05, key="share", bind="query-params"
        )
        reranked = st.slider(
            "Read again by a reranker", 5, 50, RERANKED, key="reranked", bind="query-params"
        )
        diverse = st.toggle(
            "Diverse hits", key="diverse", bind="query-params",
            help="Maximal marginal relevance: a hit that says what a better one said comes later.",
        )  # fmt: skip
        balance = st.slider(
            "Relevance against novelty", 0.0, 1.0, 0.7, 0.05, key="balance", bind="query-params",
            disabled=not diverse,
        )  # fmt: skip
    return SearchOptions(
        k=int(k), where=where, fusion=fusion, weights=weights(float(share)),
        rrf_k=float(rrf_k), candidates=int(candidates), reranked=int(reranked),
        diversity=float(balance) if diverse else None,
    )  # fmt: skip


def weights(share: float) -> tuple[float, float]:
    """Return the sides' weights of a share; equal shares are the usual 1 and 1."""
    return (1.0, 1.0) if share == 0.5 else (share, 1.0 - share)


def panel() -> str:
    """Ask which panel is open; only that one runs."""
    chosen = st.segmented_control(
        "Panel", PANELS, default=PANELS[0], required=True, key="panel", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    return chosen or PANELS[0]
