"""Fusion, filters, terms, BM25 and late interaction against numbers one can check by pencil."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_core.datatypes import Chunk, Document, SearchHit
from rag_core.errors import FilterError
from rag_core.filters import checked, matches
from rag_core.fusion import reciprocal_rank_fusion
from rag_core.keyword import K1, B, KeywordIndex
from rag_core.late_interaction import TokenCache, TokenMemory, maxsim, within
from rag_core.protocols import TokenVectors
from rag_core.rerankers import reranked
from rag_core.terms import STOP_WORDS, terms


def chunks_of(*texts: str) -> list[Chunk]:
    documents = [Document.from_text(f"{n}.txt", text) for n, text in enumerate(texts)]
    return [Chunk.cut(document, 0, 0, len(document.text)) for document in documents]


# -- fusion ---------------------------------------------------------------------------------


def test_fusion_adds_one_over_k_plus_rank():
    fused = reciprocal_rank_fusion([["a", "b"], ["b", "c"]], k=60)
    assert fused == [("b", 1 / 62 + 1 / 61), ("a", 1 / 61), ("c", 1 / 62)]


def test_fusion_weights_each_ranking():
    fused = reciprocal_rank_fusion([["a"], ["b"]], k=0, weights=[1.0, 3.0])
    assert fused == [("b", 3.0), ("a", 1.0)]


def test_fusion_breaks_ties_by_id():
    assert [id_ for id_, _ in reciprocal_rank_fusion([["b"], ["a"]])] == ["a", "b"]


def test_fusion_counts_a_repeated_id_once_at_its_better_place():
    assert reciprocal_rank_fusion([["a", "b", "a"]], k=1) == [("a", 1 / 2), ("b", 1 / 3)]


@pytest.mark.parametrize("rankings", [[], [[]], [[], []]])
def test_fusion_of_nothing_is_nothing(rankings):
    assert reciprocal_rank_fusion(rankings) == []


def test_fusion_names_both_numbers_when_weights_do_not_fit():
    with pytest.raises(ValueError, match="1 weights for 2 rankings"):
        reciprocal_rank_fusion([["a"], ["b"]], weights=[1.0])
    with pytest.raises(ValueError, match="not -1"):
        reciprocal_rank_fusion([["a"]], k=-1)


@given(st.lists(st.lists(st.integers(0, 20), unique=True), max_size=4))
def test_fusion_does_not_depend_on_the_order_of_the_rankings(rankings):
    there = dict(reciprocal_rank_fusion(rankings))
    back = dict(reciprocal_rank_fusion(rankings[::-1]))
    assert there.keys() == back.keys()
    assert all(math.isclose(there[id_], back[id_]) for id_ in there)


# -- filters --------------------------------------------------------------------------------

META = {"year": 2020, "name": "a.pdf", "draft": True, "score": 0.5}


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"year": 2020}, True),
        ({"year": {"$ne": 2020}}, False),
        ({"year": {"$gt": 2019, "$lt": 2021}}, True),
        ({"year": {"$gte": 2021}}, False),
        ({"year": {"$lte": 2020}}, True),
        ({"name": {"$in": ["a.pdf", "b.pdf"]}}, True),
        ({"name": {"$nin": ["a.pdf"]}}, False),
        ({"name": "a.pdf", "year": 2019}, False),
        ({"$or": [{"year": 1}, {"name": "a.pdf"}]}, True),
        ({"$and": [{"year": 2020}, {"score": {"$lt": 0.1}}]}, False),
        ({"missing": {"$ne": 1}}, True),
        ({"missing": {"$nin": [1]}}, True),
        ({"missing": {"$eq": 1}}, False),
        ({"missing": {"$gt": 1}}, False),
        ({"draft": True}, True),
        ({"draft": 1}, False),
        ({"name": {"$gt": 3}}, False),
    ],
)
def test_filters(where, expected):
    assert matches(checked(where), META) is expected


@pytest.mark.parametrize(
    ("where", "named"),
    [
        ({}, "empty"),
        ({"a": {"$like": "x"}}, r"\$like"),
        ({"$not": []}, r"\$not"),
        ({"$and": []}, r"\$and"),
        ({"$or": "x"}, r"\$or"),
        ({"a": {}}, "a"),
        ({"a": {"$in": "abc"}}, r"\$in"),
        ({"a": {"$in": []}}, r"\$in"),
        ({"a": {"$gt": "x"}}, r"\$gt"),
        ({"a": None}, "a"),
        ({"a": [1]}, "a"),
        ({1: 2}, "1"),
    ],
)
def test_a_malformed_filter_is_named(where, named):
    with pytest.raises(FilterError, match=named) as caught:
        checked(where)
    assert caught.value.hint


# -- terms ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The running dogs", ["run", "dog"]),
        ("E-417 and HN2207", ["e", "417", "hn2207"]),
        ("Café CAFÉ cafe\u0301", ["café", "café", "café"]),
        ("Straße STRASSE", ["strass", "strass"]),
        ("Привет, мир", ["привет", "мир"]),
        ("हिन्दी", ["हिन्दी"]),
        ("東京都", ["東京", "京都"]),
        ("水", ["水"]),
        ("ﬁne ﬁsh", ["fine", "fish"]),
        ("... !?", []),
        ("", []),
    ],
)
def test_terms(text, expected):
    assert terms(text) == expected


def test_terms_switches():
    assert terms("the dogs", stem=False, stop_words=False) == ["the", "dogs"]
    assert "not" in STOP_WORDS


@given(st.text())
def test_every_text_has_terms_or_none_and_never_fails(text):
    assert all(isinstance(term, str) and term for term in terms(text))


# -- BM25 -----------------------------------------------------------------------------------


def test_bm25_by_pencil():
    index = KeywordIndex(chunks_of("apple apple pear", "apple plum", "cherry"))
    (first, second) = index.search("apple", k=5)
    idf = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    mean = (3 + 2 + 1) / 3
    expected = idf * 2 * (K1 + 1) / (2 + K1 * (1 - B + B * 3 / mean))
    assert first.score == pytest.approx(expected, rel=1e-6)
    assert first.chunk.text == "apple apple pear"
    assert second.score == pytest.approx(idf * (K1 + 1) / (1 + K1 * (1 - B + B * 2 / mean)))
    assert (first.rank, second.rank) == (1, 2)
    assert first.scores == {"keyword": first.score}


@pytest.mark.parametrize("size", [1, 2, 3, 10])
def test_tiny_libraries_still_find_the_only_match(size):
    index = KeywordIndex(chunks_of("the tower was built in 1889", *(["rain"] * (size - 1))))
    hits = index.search("when was the tower built", k=3)
    assert [hit.chunk.text for hit in hits] == ["the tower was built in 1889"]
    assert hits[0].score > 0


def test_a_term_in_every_chunk_still_matches():
    hits = KeywordIndex(chunks_of("bees a", "bees b", "bees c")).search("bees", k=5)
    assert len(hits) == 3
    assert all(hit.score > 0 for hit in hits)


def test_only_chunks_with_a_term_are_found():
    index = KeywordIndex(chunks_of("north wind", "south sea"))
    assert index.search("the of and", k=5) == []
    assert index.search("mountain", k=5) == []
    assert [hit.chunk.text for hit in index.search("sea", k=5)] == ["south sea"]


def test_ties_break_by_id_also_at_the_cut():
    index = KeywordIndex(chunks_of(*(["same words"] * 9)))
    ids = [hit.chunk.id for hit in index.search("same", k=9)]
    assert ids == sorted(ids)
    assert [hit.chunk.id for hit in index.search("same", k=4)] == ids[:4]


def test_an_empty_index_and_a_bad_k():
    assert KeywordIndex([]).search("x", k=1) == []
    assert KeywordIndex(chunks_of("...")).search("x", k=1) == []
    with pytest.raises(ValueError, match="not 0"):
        KeywordIndex([]).search("x", k=0)


def test_keyword_search_filters():
    one, two = chunks_of("apple", "apple")
    index = KeywordIndex([one, two])
    hits = index.search("apple", k=5, where={"document_id": one.document_id})
    assert [hit.chunk for hit in hits] == [one]


@given(st.lists(st.text(min_size=1, max_size=30), max_size=8), st.text(max_size=30))
def test_found_chunks_hold_a_term_of_the_query(texts, query):
    chunks = {chunk.id: chunk for chunk in chunks_of(*texts)}
    hits = KeywordIndex(chunks.values()).search(query, k=len(texts) + 1)
    wanted = set(terms(query))
    matching = {id_ for id_, chunk in chunks.items() if wanted & set(terms(chunk.text))}
    assert {hit.chunk.id for hit in hits} == matching


# -- late interaction -----------------------------------------------------------------------


def test_maxsim_is_the_mean_of_the_best_matches():
    query = np.array([[1, 0], [0, 1]], dtype=np.float32)
    text = np.array([[1, 0], [0.6, 0.8]], dtype=np.float32)
    assert maxsim(query, text) == pytest.approx((1.0 + 0.8) / 2)
    assert maxsim(query, text[:0]) == -1.0


class CountingTokens:
    max_tokens = 100

    def __init__(self) -> None:
        self.read: list[str] = []

    def embed_tokens(self, texts):
        self.read += texts
        return [
            TokenVectors(
                np.eye(3, dtype=np.float32)[: len(text) % 3 + 1],
                np.array([(i, i + 1) for i in range(len(text) % 3 + 1)], dtype=np.int64),
            )
            for text in texts
        ]

    def count_tokens(self, texts):
        return [len(text) % 3 + 1 for text in texts]


def test_the_token_cache_reads_each_text_once_and_stays_within_its_bound():
    tokens = CountingTokens()
    cache = TokenCache(tokens, memory=TokenMemory(10_000))
    cache.vectors(["aa", "b", "aa"])
    cache.vectors(["b", "aa"])
    assert tokens.read == ["aa", "b"]
    small = TokenCache(tokens, memory=TokenMemory(1))
    assert len(small.vectors(["x", "y", "z"])) == 3
    tokens.read.clear()
    small.vectors(["z"])
    assert tokens.read == []
    small.vectors(["x"])
    assert tokens.read == ["x"]


def test_token_caches_share_their_room_and_not_their_vectors():
    one, two = CountingTokens(), CountingTokens()
    memory = TokenMemory(3 * 40)  # a vector of three numbers and its two offsets: 28 bytes
    first, second = TokenCache(one, memory=memory), TokenCache(two, memory=memory)
    first.vectors(["aaa"])
    second.vectors(["aaa"])
    assert (one.read, two.read) == (["aaa"], ["aaa"])
    second.vectors(["bbb", "ccc", "ddd"])
    second.vectors(["ddd"])
    assert two.read == ["aaa", "bbb", "ccc", "ddd"]
    first.vectors(["aaa"])
    assert one.read == ["aaa", "aaa"]


def test_within_takes_the_tokens_inside_the_characters():
    vectors = np.eye(4, dtype=np.float32)
    offsets = np.array([(0, 3), (4, 7), (7, 8), (9, 12)], dtype=np.int64)
    assert np.array_equal(within(TokenVectors(vectors, offsets), 4, 8), vectors[1:3])


def test_reranked_keeps_every_hit_and_all_scores():
    hits = [
        SearchHit(chunk, rank, 1.0 / rank, {"vector": 1.0 / rank})
        for rank, chunk in enumerate(chunks_of("a", "b", "c"), start=1)
    ]
    again = reranked(hits, [0.1, 0.9, 0.9], "judge")
    assert {hit.chunk.id for hit in again} == {hit.chunk.id for hit in hits}
    assert [hit.rank for hit in again] == [1, 2, 3]
    assert again[-1].chunk == hits[0].chunk
    assert [hit.chunk.id for hit in again[:2]] == sorted(hit.chunk.id for hit in hits[1:])
    assert again[-1].scores == {"vector": 1.0, "judge": 0.1}
