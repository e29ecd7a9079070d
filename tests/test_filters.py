"""One dialect of filters: the same chunks by keyword, in a real Chroma, and by an oracle."""

import math
import operator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag_core import Chunk, Document, open_store
from rag_core.errors import FilterError
from rag_core.filters import OPERATORS, checked, conditions, matches
from rag_core.keyword import KeywordIndex

DIMENSION = 8
FIELDS = ("year", "name", "tag", "draft", "mixed", "index")
NUMBERS = [0, 1, 2, -3, 1.0, 2.5, 0.0, 2**40, 2000, -2.5, -2]
WORDS = [
    "",
    "a",
    "ab",
    "report",
    "Report 2020",
    "a b",
    "%",
    "_",
    "é",
    "漢字",
    "'",
    '"',
    "1",
    "True",
]
ORDERS = {"$gt": operator.gt, "$gte": operator.ge, "$lt": operator.lt, "$lte": operator.le}


def library() -> list[Chunk]:
    document = Document.from_text("a.txt", "word " * 80)
    rng = np.random.default_rng(5)
    chunks = []
    for n in range(80):
        metadata = {"year": NUMBERS[n % len(NUMBERS)], "name": WORDS[n % len(WORDS)]}
        if n % 2:
            metadata["draft"] = bool(n % 4 == 1)
        if n % 3:
            metadata["tag"] = WORDS[rng.integers(len(WORDS))]
        if n % 5:
            metadata["mixed"] = [True, False, 1, 1.0, 0, "1", "ab", 2.5][rng.integers(8)]
        chunks.append(Chunk.cut(document, n, 5 * n, 5 * n + 4, metadata))
    return chunks


CHUNKS = library()
KEYWORDS = KeywordIndex(CHUNKS)
VECTORS = np.random.default_rng(6).normal(size=(len(CHUNKS), DIMENSION)).astype(np.float32)
VECTORS /= np.linalg.norm(VECTORS, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chroma")
    opened = open_store(f"chroma://{folder}", collection="filters", dimension=DIMENSION)
    opened.upsert(CHUNKS, VECTORS)
    yield opened
    opened.close()


# -- the oracle: written from the dialect's description, knowing neither engine -------------


def kind(value):
    return "number" if type(value) in (int, float) else type(value).__name__


def same(one, other):
    return kind(one) == kind(other) and one == other


def holds(op, value, operand):
    if op == "$eq":
        return same(value, operand)
    if op == "$ne":
        return not same(value, operand)
    if op == "$in":
        return any(same(value, item) for item in operand)
    if op == "$nin":
        return not any(same(value, item) for item in operand)
    if op == "$contains":
        return isinstance(value, str) and operand in value
    return kind(value) == "number" and ORDERS[op](value, operand)


def oracle(where, chunk):
    for key, value in where.items():
        if key == "$and":
            good = all(oracle(part, chunk) for part in value)
        elif key == "$or":
            good = any(oracle(part, chunk) for part in value)
        else:
            found = chunk.index if key == "index" else chunk.metadata.get(key)
            wanted = value if isinstance(value, dict) else {"$eq": value}
            good = all(holds(op, found, operand) for op, operand in wanted.items())
        if not good:
            return False
    return True


numbers, words, flags = (
    st.sampled_from([*NUMBERS, 0.5]),
    st.sampled_from(WORDS),
    st.booleans(),
)
scalars = st.one_of(st.just(2**53 + 1), numbers, words, flags)
lists = st.one_of(*(st.lists(kind, min_size=1, max_size=4) for kind in (numbers, words, flags)))
tests = st.one_of(
    st.tuples(st.sampled_from(["$eq", "$ne"]), scalars),
    st.tuples(st.sampled_from(sorted(ORDERS)), numbers),
    st.tuples(st.sampled_from(["$in", "$nin"]), lists),
    st.tuples(st.just("$contains"), st.sampled_from([word for word in WORDS if word])),
)
asked_of_a_field = st.one_of(scalars, st.lists(tests, min_size=1, max_size=2).map(dict))
simple = st.dictionaries(st.sampled_from(FIELDS), asked_of_a_field, min_size=1, max_size=2)
filters = st.recursive(
    simple,
    lambda inner: st.tuples(
        st.sampled_from(["$and", "$or"]), st.lists(inner, min_size=1, max_size=3)
    ).map(lambda pair: {pair[0]: pair[1]}),
    max_leaves=4,
)


@settings(max_examples=300, deadline=None)
@given(where=filters, asked=st.integers(0, len(CHUNKS) - 1), k=st.integers(1, len(CHUNKS)))
def test_both_modes_find_the_best_of_those_that_match(store, where, asked, k):
    expected = {chunk.id for chunk in CHUNKS if oracle(where, chunk)}
    by_keyword = KEYWORDS.search("word", len(CHUNKS), where)
    assert {hit.chunk.id for hit in by_keyword} == expected
    assert KEYWORDS.search("word", k, where) == by_keyword[:k]
    cosines = VECTORS @ VECTORS[asked]
    order = sorted(range(len(CHUNKS)), key=lambda row: -cosines[row])
    best = [CHUNKS[row].id for row in order if CHUNKS[row].id in expected][:k]
    assert [hit.chunk.id for hit in store.query(VECTORS[asked], k, where)] == best


@given(where=filters)
def test_the_full_form_means_the_same_and_stays_as_it_is(where):
    full = checked(where)
    assert checked(full) == full
    for chunk in CHUNKS[::7]:
        assert matches(full, {**chunk.metadata, "index": chunk.index}) == oracle(where, chunk)


def test_contains_is_case_sensitive_and_takes_no_pattern():
    for text, wanted, expected in [
        ("Annual Report.pdf", "Report", True),
        ("Annual Report.pdf", "report", False),
        ("100%", "%", True),
        ("abc", "a.c", False),
        ("abc", "a%c", False),
        (2020, "20", False),
        (None, "None", False),
    ]:
        metadata = {} if text is None else {"name": text}
        assert matches(checked({"name": {"$contains": wanted}}), metadata) is expected


def test_contains_that_matches_nothing_finds_nothing(store):
    assert store.query(VECTORS[0], 5, {"name": {"$contains": "no such text"}}) == []
    assert KEYWORDS.search("word", 5, {"name": {"$contains": "no such text"}}) == []


def test_contains_over_more_than_one_page_of_chunks(tmp_path):
    document = Document.from_text("b.txt", "x" * 2_500)
    chunks = [Chunk.cut(document, n, n, n + 1, {"name": f"part {n}"}) for n in range(2_500)]
    vectors = np.random.default_rng(1).normal(size=(2_500, DIMENSION)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    opened = open_store(f"chroma://{tmp_path}/c", collection="pages", dimension=DIMENSION)
    opened.upsert(chunks, vectors)
    hits = opened.query(vectors[2_400], 2_000, {"name": {"$contains": "99"}})
    assert {hit.chunk.index for hit in hits} == {n for n in range(2_500) if "99" in str(n)}
    opened.close()


def test_conditions_come_from_every_level():
    where = {"a": 1, "$or": [{"b": {"$gt": 2, "$lt": 5}}, {"$and": [{"c": "x"}, {"d": True}]}]}
    assert sorted(conditions(checked(where))) == [
        ("a", "$eq", 1),
        ("b", "$gt", 2),
        ("b", "$lt", 5),
        ("c", "$eq", "x"),
        ("d", "$eq", True),
    ]


def test_a_fraction_is_compared_as_it_is(store):
    """Chroma by itself takes 2.5 for 2 where it compares it with whole numbers."""
    years = {hit.chunk.metadata["year"] for hit in store.query(VECTORS[0], 80, {"year": 2.5})}
    assert years == {2.5}
    hits = store.query(VECTORS[0], 80, {"year": {"$lt": 2.5, "$gt": 1.5}})
    assert {hit.chunk.metadata["year"] for hit in hits} == {2}


def test_a_chunk_that_goes_while_it_is_looked_for_is_not_missed_by_the_others(store, monkeypatch):
    gone = iter([["gone"], ["gone", CHUNKS[3].id]])
    matching = type(store)._matching
    monkeypatch.setattr(
        type(store), "_matching", lambda self, where: next(gone, None) or matching(self, where)
    )
    hits = store.query(VECTORS[0], 3, {"name": {"$contains": "report"}})
    assert len(hits) == 3
    assert {hit.chunk.metadata["name"] for hit in hits} == {"report"}


@pytest.mark.parametrize(
    ("where", "named"),
    [
        ({"year": {"$in": [1, "1"]}}, "'year' mixes int, str"),
        ({"flag": {"$nin": [True, 1]}}, "'flag' mixes bool, int"),
        ({"year": {"$in": [2**53 + 1, 0.5]}}, "'year' mixes float, int"),
        ({"year": math.nan}, "'year' is compared with nan"),
        ({"year": {"$lt": math.inf}}, "'year' is compared with inf"),
        ({"year": {"$in": [1.0, -math.inf]}}, "'year' is compared with -inf"),
        ({"year": 2**63}, "'year' is compared with a number beyond 64 bits"),
        ({"year": {"$gt": -(2**63) - 1}}, "'year' .* beyond 64 bits"),
        ({"name": "\ud800"}, "'name' .* not valid Unicode"),
        ({"name": {"$contains": ""}}, "on 'name' looks for text"),
        ({"name": {"$contains": 3}}, "on 'name' looks for text, not 3"),
        ({"name": {"$contains": ["a"]}}, "'name' is compared with list"),
        ({"name": {"$like": "a"}}, "known are .*contains"),
    ],
)
def test_what_no_store_can_compare_is_refused_by_name_in_both_modes(store, where, named):
    with pytest.raises(FilterError, match=named):
        KEYWORDS.search("word", 5, where)
    with pytest.raises(FilterError, match=named):
        store.query(VECTORS[0], 5, where)


def test_the_ends_of_64_bits_are_numbers(store):
    for value in (2**63 - 1, -(2**63)):
        assert store.query(VECTORS[0], 5, {"year": value}) == []


def test_lists_of_whole_and_other_numbers_go_together():
    assert checked({"year": {"$in": [1, 2.5]}}) == {"year": {"$in": [1.0, 2.5]}}


def test_every_operator_is_tested_here():
    assert set(OPERATORS) == {"$eq", "$ne", "$in", "$nin", "$contains", *ORDERS}
