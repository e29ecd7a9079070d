"""The options of a search: what they change, what they refuse, and that explanations add up."""

import math

import numpy as np
import pytest
from hash_embedder import HashEmbedder

from rag_core import Document, RagPipeline
from rag_core.fusion import convex_combination, reciprocal_rank_fusion
from rag_core.retrieval import FUSIONS, SearchOptions

TEXTS = [
    "The ferry leaves from the old pier at seven.",
    "The ferry leaves from the old pier at eight.",
    "Bread rises on a ferry as it does on land.",
    "A pier of iron stands in the sea.",
    "Bees keep their brood warm in winter.",
    "The ferry costs nothing for dogs and bees.",
]
QUERY = "ferry from the pier"


@pytest.fixture
def embedder():
    return HashEmbedder()


@pytest.fixture
def pipeline(tmp_path, embedder):
    with RagPipeline.open(tmp_path, embedder=embedder) as pipeline:
        pipeline.ingest(Document.from_text(f"{n}.txt", text) for n, text in enumerate(TEXTS))
        yield pipeline


def stage(result, name):
    return next(stage for stage in result.stages if stage.name == name)


def ids(hits):
    return [hit.chunk.id for hit in hits]


def scored(result, name):
    return [(hit.chunk.id, hit.score) for hit in stage(result, name).hits]


# -- fusing ---------------------------------------------------------------------------------


def test_a_convex_search_is_the_combination_of_its_two_stages(pipeline):
    result = pipeline.search(QUERY, k=6, fusion="convex", weights=(0.3, 0.7))
    expected = convex_combination(
        [scored(result, "vector"), scored(result, "keyword")], weights=[0.3, 0.7]
    )
    assert scored(result, "fusion") == expected
    assert ids(result.hits) == [id_ for id_, _ in expected]


def test_rrf_takes_its_k_and_its_weights(pipeline):
    result = pipeline.search(QUERY, k=6, fusion="rrf", rrf_k=3, weights=(2.0, 0.5))
    sides = [ids(stage(result, name).hits) for name in ("vector", "keyword")]
    expected = reciprocal_rank_fusion(sides, k=3, weights=[2.0, 0.5])
    assert scored(result, "fusion") == expected


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize(("weights", "mode"), [((1, 0), "vector"), ((0, 1), "keyword")])
def test_a_side_without_weight_is_not_there(pipeline, fusion, weights, mode):
    one_sided = pipeline.search(QUERY, k=6, fusion=fusion, weights=weights)
    assert ids(one_sided.hits) == ids(pipeline.search(QUERY, k=6, mode=mode).hits)


def test_what_a_side_did_not_find_gets_nothing_from_it(pipeline):
    result = pipeline.search("bread", k=6, fusion="convex", weights=(0.5, 0.5))
    found = set(ids(stage(result, "keyword").hits))
    assert len(found) == 1
    vector = dict(convex_combination([scored(result, "vector")]))
    for hit in result.hits:
        if hit.chunk.id not in found:
            assert hit.score == pytest.approx(0.5 * vector[hit.chunk.id])


def test_candidates_are_how_many_each_side_gives(pipeline):
    result = pipeline.search(QUERY, k=2, candidates=3)
    assert len(stage(result, "vector").hits) == 3
    assert len(stage(result, "keyword").hits) <= 3
    assert len(result.hits) == 2
    wider = pipeline.search(QUERY, k=4, candidates=1)
    assert len(stage(wider, "vector").hits) == 4  # never fewer than are to be shown


# -- reading again, and diversity -----------------------------------------------------------


def test_reranked_is_how_many_are_read_and_never_fewer_than_k(pipeline):
    for reranked, k, read in ((3, 2, 3), (1, 4, 4), (20, 2, 6)):
        result = pipeline.search(QUERY, k=k, reranked=reranked, rerank="late-interaction")
        assert len(stage(result, "rerank").hits) == read
        assert len(result.hits) == k


def test_diversity_puts_the_twin_of_the_first_behind_something_else(pipeline):
    plain = pipeline.search("the ferry leaves from the old pier", k=3, mode="vector")
    twins = {hit.chunk.text for hit in plain.hits[:2]}
    assert twins == set(TEXTS[:2])
    mixed = pipeline.search("the ferry leaves from the old pier", k=3, mode="vector", diversity=0.4)
    assert mixed.hits[0].chunk == plain.hits[0].chunk
    assert mixed.hits[1].chunk.text not in twins
    assert mixed.stages[-1].name == "diversity"
    assert mixed.hits[1].scores["diversity"] == mixed.hits[1].score
    scores = [hit.score for hit in mixed.stages[-1].hits]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("mode", ["vector", "keyword", "hybrid"])
@pytest.mark.parametrize("rerank", [None, "late-interaction"])
def test_a_diversity_of_one_changes_no_order(pipeline, mode, rerank):
    plain = pipeline.search(QUERY, k=6, mode=mode, rerank=rerank)
    again = pipeline.search(QUERY, k=6, mode=mode, rerank=rerank, diversity=1)
    assert ids(again.hits) == ids(plain.hits)


def test_diversity_after_nothing_found_is_nothing(pipeline):
    assert pipeline.search("xylophone", mode="keyword", diversity=0.5).hits == ()


def test_vectors_come_from_wherever_they_are_and_in_order(pipeline, embedder):
    chunks = [chunk for info in pipeline.documents() for chunk in pipeline.chunks(info.id)]
    expected = np.array([embedder.embed_query(chunk.text) for chunk in chunks[::-1]])
    assert np.allclose(pipeline.vectors(chunks[::-1]), expected, atol=1e-6)
    assert pipeline.vectors([]).shape[0] == 0


# -- options that cannot work ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"mode": "both"}, "'both'.*vector, keyword, hybrid"),
        ({"fusion": "sum"}, "'sum'.*rrf, convex"),
        ({"k": 0}, "at least 1, not 0 and 50"),
        ({"candidates": -2}, "at least 1, not 5 and -2"),
        ({"reranked": 0}, "at least 1, not 0"),
        ({"rrf_k": -1}, "at least 0, not -1"),
        ({"weights": (1.0,)}, "1 weights for 2"),
        ({"weights": (-1.0, 1.0)}, "at least 0, not"),
        ({"weights": (0.0, 0.0)}, "above 0, not"),
        ({"diversity": 1.5}, "from 0 to 1, not 1.5"),
        ({"diversity": math.nan}, "from 0 to 1, not nan"),
    ],
)
def test_an_option_out_of_its_range_is_named_with_the_range(pipeline, wrong, said):
    with pytest.raises(ValueError, match=said):
        SearchOptions(**wrong)
    with pytest.raises(ValueError, match=said):
        pipeline.search(QUERY, **wrong)


def test_a_search_by_options_is_the_same_search(pipeline):
    options = SearchOptions(k=3, fusion="convex", rerank="late-interaction", where={"a": 1})
    there = pipeline.search_with(QUERY, options)
    here = pipeline.search(QUERY, k=3, fusion="convex", rerank="late-interaction", where={"a": 1})
    assert there.hits == here.hits
