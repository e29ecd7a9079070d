"""Tipping points against trying every value; overlaps and flows by pencil."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag_core.datatypes import Chunk, SearchHit, SearchResult, Stage
from rag_core.rank_flow import overlap_at, overlaps, rank_flow
from rag_core.retrieval import SearchOptions, fused
from rag_core.tipping import TippingPoints, tipping_points


def side(name, scored):
    order = sorted(scored.items(), key=lambda item: (-item[1], item[0]))
    return Stage(
        name,
        tuple(
            SearchHit(Chunk(id_, "d", 0, 0, 1, id_), rank, score, {name: score})
            for rank, (id_, score) in enumerate(order, start=1)
        ),
        0.0,
    )


def ordered(name, ids):
    return side(name, {id_: float(-place) for place, id_ in enumerate(ids)})


def searched(vector, keyword):
    return SearchResult("q", (), (Stage("embed", (), 0.0), vector, keyword))


SCORED = st.dictionaries(
    st.sampled_from("abcdefghijkl"), st.integers(-40, 40).map(lambda n: n / 8), max_size=9
)
WEIGHTS = st.tuples(st.integers(0, 8), st.integers(0, 8)).filter(any)


def check(reigns, low, high, points, winner_at):
    """Every tried value lies in the reign of its winner, or on a border."""
    assert reigns[0].low == low
    assert reigns[-1].high == high
    assert all(a.high == b.low and a.winner != b.winner for a, b in pairwise(reigns))
    for point in points:
        near = [reign for reign in reigns if reign.low - 1e-5 <= point <= reign.high + 1e-5]
        inside = [reign for reign in near if reign.low + 1e-5 < point < reign.high - 1e-5]
        if inside:
            assert inside[0].winner == winner_at(point)


@settings(max_examples=150, deadline=None)
@given(SCORED, SCORED, WEIGHTS, st.integers(0, 200), st.sampled_from(["rrf", "convex"]))
def test_tipping_points_are_where_trying_every_value_finds_them(a, b, weights, k, fusion):
    if not a and not b:
        return
    sides = [side("vector", a), side("keyword", b)]
    options = SearchOptions(weights=weights, rrf_k=k, fusion=fusion)
    points = tipping_points(searched(*sides), options)

    def first(**changed):
        kept = {"weights": weights, "rrf_k": k, "fusion": fusion}
        return fused(sides, SearchOptions(**{**kept, **changed}))[0].chunk.id

    shares = [n / 101 for n in range(1, 101)]
    check(points.weight, 0, 1, shares, lambda w: first(weights=(w, 1 - w)))
    if fusion == "rrf" and not fused(sides, options):
        assert points.rrf_k == ()  # the side that counts found nothing
    elif fusion == "rrf":
        ks = [n / 7 for n in range(0, 1400, 3)]
        check(points.rrf_k, 0, 200, ks, lambda value: first(rrf_k=value))
    else:
        assert points.rrf_k == ()


def test_a_tipping_k_by_pencil():
    # a: 1/(k+1); c: 1/(k+3) + 1/(k+4). They meet where (k+3)(k+4) = (2k+7)(k+1)
    result = searched(ordered("vector", "abc"), ordered("keyword", "defc"))
    reigns = tipping_points(result, SearchOptions(fusion="rrf")).rrf_k
    k = (-2 + 24**0.5) / 2
    assert [(r.winner, round(r.low, 6), round(r.high, 6)) for r in reigns] == [
        ("a", 0, round(k, 6)),
        ("c", round(k, 6), 200),
    ]


def test_a_tipping_weight_by_pencil():
    result = searched(
        side("vector", {"a": 1.0, "b": 0.75, "x": 0.0}), side("keyword", {"b": 2.0, "y": 0.0})
    )
    reigns = tipping_points(result, SearchOptions(fusion="convex")).weight
    assert [(r.winner, r.low, r.high) for r in reigns] == [("b", 0, 0.8), ("a", 0.8, 1)]


def test_three_that_meet_in_one_point():
    # at w = 1/2 all three score 1/2; before it c reigns, behind it a, and b never alone
    result = searched(
        side("vector", {"a": 1.0, "b": 0.5, "c": 0.0}),
        side("keyword", {"c": 1.0, "b": 0.5, "a": 0}),
    )
    reigns = tipping_points(result, SearchOptions(fusion="convex")).weight
    assert [(r.winner, r.low, r.high) for r in reigns] == [
        ("c", 0, pytest.approx(0.5)),
        ("a", pytest.approx(0.5), 1),
    ]


def test_without_two_sides_or_hits_nothing_tips():
    one = SearchResult("q", (), (ordered("keyword", "ab"),))
    assert tipping_points(one, SearchOptions(mode="keyword")) == TippingPoints()
    none = searched(ordered("vector", ""), ordered("keyword", ""))
    assert tipping_points(none, SearchOptions()) == TippingPoints()


def test_an_only_hit_reigns_everywhere():
    points = tipping_points(
        searched(ordered("vector", "a"), ordered("keyword", "")), SearchOptions(fusion="rrf")
    )
    assert [(r.winner, r.low, r.high) for r in points.rrf_k] == [("a", 0, 200)]
    assert [(r.winner, r.low, r.high) for r in points.weight] == [("a", 0, 1)]


# -- ranks ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "k", "share"),
    [
        ("abcd", "bade", 2, 1.0),
        ("abcd", "bade", 3, 2 / 3),
        ("abcd", "wxyz", 4, 0.0),
        ("ab", "abcd", 4, 0.5),
        ("ab", "ba", 10, 1.0),
        ("", "", 3, 1.0),
        ("a", "", 3, 0.0),
    ],
)
def test_overlap(first, second, k, share):
    assert overlap_at(first, second, k) == pytest.approx(share)
    assert overlap_at(second, first, k) == pytest.approx(share)


def test_overlaps_of_every_two_and_a_bad_k():
    found = overlaps({"vector": "abc", "keyword": "abd", "hybrid": "abc"}, 3)
    assert [(o.first, o.second) for o in found] == [
        ("vector", "keyword"),
        ("vector", "hybrid"),
        ("keyword", "hybrid"),
    ]
    assert [o.share for o in found] == pytest.approx([2 / 3, 1, 2 / 3])
    with pytest.raises(ValueError, match="not 0"):
        overlap_at("a", "b", 0)


def test_a_flow_names_every_stage_and_the_ranks_there():
    result = searched(ordered("vector", "ab"), ordered("keyword", "cb"))
    result = SearchResult("q", (), (*result.stages, ordered("fusion", "bac")))
    flows = rank_flow(result)
    assert {flow.chunk.id: flow.ranks for flow in flows} == {
        "b": (("vector", 2), ("keyword", 2), ("fusion", 1)),
        "a": (("vector", 1), ("keyword", None), ("fusion", 2)),
        "c": (("vector", None), ("keyword", 1), ("fusion", 3)),
    }
    assert [flow.chunk.id for flow in flows] == ["b", "a", "c"]
    assert [flow.chunk.id for flow in rank_flow(result, top=1)] == ["b", "c", "a"]
    with pytest.raises(ValueError, match="not 0"):
        rank_flow(result, top=0)
