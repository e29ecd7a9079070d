"""The arithmetic of similarity by pencil, and Problem 1 of the lesson with the real model."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rag_core.similarity import (
    METRICS,
    clustered_order,
    cosine,
    dot_product,
    l2_distance,
    more_is_alike,
    similarity_matrix,
)
from rag_core.similarity_lab.examples import PROBLEM_1
from rag_core.similarity_lab.pairs import all_pairs, beyond_words, only_words

A, B = np.array([3.0, 4.0]), np.array([4.0, 3.0])


def test_by_pencil():
    assert cosine(A, B) == pytest.approx(24 / 25)
    assert dot_product(A, B) == pytest.approx(24)
    assert l2_distance(A, B) == pytest.approx(math.sqrt(2))


def test_a_hundred_times_longer_moves_all_but_the_cosine():
    assert cosine(A, 100 * B) == pytest.approx(cosine(A, B))
    assert dot_product(A, 100 * B) == pytest.approx(2_400)
    assert l2_distance(A, 100 * B) == pytest.approx(math.hypot(397, 296))


def test_for_unit_vectors_all_three_agree():
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(30, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = similarity_matrix(vectors)
    assert np.allclose(similarity_matrix(vectors, metric="dot product"), cosines, atol=1e-6)
    squared = similarity_matrix(vectors, metric="L2 distance") ** 2
    assert np.allclose(squared, 2 - 2 * cosines, atol=1e-5)


@pytest.mark.parametrize(
    ("vectors", "others", "said"),
    [
        (np.zeros((2, 3)), None, "zeros"),
        (np.ones((2, 3)), np.ones((2, 4)), "3 and 4"),
        (np.ones(3), None, r"\(n, d\), not \(3,\)"),
        (np.array([[1.0, np.nan]]), None, "finite"),
        (np.array([[1.0, np.inf]]), None, "finite"),
    ],
)
def test_what_has_no_cosine_is_refused(vectors, others, said):
    with pytest.raises(ValueError, match=said):
        similarity_matrix(vectors, others)


def test_an_unknown_metric_names_the_known_ones():
    with pytest.raises(ValueError, match="cosine, dot product, L2 distance"):
        similarity_matrix(np.ones((1, 1)), metric="manhattan")


def test_no_vector_makes_an_empty_matrix():
    for metric in METRICS:
        assert similarity_matrix(np.zeros((0, 4)), metric=metric).shape == (0, 0)


finite = st.floats(-1e100, 1e100).filter(lambda value: value == 0 or abs(value) > 1e-100)


@given(hnp.arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(1, 5)), elements=finite))
def test_cosines_stay_in_range_and_are_one_with_oneself(vectors):
    vectors = vectors[vectors.any(axis=1)]
    matrix = similarity_matrix(vectors)
    assert (np.abs(matrix) <= 1).all()
    assert np.allclose(np.diag(matrix), 1, atol=1e-6)
    assert np.allclose(matrix, matrix.T, atol=1e-6)


def test_a_distance_is_the_one_where_less_is_more():
    assert [more_is_alike(metric) for metric in METRICS] == [True, True, False]


def test_alike_rows_stand_together():
    rng = np.random.default_rng(1)
    centres = rng.normal(size=(3, 16))
    groups = rng.permutation(np.repeat([0, 1, 2], 6))
    matrix = similarity_matrix(centres[groups] + 0.1 * rng.normal(size=(18, 16)))
    order = clustered_order(matrix)
    assert sorted(order) == list(range(18))
    changes = np.count_nonzero(np.diff(groups[order]))
    assert changes == 2
    assert clustered_order(matrix[:2, :2]) == [0, 1]


# -- Problem 1 --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def matrix(embedder):
    return similarity_matrix(embedder.embed_documents(list(PROBLEM_1)))


def test_problem_1_the_highest_pairs_are_about_the_language(matrix):
    pairs = [(pair.first + 1, pair.second + 1) for pair in all_pairs(PROBLEM_1, matrix)]
    assert pairs[:2] == [(1, 6), (1, 2)]
    assert not {3, 7} & {number for pair in pairs[:8] for number in pair}


def test_problem_1_snakes_are_nearer_to_the_jungle_than_to_python(matrix):
    snakes = matrix[2]
    assert int(np.argsort(-snakes)[1]) + 1 == 7
    assert snakes[6] > snakes[0]
    # The surprise: "Anaconda" and "Python" do not draw it near, although both are snakes
    assert snakes[4] < 0.3


def test_problem_1_surprises(matrix):
    pairs = all_pairs(PROBLEM_1, matrix)
    beyond = {(pair.first + 1, pair.second + 1) for pair in beyond_words(pairs, 5)}
    # Snakes and the jungle share no word; nor do the Anaconda distribution and the jungle, which
    # the model draws together all the same, by the snake's name.
    assert {(3, 7), (5, 7)} <= beyond
    words = only_words(pairs, 5)
    assert all(pair.overlap > 0 and pair.surprise < 0 for pair in words)
