"""The page's searches, each made once."""

from __future__ import annotations

import streamlit as st

from rag_core.retrieval import SearchOptions
from rag_core.search_lab.lanes import METHODS, Lane, options_of, search_lanes
from ui import services


def lanes(collection: str, query: str, methods: list[str], shared: SearchOptions) -> list[Lane]:
    """Search by every method; a method searched before with the same settings is not again."""
    if needs_model(methods):
        _warm(collection)  # loading a model is no part of a search's milliseconds
    generation = services.pipeline(collection).home.catalog.generation(collection)
    found = []
    for method in methods:
        made = options_of(method, shared)
        found.append(_lane(collection, generation, query, method, repr(made), made))
    return found


@st.cache_resource(show_spinner="Loading the model", max_entries=64)
def _warm(collection: str) -> None:
    services.pipeline(collection).warm_up()


@st.cache_resource(show_spinner=False, max_entries=500, ttl=3600)
def _lane(
    collection: str, generation: int, query: str, method: str, settings: str, _made: SearchOptions
) -> Lane:
    [lane] = search_lanes(services.pipeline(collection), query, [method], _made)
    if lane.result is None:
        _lane.clear(collection, generation, query, method, settings, _made)  # it may be had later
    return lane


def needs_model(methods: list[str]) -> bool:
    """Return whether one of the methods loads a model."""
    return any(METHODS[method].get("mode") != "keyword" for method in methods)
