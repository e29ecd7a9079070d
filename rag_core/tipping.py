"""Where the winner of a fusion changes, as k or the weights are moved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from rag_core.datatypes import SearchResult, Stage
from rag_core.fusion import normalised
from rag_core.retrieval import SearchOptions, fused

MOST_K = 200.0
_NARROW = 1e-6  # of the range: rounding can tear a touching point into two crossings this near
Polynomial = npt.NDArray[np.float64]
"""Coefficients, highest power first, as numpy's poly functions take them."""


@dataclass(frozen=True, slots=True)
class Reign:
    """From `low` to `high` of a setting the chunk `winner` stands first.

    At the borders two stand equal, and the id decides.
    """

    winner: str
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class TippingPoints:
    """Who stands first after fusion, for every value of its settings, in order.

    `weight` is the share of the vector side, 0 to 1; the keyword side has the rest. `rrf_k` goes
    from 0 to 200 and is empty where scores are fused. Both are empty where nothing was fused.
    """

    weight: tuple[Reign, ...] = ()
    rrf_k: tuple[Reign, ...] = ()


def tipping_points(result: SearchResult, options: SearchOptions) -> TippingPoints:
    """Return where the first place of a hybrid search changes hands, from the lists it fetched.

    One setting is moved at a time; the others stay as the options say. The points are roots of
    the polynomial by which the difference of two chunks' scores changes its sign.
    """
    sides = [stage for stage in result.stages if stage.name in ("vector", "keyword")]
    if len(sides) < 2 or not any(side.hits for side in sides):
        return TippingPoints()
    lines = _by_weight(sides, options)

    def with_weight(share: float) -> str:
        return _winner(sides, replace(options, weights=(share, 1 - share)))

    weight = _reigns(0.0, 1.0, with_weight, lines)
    if options.fusion != "rrf":
        return TippingPoints(weight)

    def with_k(k: float) -> str:
        return _winner(sides, replace(options, rrf_k=k))

    return TippingPoints(weight, _reigns(0.0, MOST_K, with_k, _by_k(sides, options)))


def _winner(sides: Sequence[Stage], options: SearchOptions) -> str:
    return fused(sides, options)[0].chunk.id


Difference = Callable[[str, str], Polynomial]


def _by_weight(sides: Sequence[Stage], options: SearchOptions) -> tuple[list[str], Difference]:
    """Scores are lines in the share w: keyword + w * (vector - keyword)."""
    vector, keyword = (_credits(side, options) for side in sides)
    ids = sorted({*vector, *keyword})

    def difference(one: str, other: str) -> Polynomial:
        by_vector = vector.get(one, 0.0) - vector.get(other, 0.0)
        by_keyword = keyword.get(one, 0.0) - keyword.get(other, 0.0)
        return np.array([by_vector - by_keyword, by_keyword])

    return ids, difference


def _credits(side: Stage, options: SearchOptions) -> dict[str, float]:
    if options.fusion == "convex":
        return normalised((hit.chunk.id, hit.score) for hit in side.hits)
    return {hit.chunk.id: 1 / (options.rrf_k + hit.rank) for hit in side.hits}


def _by_k(sides: Sequence[Stage], options: SearchOptions) -> tuple[list[str], Difference]:
    """Scores are sums of weight / (k + rank): over a common denominator, polynomials in k."""
    places: dict[str, list[tuple[float, int]]] = {}
    for side, weight in zip(sides, options.weights, strict=True):
        for hit in side.hits:
            if weight:
                places.setdefault(hit.chunk.id, []).append((weight, hit.rank))

    def difference(one: str, other: str) -> Polynomial:
        terms = [*places[one], *((-weight, rank) for weight, rank in places[other])]
        total = np.zeros(1)
        for number, (weight, _) in enumerate(terms):
            product = np.array([weight])
            for place, (_, rank) in enumerate(terms):
                if place != number:
                    product = np.polymul(product, [1.0, rank])
            total = np.polyadd(total, product)
        return total

    return sorted(places), difference


def _reigns(
    low: float,
    high: float,
    winner_at: Callable[[float], str],
    rivals: tuple[list[str], Difference],
) -> tuple[Reign, ...]:
    ids, difference = rivals

    @cache
    def crossings(winner: str) -> list[float]:
        """Return, in order, where the winner and any other stand equal."""
        roots = [np.roots(difference(winner, id_)) for id_ in ids if id_ != winner]
        real = {
            float(root.real)
            for each in roots
            for root in each
            if abs(root.imag) < _NARROW and low < root.real < high
        }
        return sorted(real)

    def winner_after(edge: float) -> str:
        """Return who wins right behind the edge: where nobody crosses the winner in between."""
        probe = high
        while True:
            middle = (edge + probe) / 2
            winner = winner_at(middle)
            between = [
                root for root in crossings(winner) if edge + _NARROW < root <= middle + _NARROW
            ]
            if not between:
                return winner
            probe = between[0]

    found: list[Reign] = []
    edge = low
    while ids and edge < high:
        winner = winner_after(edge)
        later = [root for root in crossings(winner) if root > edge + _NARROW]
        end = high
        for root, following in pairwise([*later, high]):
            # Between two of its crossings nobody can overtake the winner: one look is enough.
            if winner_at((root + following) / 2) != winner:
                end = root
                break
        if found and found[-1].winner == winner:
            found[-1] = replace(found[-1], high=end)
        else:
            found.append(Reign(winner, edge, end))
        edge = end
    return tuple(found)
