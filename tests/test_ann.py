"""Exact against approximate: the arithmetic, the mistakes, and that a seed repeats everything."""

import numpy as np
import pytest

from rag_core import Cancelled
from rag_core.ann import (
    AnnIndex,
    Measurement,
    Truth,
    clustered_vectors,
    compare,
    exact_answer,
    first_over,
    least_n_probe,
    measure,
    random_vectors,
    victims,
)

DIMENSION = 24


@pytest.fixture(scope="module")
def cloud():
    """2,000 clustered vectors and 40 queries from the same clusters."""
    drawn = clustered_vectors(2_040, DIMENSION, seed=7, clusters=30)
    return drawn[:2_000], drawn[2_000:]


@pytest.fixture(scope="module")
def compared(cloud):
    return compare(*cloud, n_clusters=32, n_probes=(1, 4, 32), efs=(16, 128))


def trained(vectors, n_clusters=32) -> AnnIndex:
    index = AnnIndex("ivf", vectors.shape[1], n_clusters=n_clusters)
    index.train(vectors)
    index.add(vectors)
    return index


def result(recall: float, setting: int, method: str = "ivf") -> Measurement:
    return Measurement(method, setting, recall, 0.1, 0.2, None, None, (), ())


# -- vectors ----------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [random_vectors, clustered_vectors])
def test_vectors_are_unit_float32_and_repeat_by_seed(make):
    one = make(300, 16, seed=3)
    assert one.shape == (300, 16)
    assert one.dtype == np.float32
    assert np.allclose(np.linalg.norm(one, axis=1), 1, atol=1e-6)
    assert (one == make(300, 16, seed=3)).all()
    assert not np.allclose(one, make(300, 16, seed=4))


def test_clusters_hold_together_and_chance_does_not():
    def nearest(vectors):
        return np.sort(vectors @ vectors.T, axis=1)[:, -2].mean()

    tight = clustered_vectors(500, 64, clusters=10, spread=0.5)
    assert nearest(tight) > 0.85
    assert nearest(random_vectors(500, 64)) < 0.5
    point = clustered_vectors(100, 64, clusters=1, spread=0)
    assert np.allclose(point @ point.T, 1, atol=1e-5)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"n": 0}, "n must be at least 1, not 0"), ({"dimension": 0}, "dimension"),
     ({"clusters": 0}, "clusters"), ({"spread": -1}, "spread"), ({"spread": float("nan")}, "nan")],
)  # fmt: skip
def test_wrong_vectors_are_named(wrong, said):
    with pytest.raises(ValueError, match=said):
        clustered_vectors(**{"n": 5, "dimension": 5, **wrong})


# -- indexes ----------------------------------------------------------------------------------


def test_flat_is_the_exact_answer(cloud):
    vectors, queries = cloud
    index = AnnIndex("flat", DIMENSION)
    index.add(vectors)
    rows, scores = index.search(queries, 10)
    truth = exact_answer(vectors, queries, 10)
    assert (rows == truth.rows).all()
    assert np.allclose(scores, truth.scores, atol=1e-6)


@pytest.mark.parametrize("kind", ["flat", "ivf", "hnsw"])
def test_k_beyond_the_size_gives_the_size(kind):
    vectors = random_vectors(6, 8)
    index = AnnIndex(kind, 8, n_clusters=2)
    if kind == "ivf":
        index.train(vectors)
    assert index.search(vectors[:2], 5)[0].shape == (2, 0)
    index.add(vectors)
    options = {"n_probe": 2} if kind == "ivf" else {}
    rows, scores = index.search(vectors[:1], 50, **options)
    assert sorted(rows[0]) == list(range(6))
    assert scores[0, 0] == pytest.approx(1, abs=1e-6)


def test_places_that_no_probed_cluster_fills_are_said():
    vectors = clustered_vectors(60, 8, clusters=6, spread=0.1)
    rows, scores = trained(vectors, 6).search(vectors[:1], 60, n_probe=1)
    empty = rows[0] == -1
    assert empty.any()
    assert (scores[0][empty] == -np.inf).all()
    assert np.isfinite(scores[0][~empty]).all()


def test_mistakes_are_named_with_both_numbers():
    vectors = random_vectors(10, 8)
    ivf = AnnIndex("ivf", 8, n_clusters=11)
    with pytest.raises(ValueError, match=r"11 clusters need at least as many .* not 10"):
        ivf.train(vectors)
    with pytest.raises(ValueError, match="train this ivf"):
        ivf.add(vectors)
    with pytest.raises(ValueError, match="train this ivf"):
        ivf.search(vectors, 1)
    with pytest.raises(ValueError, match="from 1 to the 4 clusters, not 5"):
        trained(vectors, 4).search(vectors, 1, n_probe=5)
    with pytest.raises(ValueError, match="from 1 to the 4 clusters, not 0"):
        trained(vectors, 4).search(vectors, 1, n_probe=0)
    flat = AnnIndex("flat", 8)
    with pytest.raises(ValueError, match=r"\(n, 8\), not \(10, 4\)"):
        flat.add(vectors[:, :4])
    with pytest.raises(ValueError, match=r"\(n, 8\), not \(8,\)"):
        flat.search(vectors[0], 1)
    with pytest.raises(ValueError, match="k must be at least 1, not 0"):
        flat.search(vectors, 0)
    with pytest.raises(ValueError, match="unknown kind"):
        AnnIndex("tree", 8)
    with pytest.raises(ValueError, match="m must be at least 2, not 1"):
        AnnIndex("hnsw", 8, m=1)
    hnsw = AnnIndex("hnsw", 8)
    hnsw.add(vectors)
    with pytest.raises(ValueError, match="ef must be at least 1, not 0"):
        hnsw.search(vectors, 1, ef=0)


def test_memory_is_what_the_vectors_need_and_a_little():
    flat, hnsw = AnnIndex("flat", 32), AnnIndex("hnsw", 32, m=16)
    for index in (flat, hnsw):
        index.add(random_vectors(500, 32))
    assert 500 * 32 * 4 < flat.memory_bytes() < 500 * 32 * 4 + 200
    # the lowest layer keeps 2 m neighbours of 4 bytes
    assert hnsw.memory_bytes() > flat.memory_bytes() + 500 * 2 * 16 * 4


# -- measuring --------------------------------------------------------------------------------

AXES = np.eye(4, dtype=np.float32)
QUERY = np.array([[0.8, 0.6, 0, 0]], np.float32)  # cosines to the axes: 0.8, 0.6, 0, 0


def test_recall_by_pencil():
    truth = exact_answer(AXES, QUERY, 2)
    assert truth.rows.tolist() == [[0, 1]]
    assert truth.scores.tolist() == [[pytest.approx(0.8), pytest.approx(0.6)]]
    for answer, recall in (
        ([0, 1], 1),
        ([1, 0], 1),
        ([1, 3], 1 / 2),
        ([2, 3], 0),
        ([-1, 0], 1 / 2),
    ):
        found = measure("x", lambda *_, answer=answer: answer, AXES, QUERY, truth)
        assert found.recall == recall
    assert measure("x", lambda *_: [0, 0, 0], AXES, QUERY, truth).recall == 1 / 2


def test_victims_name_what_was_missed():
    truth = exact_answer(AXES, QUERY, 2)
    found = measure("x", lambda *_: [0, 3], AXES, QUERY, truth)
    [victim] = victims(found, truth)
    assert (victim.query, victim.row, victim.rank) == (0, 1, 2)
    assert victim.score == pytest.approx(0.6)
    assert found.found == ((0, 3),)


def test_equals_fill_in_for_each_other():
    truth = exact_answer(AXES, QUERY, 3)  # the third place is a tie of rows 2 and 3
    assert measure("x", lambda *_: [0, 1, 3], AXES, QUERY, truth).recall == 1
    # both equals instead of the best: one place is theirs, the other is missed
    found = measure("x", lambda *_: [1, 2, 3], AXES, QUERY, truth)
    assert found.recall == 2 / 3
    assert [victim.row for victim in victims(found, truth)] == [0]
    # nothing of the tie came: its place was left empty, once
    assert measure("x", lambda *_: [0, 1], AXES, QUERY, truth).recall == 2 / 3


def test_a_query_does_not_find_itself():
    own = np.array([0])
    truth = exact_answer(AXES, AXES[:1], 2, own=own)
    assert 0 not in truth.rows
    asked = []

    def search(query, k):
        asked.append(k)
        return [0, 1, 2]

    found = measure("x", search, AXES, AXES[:1], truth)
    assert set(asked) == {3}
    assert found.found == ((1, 2),)
    assert found.recall == 1
    assert exact_answer(AXES, AXES[:1], 9, own=own).k == 3


@pytest.mark.parametrize(
    ("vectors", "queries", "k", "own", "said"),
    [
        (AXES, AXES[:0], 2, None, "queries"),
        (AXES, AXES[:1, :2], 2, None, r"\(1, 2\)"),
        (AXES, QUERY, 0, None, "not 0"),
        (AXES, QUERY, 1, np.array([4]), "below 4"),
        (AXES, QUERY, 1, np.array([0, 0]), "each of 1"),
        (AXES[:1], QUERY, 1, np.array([0]), "nothing to find"),
    ],
)
def test_questions_that_cannot_be_asked(vectors, queries, k, own, said):
    with pytest.raises(ValueError, match=said):
        exact_answer(vectors, queries, k, own=own)


def test_latencies_are_of_single_queries(cloud, compared):
    for one in compared.results:
        assert 0 < one.p50 <= one.p95 < 1
        assert one.build_seconds > 0
        assert one.memory_bytes > 2_000 * DIMENSION * 4


# -- comparing --------------------------------------------------------------------------------


def test_a_comparison_holds_every_setting_and_the_least_over_90_percent(compared):
    by = {(one.method, one.setting): one.recall for one in compared.results}
    assert by["flat", None] == 1
    assert by["ivf", 32] == 1  # all clusters: exact
    assert by["ivf", 1] < by["ivf", 4] < 1
    assert by["hnsw", 128] >= by["hnsw", 16] > 0.5
    first = first_over(compared.results)
    assert first.recall > 0.9
    assert compared.size == 2_000
    assert compared.truth.k == 10


def test_the_least_n_probe_is_the_least(cloud):
    vectors, queries = cloud
    index = trained(vectors)
    truth = exact_answer(vectors, queries, 10)
    least = least_n_probe(index, vectors, queries, truth, 0.9)
    assert 1 < least < 32

    def recall(n_probe):
        rows, _ = index.search(queries, 10, n_probe=n_probe)
        same = [len(set(a) & set(b)) for a, b in zip(rows, truth.rows, strict=True)]
        return sum(same) / 400

    assert recall(least) > 0.9 >= recall(least - 1)
    assert least_n_probe(index, vectors, queries, truth, 1.0) == 32  # nothing is over all
    with pytest.raises(ValueError, match="not flat"):
        least_n_probe(AnnIndex("flat", DIMENSION), vectors, queries, truth)


def test_first_over_is_over_and_of_its_method():
    results = [result(0.95, 20), result(0.91, 12), result(0.9, 10), result(0.99, 1, "hnsw")]
    assert first_over(results).setting == 12
    assert first_over(results, 0.94).setting == 20
    assert first_over(results, 0.95) is None
    assert first_over(results, method="hnsw").setting == 1
    assert first_over([]) is None


def test_the_same_seed_gives_the_same_answers(cloud, compared):
    again = compare(*cloud, n_clusters=32, n_probes=(1, 4, 32), efs=(16, 128))
    assert [one.found for one in again.results] == [one.found for one in compared.results]
    assert [one.recall for one in again.results] == [one.recall for one in compared.results]
    assert (again.truth.rows == compared.truth.rows).all()


def test_other_searches_are_measured_beside(cloud):
    vectors, queries = cloud
    compared = compare(
        vectors, queries, n_probes=(), efs=(), others={"blind": lambda _, k: list(range(k))}
    )
    assert [one.method for one in compared.results] == ["flat", "blind"]
    assert compared.results[1].recall < 0.2
    assert compared.results[1].build_seconds is None


def test_own_rows_are_left_out_everywhere(cloud):
    vectors, _ = cloud
    own = np.arange(0, 200, 5)
    compared = compare(vectors, vectors[own], n_clusters=32, n_probes=(32,), efs=(), own=own)
    for one in compared.results:
        if one.setting in (None, 32):
            assert one.recall == 1
        assert all(row not in rows for row, rows in zip(own, one.found, strict=True))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"n_probes": (1, 33)}, "from 1 to the 32 clusters"),
        ({"n_probes": (0,)}, "from 1 to the 32 clusters"),
        ({"n_clusters": 5_000, "n_probes": (1,)}, "5000 clusters need .* not 2000"),
        ({"efs": (0,)}, "ef must be at least 1"),
        ({"k": 0}, "k must be at least 1"),
    ],
)
def test_mistakes_are_met_before_anything_is_built(cloud, wrong, said, monkeypatch):
    monkeypatch.setattr(AnnIndex, "add", lambda *_: pytest.fail("was built"))
    with pytest.raises(ValueError, match=said):
        compare(*cloud, **{"n_clusters": 32, "n_probes": (1,), **wrong})


@pytest.mark.parametrize("at", ["building ivf", "building hnsw", "asking ivf", "asking hnsw"])
def test_it_can_be_cancelled_at_every_stage(cloud, at):
    stages = []

    def stop(progress):
        stages.append(progress.stage)
        if progress.stage == at:
            raise Cancelled

    with pytest.raises(Cancelled):
        compare(*cloud, n_clusters=32, n_probes=(1,), efs=(16,), on_progress=stop)
    assert stages[-1] == at


def test_truth_says_how_many_neighbours():
    truth = exact_answer(AXES, QUERY, 3)
    assert isinstance(truth, Truth)
    assert truth.k == 3


def test_of_a_query_s_times_the_shortest_counts(monkeypatch):
    truth = exact_answer(AXES, QUERY, 2)
    clock = [0.0]
    slowness = iter([5.0, 0.25, 3.0])  # something else kept the machine busy twice

    def search(query, k):
        clock[0] += next(slowness)
        return [0, 1]

    monkeypatch.setattr("time.perf_counter", lambda: clock[0])
    assert measure("x", search, AXES, QUERY, truth).p50 == 0.25
