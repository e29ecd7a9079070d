"""Lanes: one query searched in several ways, each with everything that led to its hits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rag_core.datatypes import SearchResult
from rag_core.errors import RagError
from rag_core.parts import PipelineParts
from rag_core.retrieval import SearchOptions

METHODS: Mapping[str, Mapping[str, Any]] = {
    "keyword": {"mode": "keyword"},
    "vector": {"mode": "vector"},
    "hybrid": {"mode": "hybrid"},
    "late interaction": {"mode": "hybrid", "rerank": "late-interaction"},
    "cross-encoder": {"mode": "hybrid", "rerank": "cross-encoder"},
}
"""What each method sets of `SearchOptions`; all else is the same for all."""


@dataclass(frozen=True, slots=True)
class Lane:
    """One method's search. `error` and `hint` say why there is no result, if there is none."""

    method: str
    options: SearchOptions
    result: SearchResult | None
    error: str = ""
    hint: str = ""

    @property
    def ids(self) -> list[str]:
        """The found chunks' ids, best first."""
        return [hit.chunk.id for hit in self.result.hits] if self.result else []

    def rank_of(self, chunk_id: str) -> int | None:
        """Return the chunk's rank among the hits, from 1, or None."""
        return self.ids.index(chunk_id) + 1 if chunk_id in self.ids else None


def options_of(method: str, shared: SearchOptions) -> SearchOptions:
    """Return a method's options.

    Raises:
        ValueError: for an unknown method.
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}; known are {', '.join(METHODS)}")
    return replace(shared, **METHODS[method])


def method_of(options: SearchOptions) -> str | None:
    """Return the method that searches this way, or None when no method does."""
    wanted = {"mode": options.mode, "rerank": options.rerank}
    return next(
        (name for name, sets in METHODS.items() if {"rerank": None, **sets} == wanted), None
    )


def search_lanes(
    parts: PipelineParts, query: str, methods: Sequence[str], shared: SearchOptions
) -> list[Lane]:
    """Search by every method. One that cannot be had leaves its reason, and the others go on."""
    return [_lane(parts, query, method, options_of(method, shared)) for method in methods]


def _lane(parts: PipelineParts, query: str, method: str, options: SearchOptions) -> Lane:
    try:
        return Lane(method, options, parts.search_with(query, options))
    except RagError as error:
        return Lane(method, options, None, error.message, error.hint)


def ranks_elsewhere(lanes: Sequence[Lane], lane: Lane, chunk_id: str) -> dict[str, int | None]:
    """Return the chunk's rank in every other lane that has a result; None where it is missing."""
    return {
        other.method: other.rank_of(chunk_id)
        for other in lanes
        if other is not lane and other.result is not None
    }
