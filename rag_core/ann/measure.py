"""How near an index comes to the exact answer, how long a query takes, and what it misses."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from rag_core.ann.indexes import AnnIndex, one_thread
from rag_core.protocols import FloatArray, IntArray, OnProgress, Progress

Search = Callable[[FloatArray, int], Sequence[int]]
"""(query of shape (d,), k) -> rows, best first; -1 stands for nothing found."""

ROUNDS = 3
_TIE = 1e-6  # scores nearer than this are equal: another order of adding gives as much
_LOOK = 20  # queries between two looks at whether to stop
_BLOCK = 100


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """The exact answer: for every query its k best rows and their scores, best first.

    `rows` is int64 and `scores` float32, both (q, k); ties are in the order of rows. `own[i]` is
    the row of the vectors that query i was taken from and is not to find, or -1.
    """

    rows: IntArray = field(repr=False)
    scores: FloatArray = field(repr=False)
    own: IntArray = field(repr=False)

    @property
    def k(self) -> int:
        """How many neighbours each query has."""
        return int(self.rows.shape[1])


@dataclass(frozen=True, slots=True)
class Measurement:
    """One index with one setting, measured over all queries.

    Attributes:
        method: "flat", "ivf", "hnsw", or the name of what was measured besides.
        setting: n_probe of "ivf", ef of "hnsw", otherwise None.
        recall: 0 to 1: the share of the true neighbours that were found, over all queries.
        p50: seconds a query takes, the median.
        p95: seconds that 95 % of the queries stay below.
        build_seconds: training and adding, None if it was not built here.
        memory_bytes: of the index, None if unknown.
        found: for every query the rows it returned, best first.
        missed: for every query the places, from 0, of the true answer that it did not fill.
    """

    method: str
    setting: int | None
    recall: float
    p50: float
    p95: float
    build_seconds: float | None
    memory_bytes: int | None
    found: tuple[tuple[int, ...], ...] = field(repr=False)
    missed: tuple[tuple[int, ...], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Victim:
    """A true neighbour that was not found: of query `query`, at `rank` (from 1) with `score`."""

    query: int
    row: int
    rank: int
    score: float


def exact_answer(
    vectors: FloatArray, queries: FloatArray, k: int, *, own: IntArray | None = None
) -> Truth:
    """Compare every query with every vector, by inner product.

    Args:
        vectors: (n, d), of unit length.
        queries: (q, d), of unit length.
        k: how many neighbours; as many as there are, if there are fewer.
        own: (q,), the row each query was taken from, which is left out, or -1.

    Raises:
        ValueError: for k < 1, no query, shapes that do not fit, or a row that is not there.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    if len(queries) == 0 or queries.shape[1:] != vectors.shape[1:]:
        raise ValueError(f"queries of shape {queries.shape} do not fit vectors {vectors.shape}")
    left_out = np.full(len(queries), -1, np.int64) if own is None else own
    if left_out.shape != (len(queries),) or left_out.max() >= len(vectors):
        raise ValueError(f"own needs one row below {len(vectors)} for each of {len(queries)}")
    wanted = min(k, len(vectors) - int((left_out >= 0).any()))
    if wanted < 1:
        raise ValueError(f"{len(vectors)} vectors leave nothing to find")
    rows = np.empty((len(queries), wanted), np.int64)
    scores = np.empty((len(queries), wanted), np.float32)
    for start in range(0, len(queries), _BLOCK):
        part = slice(start, start + _BLOCK)
        products = queries[part] @ vectors.T
        taken = np.flatnonzero(left_out[part] >= 0)
        products[taken, left_out[part][taken]] = -np.inf
        best = np.argsort(-products, axis=1, kind="stable")[:, :wanted]
        rows[part] = best
        scores[part] = np.take_along_axis(products, best, axis=1)
    return Truth(rows, scores, left_out)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A search that is to be measured, with what is known of its index; see Measurement."""

    method: str
    search: Search
    setting: int | None = None
    build_seconds: float | None = None
    memory_bytes: int | None = None


def measure(
    method: str, search: Search, vectors: FloatArray, queries: FloatArray, truth: Truth
) -> Measurement:
    """Measure one search; see `measure_all`."""
    return measure_all([Candidate(method, search)], vectors, queries, truth)[0]


def measure_all(
    candidates: Sequence[Candidate],
    vectors: FloatArray,
    queries: FloatArray,
    truth: Truth,
    on_progress: OnProgress | None = None,
) -> list[Measurement]:
    """Ask every query by itself of every candidate, and compare with the exact answer.

    In ROUNDS rounds over all candidates; of a query's times the shortest counts. What else the
    machine had to do at one moment is not the fault of the index that was asked then.

    Raises:
        Cancelled: out of `on_progress`.
    """
    seconds = np.full((len(candidates), len(queries)), np.inf)
    found: list[list[tuple[int, ...]]] = []
    with one_thread():
        for number in range(ROUNDS):
            for place, candidate in enumerate(candidates):
                taken, answers = _asked(candidate, queries, truth, on_progress or _ignore)
                seconds[place] = np.minimum(seconds[place], taken)
                if number == 0:
                    found.append(answers)
    return [
        _measurement(candidate, seconds[place], found[place], vectors, queries, truth)
        for place, candidate in enumerate(candidates)
    ]


def _asked(
    candidate: Candidate, queries: FloatArray, truth: Truth, report: OnProgress
) -> tuple[npt.NDArray[np.float64], list[tuple[int, ...]]]:
    seconds = np.empty(len(queries))
    found = []
    for place, query in enumerate(queries):
        if place % _LOOK == 0:
            report(Progress(f"asking {candidate.method}", place, len(queries)))
        own = int(truth.own[place])
        start = time.perf_counter()
        rows = candidate.search(query, truth.k + (own >= 0))
        seconds[place] = time.perf_counter() - start
        found.append(_answer(rows, own, truth.k))
    return seconds, found


def _measurement(
    candidate: Candidate,
    seconds: npt.NDArray[np.float64],
    found: list[tuple[int, ...]],
    vectors: FloatArray,
    queries: FloatArray,
    truth: Truth,
) -> Measurement:
    missed = _all_missed(vectors, queries, found, truth)
    p50, p95 = np.percentile(seconds, [50, 95])
    return Measurement(
        candidate.method,
        candidate.setting,
        recall_of(missed, truth),
        float(p50),
        float(p95),
        candidate.build_seconds,
        candidate.memory_bytes,
        tuple(found),
        tuple(missed),
    )


def index_search(index: AnnIndex, setting: int | None = None) -> Search:
    """Return the search of an index with its n_probe or ef, as it is measured."""
    name = {"ivf": "n_probe", "hnsw": "ef"}.get(index.kind)
    options = {} if name is None or setting is None else {name: setting}

    def search(query: FloatArray, k: int) -> Sequence[int]:
        rows, _ = index.search(query[np.newaxis], k, **options)
        return rows[0].tolist()  # type: ignore[no-any-return]

    return search


def victims(measured: Measurement, truth: Truth) -> tuple[Victim, ...]:
    """Return the true neighbours that were missed, by query and rank."""
    return tuple(
        Victim(
            query,
            int(truth.rows[query, place]),
            place + 1,
            float(truth.scores[query, place]),
        )
        for query, places in enumerate(measured.missed)
        for place in places
    )


def recall_of(missed: Sequence[Sequence[int]], truth: Truth) -> float:
    """Return the share of the true neighbours that are not among the missed places."""
    # Whole numbers until the division: 90 of 100 is 0.9, and not over it by a rounding error.
    return (truth.rows.size - sum(len(places) for places in missed)) / truth.rows.size


def recall_in_batch(
    index: AnnIndex, vectors: FloatArray, queries: FloatArray, truth: Truth, n_probe: int
) -> float:
    """Return the recall of an "ivf" index, all queries asked at once, without their latencies."""
    # One more than wanted: a query's own row takes a place that is not counted.
    rows, _ = index.search(queries, truth.k + 1, n_probe=n_probe)
    found = [
        _answer(some.tolist(), int(own), truth.k) for some, own in zip(rows, truth.own, strict=True)
    ]
    return recall_of(_all_missed(vectors, queries, found, truth), truth)


def _answer(rows: Sequence[int], own: int, k: int) -> tuple[int, ...]:
    return tuple(dict.fromkeys(int(row) for row in rows if row >= 0 and row != own))[:k]


def _all_missed(
    vectors: FloatArray, queries: FloatArray, found: Sequence[tuple[int, ...]], truth: Truth
) -> list[tuple[int, ...]]:
    return [
        _missed(vectors[list(rows)] @ query, rows, truth.rows[place], truth.scores[place])
        for place, (query, rows) in enumerate(zip(queries, found, strict=True))
    ]


def _missed(
    scores: FloatArray, rows: Sequence[int], true_rows: IntArray, true_scores: FloatArray
) -> tuple[int, ...]:
    """Return the places of the true answer, from 0, that were not filled.

    Neighbours that tie with the last place fill in for each other: copies of one text are no miss.
    """
    last = float(true_scores[-1])
    equals = int((np.abs(scores - last) <= _TIE).sum())
    places_for_equals = int((np.abs(true_scores - last) <= _TIE).sum())
    empty = max(0, places_for_equals - equals)
    there = set(rows)
    missed = [place for place, row in enumerate(true_rows) if int(row) not in there]
    better = [place for place in missed if true_scores[place] > last + _TIE]
    tied = [place for place in missed if true_scores[place] <= last + _TIE]
    return tuple(better + tied[:empty])


def _ignore(progress: Progress) -> None:
    """Do nothing."""
