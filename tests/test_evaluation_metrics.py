"""The measures: by pencil, against trec_eval, and what their means are worth."""

import math

import numpy as np
import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st

from rag_core.evaluation.chunk_metrics import (
    chunk_quality,
    in_tokens,
    precision_omega,
    shared,
    union,
)
from rag_core.evaluation.metrics import METRICS, ranking
from rag_core.evaluation.questions import Gold
from rag_core.evaluation.runs import Retrieved
from rag_core.evaluation.significance import bootstrap, compare, more_questions, randomisation_test
from rag_core.evaluation.span_metrics import span_values, stories

RANKED = ["d3", "d1", "d9", "d2", "d7"]
JUDGED = {"d1": 1.0, "d2": 3.0, "d4": 2.0, "d9": 0.0}
PENCIL = {
    "recall": {1: 0, 2: 1 / 3, 4: 2 / 3, 9: 2 / 3},
    "precision": {1: 0, 2: 1 / 2, 4: 2 / 4, 9: 2 / 9},
    "hit_rate": {1: 0, 2: 1, 9: 1},
    "mrr": {1: 0, 2: 1 / 2, 9: 1 / 2},
    "map": {1: 0, 2: (1 / 2) / 3, 4: (1 / 2 + 2 / 4) / 3},
    "ndcg": {
        1: 0,
        2: (1 / math.log2(3)) / (3 + 2 / math.log2(3)),
        4: (1 / math.log2(3) + 3 / math.log2(5)) / (3 + 2 / math.log2(3) + 1 / 2),
    },
}


@pytest.mark.parametrize(
    ("name", "k", "value"), [(name, k, v) for name, at in PENCIL.items() for k, v in at.items()]
)
def test_metric_by_pencil(name, k, value):
    assert METRICS[name](RANKED, JUDGED, k) == pytest.approx(value, abs=1e-12)


def test_every_metric_has_its_pencil_test():
    assert set(PENCIL) == set(METRICS)


@pytest.mark.parametrize("name", METRICS)
def test_nothing_relevant_gives_nothing_and_k_must_be_sound(name):
    assert METRICS[name](RANKED, {"d1": 0.0, "d3": -1.0}, 3) == 0
    assert METRICS[name]([], JUDGED, 3) == 0
    with pytest.raises(ValueError, match="at least 1, not 0"):
        METRICS[name](RANKED, JUDGED, 0)


def test_ties_break_by_id():
    assert ranking({"b": 1.0, "a": 1.0, "c": 2.0}) == ["c", "a", "b"]


IDS = [f"d{number}" for number in range(9)]
RUNS = st.dictionaries(st.sampled_from(IDS), st.integers(0, 3), max_size=9)
QRELS = st.dictionaries(st.sampled_from(IDS), st.integers(0, 3), min_size=1, max_size=6)
THEIRS = {
    "ndcg": "ndcg_cut",
    "recall": "recall",
    "precision": "P",
    "hit_rate": "success",
    "map": "map_cut",
}


@settings(max_examples=300, deadline=None)
@given(scores=RUNS, judged=QRELS, k=st.integers(1, 12))
def test_metrics_equal_those_of_trec_eval(scores, judged, k):
    """Scores tie often, documents are unjudged, and runs can be empty."""
    # trec_eval breaks ties by falling id: the order is taken as it does.
    order = sorted(scores, key=lambda id_: (scores[id_], id_), reverse=True)
    measures = {f"{name}.{k}" for name in THEIRS.values()}
    theirs = pytrec_eval.RelevanceEvaluator({"q": judged}, measures).evaluate(
        {"q": {id_: float(score) for id_, score in scores.items()}}
    )
    for ours, name in THEIRS.items():
        expected = theirs["q"][f"{name}_{k}"] if scores else 0.0
        assert METRICS[ours](order, judged, k) == pytest.approx(expected, abs=1e-9)
    cut = {id_: float(-rank) for rank, id_ in enumerate(order[:k])}
    first = pytrec_eval.RelevanceEvaluator({"q": judged}, {"recip_rank"}).evaluate({"q": cut})
    expected = first["q"]["recip_rank"] if cut else 0.0
    assert METRICS["mrr"](order, judged, k) == pytest.approx(expected, abs=1e-9)


# -- passages ------------------------------------------------------------------------------------


def hit(start, end, document="a"):
    return Retrieved(document, start, end, 0.0, f"{document}{start}", 5)


def gold(start, end, document="a", text=None):
    return Gold(document, start, end, text or "x" * (end - start))


def test_a_passage_is_found_once_however_many_chunks_repeat_it():
    told = stories([gold(10, 20)], [hit(0, 30), hit(5, 35)], [("a", 0, 30), ("a", 5, 35)])
    assert (told[0].rank, told[0].fate) == (1, "whole")
    values = span_values(told, 2, 2)
    assert (values["recall"], values["precision"], values["ndcg"], values["map"]) == (1, 0.5, 1, 1)


def test_a_cut_passage_is_found_where_its_last_part_comes():
    hits = [hit(0, 15), hit(50, 60), hit(15, 40)]
    told = stories([gold(10, 20)], hits, [("a", 0, 15), ("a", 15, 40)])
    assert (told[0].rank, told[0].fate) == (3, "cut")
    assert told[0].pieces == (("a", 0, 15), ("a", 15, 40))
    assert span_values(told, 3, 2)["recall"] == 0
    assert span_values(told, 3, 3)["mrr"] == pytest.approx(1 / 3)


def test_white_space_need_not_be_retrieved_and_other_documents_do_not_count():
    told = stories([gold(0, 4, text="ab d")], [hit(0, 9, "b"), hit(0, 2), hit(3, 4)], [])
    assert told[0].rank == 3
    assert told[0].fate == "missing"


def test_all_passages_of_a_question_are_needed():
    golds = [gold(0, 5), gold(5, 10), gold(100, 110)]
    told = stories(golds, [hit(0, 10), hit(30, 40)], [("a", 0, 10)])
    values = span_values(told, 2, 2)
    assert values["recall"] == pytest.approx(2 / 3)
    # One chunk completes two passages: a gain of 2 at rank 1; the third, never found, would be 1.
    assert values["ndcg"] == pytest.approx(2 / (2 + 1 / math.log2(3)))
    assert values["hit_rate"] == 1


# -- chunk quality -----------------------------------------------------------------------------


def test_chunk_quality_by_pencil():
    # 20 wanted characters; two chunks of 20 that overlap by 5 hold 15 of them.
    quality = chunk_quality([("a", 0, 20), ("a", 15, 35)], [("a", 10, 25), ("a", 90, 95)])
    assert quality.recall == pytest.approx(15 / 20)
    assert quality.precision == pytest.approx(15 / 40)
    assert quality.iou == pytest.approx(15 / (40 + 5))


def test_chunks_of_other_documents_cost_precision():
    quality = chunk_quality([("b", 0, 10), ("a", 0, 10)], [("a", 0, 10)])
    assert (quality.recall, quality.precision, quality.iou) == (1, 0.5, 0.5)
    nothing = chunk_quality([], [("a", 0, 10)])
    assert (nothing.recall, nothing.precision, nothing.iou) == (0, 0, 0)


def test_precision_omega_counts_touching_chunks_once():
    chunks = [("a", 0, 10), ("a", 8, 20), ("a", 20, 40), ("b", 0, 10)]
    assert precision_omega(chunks, [("a", 5, 15)]) == pytest.approx(10 / 20)
    assert precision_omega([("b", 0, 10)], [("a", 5, 15)]) == 0


def test_ranges_in_tokens_hold_every_token_they_touch():
    tokens = np.array([[0, 3], [4, 8], [9, 12]])
    assert in_tokens(("a", 0, 12), tokens) == ("a", 0, 3)
    assert in_tokens(("a", 5, 9), tokens) == ("a", 1, 2)
    assert in_tokens(("a", 3, 4), tokens) == ("a", 1, 1)


RANGES = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 40), st.integers(0, 15)).map(
        lambda each: (each[0], each[1], each[1] + each[2])
    ),
    max_size=6,
)


@given(some=RANGES, others=RANGES)
def test_ranges_agree_with_sets(some, others):
    def cells(ranges):
        return {(name, place) for name, start, end in ranges for place in range(start, end)}

    assert shared(some, others) == len(cells(some) & cells(others))
    assert cells(union(some)) == cells(some)


# -- what a mean is worth ---------------------------------------------------------------------


def test_bootstrap_holds_the_mean_and_says_the_same_again():
    values = [0.0, 1.0] * 50
    found = bootstrap(values)
    assert found == bootstrap(values)
    assert found.low < 0.5 < found.high
    # Of 100 fair coins the standard error is 0.05.
    assert found.low == pytest.approx(0.5 - 1.96 * 0.05, abs=0.015)
    assert found.high == pytest.approx(0.5 + 1.96 * 0.05, abs=0.015)
    assert bootstrap([0.3, 0.3]) == bootstrap([0.3, 0.3, 0.3])
    with pytest.raises(ValueError, match="no values"):
        bootstrap([])


def test_randomisation_by_pencil():
    assert randomisation_test([1, 1, 1], [0, 0, 0]) == pytest.approx(2 / 8)
    assert randomisation_test([1, 0], [0, 1]) == 1
    assert randomisation_test([0.5, 0.5], [0.5, 0.5]) == 1
    # Of (+2, +1): |sum| >= 3 in two of four assignments.
    assert randomisation_test([2, 1], [0, 0]) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="2 and 1 values"):
        randomisation_test([1, 1], [1])


def test_drawn_and_counted_randomisation_agree():
    rng = np.random.default_rng(1)
    first, second = rng.random(14), rng.random(14)
    counted = randomisation_test(first.tolist(), second.tolist())
    doubled = randomisation_test([*first, 0.5], [*second, 0.5 + 1e-9])
    assert doubled == pytest.approx(counted, abs=0.03)


def test_a_tie_is_called_a_tie_and_a_difference_a_difference():
    rng = np.random.default_rng(3)
    base = rng.random(60)
    better = compare((base + 0.1).tolist(), base.tolist())
    assert (better.verdict, better.more_questions) == ("better", None)
    assert compare(base.tolist(), (base + 0.1).tolist()).verdict == "worse"
    noise = rng.normal(0, 0.3, 60)
    tie = compare((base + noise - noise.mean() + 0.02).tolist(), base.tolist())
    assert tie.verdict == "tie"
    assert tie.difference.low < 0 < tie.difference.high
    assert tie.more_questions is not None
    assert tie.more_questions > 500  # (2.8 * 0.3 / 0.02)^2 = 1,764
    same = compare([1.0, 0.0], [1.0, 0.0])
    assert (same.verdict, same.more_questions, same.p) == ("tie", None, 1)


def test_more_questions_by_pencil():
    # Deviation 1, mean 0.5: (2.8016 * 2)^2 = 31.4, and 4 are there.
    differences = [0.5 + d for d in (1, -1, 1, -1)]
    spread = np.std(differences, ddof=1)
    wanted = math.ceil((2.801581 * spread / 0.5) ** 2) - 4
    assert more_questions(differences) == wanted
    assert more_questions([0.0, 0.0]) is None
