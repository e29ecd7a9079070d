"""Lanes, marked words, filters of rows, saved queries and files of the search page."""

import csv
import io
import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_core import Document, FilterError, RagPipeline
from rag_core.retrieval import SearchOptions
from rag_core.search_lab.conditions import (
    OPERATORS,
    Condition,
    conditions_of,
    fields_of,
    where_of,
)
from rag_core.search_lab.export import as_python, changed, hits_csv, stages_json
from rag_core.search_lab.highlights import matched_words
from rag_core.search_lab.lanes import METHODS, options_of, ranks_elsewhere, search_lanes
from rag_core.search_lab.saved import MOST, SavedQueries
from rag_core.terms import terms


@pytest.fixture
def pipeline(tmp_path, hash_embedder):
    with RagPipeline.open(tmp_path / "home", embedder=hash_embedder) as opened:
        opened.ingest(
            [
                Document.from_text("a.txt", "Salt boats sail.", metadata={"year": 1990}),
                Document.from_text("b.txt", "Wool carts roll.", metadata={"year": 1991}),
                Document.from_text("=c.txt", "Boats carry wool.", metadata={"flag": True}),
            ]
        )
        yield opened


# -- marked words -------------------------------------------------------------------------------


def marked(text: str, query: str) -> list[str]:
    return [text[start:end] for start, end in matched_words(text, query)]


@pytest.mark.parametrize(
    ("text", "query", "found"),
    [
        ("Boats, a boat; the boathouse", "boat", ["Boats", "boat"]),
        ("The cat and the hat", "the and", []),
        ("CAFÉ cafe\u0301 cafe", "café", ["CAFÉ", "cafe\u0301"]),
        ("東京都の橋", "東京", ["東京"]),
        ("東京都の橋", "京都の", ["京都の"]),
        ("MSC-0217 was made", "who made MSC-0217?", ["MSC", "0217", "made"]),
        ("", "x", []),
        ("x", "", []),
    ],
)
def test_words_that_share_a_term_are_marked(text, query, found):
    assert marked(text, query) == found


@given(st.text(max_size=60), st.text(max_size=20))
def test_marks_are_in_order_and_hold_a_term_of_the_query(text, query):
    marks = matched_words(text, query)
    assert marks == sorted(marks)
    assert all(start < end <= len(text) for start, end in marks)
    assert all(one[1] <= two[0] for one, two in itertools.pairwise(marks))
    assert all(set(terms(text[start:end])) & set(terms(query)) for start, end in marks)


# -- lanes --------------------------------------------------------------------------------------


def test_every_method_searches_and_keeps_its_own_options(pipeline):
    methods = [name for name in METHODS if name != "cross-encoder"]
    lanes = search_lanes(pipeline, "salt boats", methods, SearchOptions(k=2, candidates=7))
    assert [lane.method for lane in lanes] == methods
    assert all(lane.result and lane.options.candidates == 7 for lane in lanes)
    keyword, vector = lanes[0], lanes[1]
    assert [stage.name for stage in keyword.result.stages] == ["keyword"]
    best = keyword.ids[0]
    assert ranks_elsewhere(lanes, keyword, best)["vector"] == vector.rank_of(best) == 1
    assert keyword.rank_of("unknown") is None


def test_a_method_that_fails_leaves_the_others(pipeline, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setitem(METHODS, "cross-encoder", {"rerank": f"cross-encoder:{tmp_path}/none"})
    lanes = search_lanes(pipeline, "boats", ["cross-encoder", "keyword"], SearchOptions())
    assert lanes[0].result is None
    assert lanes[0].error
    assert lanes[0].hint
    assert lanes[1].ids


def test_an_unknown_method_names_the_known():
    with pytest.raises(ValueError, match="keyword, vector, hybrid"):
        options_of("sorcery", SearchOptions())


# -- filters of rows ----------------------------------------------------------------------------


def test_fields_are_those_that_chunks_have(pipeline):
    fields = {field.name: field for field in fields_of(pipeline.home.catalog.chunks("default"))}
    assert set(fields) == {"flag", "index", "name", "year"}
    assert fields["year"].numeric
    assert not fields["flag"].numeric
    assert set(fields["name"].values) == {"a.txt", "b.txt", "=c.txt"}


values = st.one_of(st.integers(-5, 5), st.text(max_size=5), st.booleans())
rows = st.one_of(
    st.builds(Condition, st.sampled_from("abc"), st.sampled_from(["is", "is not"]), values),
    st.builds(
        Condition,
        st.sampled_from("abc"),
        st.sampled_from(["at least", "less than"]),
        st.integers(-(2**60), 2**60),
    ),
    st.builds(
        Condition,
        st.sampled_from("abc"),
        st.sampled_from(["is one of", "is none of"]),
        st.lists(st.text(max_size=3), min_size=1, max_size=3),
    ),
)


@given(st.lists(rows, min_size=2, max_size=4), st.booleans())
def test_rows_become_a_filter_and_come_back(conditions, every):
    where = where_of(conditions, every=every)
    assert conditions_of(where) == (conditions, every)


def test_no_row_is_no_filter_and_nesting_is_no_rows():
    assert where_of([]) is None
    assert conditions_of(None) == ([], True)
    assert conditions_of({"$or": [{"a": 1}, {"$and": [{"b": 1}, {"c": 2}]}]}) is None
    assert conditions_of({"year": 3}) == ([Condition("year", "is", 3)], True)


def test_a_wrong_row_is_refused():
    with pytest.raises(FilterError, match="by moonlight"):
        where_of([Condition("a", "by moonlight", 1)])
    with pytest.raises(FilterError):
        where_of([Condition("a", "at least", "text")])
    assert set(OPERATORS.values()) >= {"$eq", "$ne", "$in", "$nin", "$gte", "$contains"}


# -- saved queries ------------------------------------------------------------------------------


def test_saved_queries_keep_their_order_across_restarts(tmp_path, hash_embedder):
    for step in range(3):
        with RagPipeline.open(tmp_path, embedder=hash_embedder) as pipeline:
            saved = SavedQueries(pipeline.home.settings, "default")
            saved.add(f" query {step} ")
            saved.add("query 0")
    assert [f"query {step}" for step in range(3)] == ["query 0", "query 1", "query 2"]
    with RagPipeline.open(tmp_path, embedder=hash_embedder) as pipeline:
        saved = SavedQueries(pipeline.home.settings, "default")
        assert saved.list() == ["query 0", "query 1", "query 2"]
        saved.remove("query 1")
        saved.remove("unknown")
        assert saved.list() == ["query 0", "query 2"]
        with pytest.raises(ValueError, match="empty"):
            saved.add("  ")
        for place in range(MOST - 2):
            saved.add(f"more {place}")
        with pytest.raises(ValueError, match=f"{MOST} are the most"):
            saved.add("one too many")


# -- files --------------------------------------------------------------------------------------


@pytest.fixture
def lanes(pipeline):
    return search_lanes(pipeline, "boats wool", ["keyword", "hybrid"], SearchOptions(k=3))


def test_hits_as_csv_are_no_formulas(lanes):
    rows = list(csv.DictReader(io.StringIO(hits_csv(lanes).decode("utf-8-sig"))))
    assert {row["method"] for row in rows} == {"keyword", "hybrid"}
    assert "'=c.txt" in {row["document"] for row in rows}
    assert rows[0]["rank"] == "1"


def test_stages_as_json(lanes):
    found = json.loads(stages_json("boats wool", lanes))
    hybrid = found["methods"][1]
    assert [stage["name"] for stage in hybrid["stages"]] == ["embed", "vector", "keyword", "fusion"]
    assert hybrid["options"] == {"k": 3}
    assert "fusion" in hybrid["stages"][-1]["hits"][0]["scores"]


def test_the_script_makes_the_same_searches(pipeline, lanes, monkeypatch, capsys):
    script = as_python("boats 'wool'", "default", lanes)
    monkeypatch.setattr(RagPipeline, "open", lambda **_: pipeline)
    monkeypatch.setattr(RagPipeline, "__exit__", lambda *_: None)
    exec(compile(script, "script.py", "exec"), {})
    printed = capsys.readouterr().out
    assert printed.splitlines()[0] == "keyword"
    assert "=c.txt 0 17" in printed


def test_only_what_differs_is_written():
    assert changed(SearchOptions()) == {}
    assert changed(SearchOptions(k=9, fusion="rrf")) == {"k": 9, "fusion": "rrf"}
