"""Joining rankings: what holds for every input, and numbers one can check by pencil."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_core.diversity import maximal_marginal_relevance
from rag_core.fusion import convex_combination, normalised, reciprocal_rank_fusion

IDS = st.integers(10, 30).map(str)
RANKING = st.lists(IDS, unique=True, max_size=8)
SCORES = st.dictionaries(IDS, st.floats(-50, 50), max_size=8).map(lambda found: [*found.items()])
WEIGHTS = st.floats(0.01, 10)


def ids(fused):
    return [id_ for id_, _ in fused]


# -- what both ways of fusing must do -------------------------------------------------------

FUSIONS = [(reciprocal_rank_fusion, RANKING), (convex_combination, SCORES)]
both = pytest.mark.parametrize(("fuse", "ranking"), FUSIONS, ids=["rrf", "convex"])


@both
@given(data=st.data())
def test_the_order_of_the_rankings_changes_nothing_at_all(fuse, ranking, data):
    rows = data.draw(st.lists(st.tuples(ranking, WEIGHTS), max_size=5))
    mixed = data.draw(st.permutations(rows))
    there = fuse([row for row, _ in rows], weights=[weight for _, weight in rows])
    back = fuse([row for row, _ in mixed], weights=[weight for _, weight in mixed])
    assert ids(there) == ids(back) or near_tie(there, back)
    assert all(math.isclose(a, b) for (_, a), (_, b) in zip(there, back, strict=True))


def near_tie(there, back):
    """Return whether orders differ only where scores are equal to the last bits."""
    scores = dict(there)
    return all(
        math.isclose(scores[a], scores[b], rel_tol=1e-12)
        for a, b in zip(ids(there), ids(back), strict=True)
    )


@given(st.lists(RANKING, max_size=5), st.randoms())
def test_rrf_is_the_same_to_the_last_bit_whatever_the_order(rankings, chance):
    mixed = chance.sample(rankings, len(rankings))
    assert reciprocal_rank_fusion(rankings) == reciprocal_rank_fusion(mixed)


@both
@given(data=st.data())
def test_everything_found_is_there_once_best_first_and_ties_by_id(fuse, ranking, data):
    rankings = data.draw(st.lists(ranking, max_size=4))
    fused = fuse(rankings)
    found = {row[0] if isinstance(row, tuple) else row for rows in rankings for row in rows}
    assert sorted(ids(fused)) == sorted(found)
    assert fused == sorted(fused, key=lambda item: (-item[1], item[0]))


@both
@given(data=st.data())
def test_a_ranking_of_weight_zero_is_as_if_it_were_not_there(fuse, ranking, data):
    first, second = data.draw(ranking), data.draw(ranking)
    assert fuse([first, second], weights=[1, 0]) == fuse([first], weights=[1])
    assert fuse([second, first], weights=[0, 1]) == fuse([first], weights=[1])


@both
@given(data=st.data())
def test_an_empty_ranking_gives_nobody_credit(fuse, ranking, data):
    first = data.draw(ranking)
    assert ids(fuse([first, []])) == ids(fuse([first]))


@both
@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ([1.0], "1 weights for 2 rankings"),
        ([1.0, -0.5], "not .*-0.5"),
        ([0, 0], r"above 0, not \[0, 0\]"),
        ([1, math.nan], "nan"),
        ([1, math.inf], "inf"),
    ],
)
def test_weights_that_cannot_work_are_named(fuse, ranking, weights, said):
    with pytest.raises(ValueError, match=said):
        fuse([[], []], weights=weights)


# -- reciprocal rank fusion -----------------------------------------------------------------


def test_a_larger_k_lets_agreement_win_over_a_first_place():
    rankings = [["a", "b", "c"], ["d", "e", "c"]]
    assert ids(reciprocal_rank_fusion(rankings, k=0))[0] == "a"  # 1 against 1/3 + 1/3
    assert ids(reciprocal_rank_fusion(rankings, k=60))[0] == "c"


@pytest.mark.parametrize("k", [-1, -0.5, math.nan, math.inf])
def test_a_k_that_cannot_work_is_named(k):
    with pytest.raises(ValueError, match=str(k)):
        reciprocal_rank_fusion([["a"]], k=k)


@given(RANKING, RANKING, st.floats(0, 200))
def test_to_stand_higher_never_harms(first, second, k):
    before = dict(reciprocal_rank_fusion([first, second], k=k))
    for place in range(1, len(first)):
        raised = [*first]
        raised[place - 1], raised[place] = raised[place], raised[place - 1]
        after = dict(reciprocal_rank_fusion([raised, second], k=k))
        assert after[first[place]] > before[first[place]]


# -- convex combination ---------------------------------------------------------------------


def test_convex_by_pencil():
    vector = [("a", 0.9), ("b", 0.7), ("c", 0.5)]
    keyword = [("b", 12.0), ("d", 2.0)]
    fused = dict(convex_combination([vector, keyword], weights=[0.75, 0.25]))
    assert fused == pytest.approx({"a": 0.75, "b": 0.75 * 0.5 + 0.25, "c": 0.0, "d": 0.0})


def test_only_the_proportions_of_convex_weights_count():
    rankings = [[("a", 3.0), ("b", 1.0)], [("b", 2.0)]]
    assert convex_combination(rankings, weights=[3, 1]) == convex_combination(
        rankings, weights=[0.75, 0.25]
    )
    assert convex_combination(rankings) == convex_combination(rankings, weights=[2, 2])


def test_one_hit_and_equal_hits_get_full_credit():
    assert normalised([("a", -3.0)]) == {"a": 1.0}
    assert normalised([("a", 0.2), ("b", 0.2)]) == {"a": 1.0, "b": 1.0}
    assert normalised([]) == {}


def test_a_repeated_id_counts_once_with_its_better_score():
    assert normalised([("a", 1.0), ("b", 2.0), ("a", 3.0), ("c", 1.0)]) == {
        "a": 1.0,
        "b": 0.5,
        "c": 0.0,
    }


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_no_number_is_named(score):
    with pytest.raises(ValueError, match=f"'b'.*{score}"):
        convex_combination([[("a", 1.0), ("b", score)]])


@given(st.lists(SCORES, max_size=4))
def test_convex_scores_stay_from_zero_to_one(rankings):
    assert all(0 <= score <= 1 + 1e-12 for _, score in convex_combination(rankings))


@given(SCORES, SCORES, st.floats(0.1, 10), st.integers(-20, 20))
def test_the_scale_of_one_side_does_not_matter(first, second, scale, shift):
    stretched = [(id_, round(score, 3) * scale + shift) for id_, score in second]
    plain = convex_combination([first, [(id_, round(score, 3)) for id_, score in second]])
    again = dict(convex_combination([first, stretched]))
    assert all(math.isclose(score, again[id_], abs_tol=1e-6) for id_, score in plain)


# -- maximal marginal relevance -------------------------------------------------------------

TWINS = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)


def rows(order):
    return [row for row, _ in order]


def test_the_twin_of_the_first_comes_last():
    assert rows(maximal_marginal_relevance([1.0, 0.9, 0.5], TWINS, 0.5)) == [0, 2, 1]


def test_a_trade_of_one_keeps_the_order_and_equal_ones_come_first_come_first():
    assert rows(maximal_marginal_relevance([0.9, 1.0, 0.5], TWINS, 1.0)) == [1, 0, 2]
    assert rows(maximal_marginal_relevance([0.5, 0.5, 0.5], TWINS, 1.0)) == [0, 1, 2]


def test_marginal_values_by_pencil():
    order = maximal_marginal_relevance([1.0, 0.9, 0.5], TWINS, 0.6)
    assert order == [(0, 0.6), (2, 0.3), (1, pytest.approx(0.6 * 0.9 - 0.4))]


@pytest.mark.parametrize("trade", [-0.1, 1.1, math.nan])
def test_a_trade_outside_its_range_is_named(trade):
    with pytest.raises(ValueError, match=str(trade)):
        maximal_marginal_relevance([1.0], TWINS[:1], trade)
    with pytest.raises(ValueError, match="3 vectors for 1 rows"):
        maximal_marginal_relevance([1.0], TWINS, 0.5)


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 6.28)), max_size=12),
    st.floats(0, 1),
)
def test_every_row_comes_once_and_values_never_rise(rows_, trade):
    angles = np.array([angle for _, angle in rows_])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    order = maximal_marginal_relevance([merit for merit, _ in rows_], vectors, trade)
    assert sorted(row for row, _ in order) == list(range(len(rows_)))
    values = [value for _, value in order]
    assert values == sorted(values, reverse=True)
