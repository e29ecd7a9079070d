"""The search page through Streamlit's own test driver: every panel, filters, saved queries."""

import json
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from rag_core import Document
from rag_core.collection_settings import SearchDefaults, use_search
from rag_core.evaluation import CollectionQuestions
from rag_core.search_lab.saved import SavedQueries
from ui import services
from ui.search_lab import controls

ROOT = Path(__file__).resolve().parent.parent
QUERY = "boat with salt"


@pytest.fixture(autouse=True)
def _fresh_server(monkeypatch, hash_embedder):
    """A server of its own for every test, with a quick embedder in place of the model."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("rag_core.collection_settings.open_embedder", lambda *_: hash_embedder)
    st.cache_resource.clear()
    st.cache_data.clear()
    yield
    for opened in list(services.pipeline("default").home._open.values()):
        while opened._users > 0:
            opened.close()
    st.cache_resource.clear()


@pytest.fixture
def library():
    documents = [
        Document.from_text(
            f"{what}.txt",
            "\n\n".join(
                f"The {what} number {n} carries {load} to the market. " * 8 for n in range(3)
            ),
            metadata={"year": 1990 + place, "kind": "craft" if place % 2 else "vessel"},
        )
        for place, (what, load) in enumerate(
            [("boat", "salt"), ("cart", "salt"), ("boat house", "rope"), ("raft", "wool")]
        )
    ]
    services.pipeline("default").ingest(documents)
    return services.pipeline("default")


def run(**query) -> AppTest:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    at.run()
    for name, value in query.items():
        at.query_params[name] = value
    at.switch_page("pages/search_page.py").run()
    assert not at.exception
    return at


def said(at: AppTest) -> str:
    kinds = (at.markdown, at.caption, at.info, at.warning, at.subheader, at.error, at.success)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def linked(at: AppTest) -> dict:
    """The filter in the address bar."""
    value = at.query_params["where"]
    return json.loads(value[0] if isinstance(value, list) else value)


def test_an_empty_collection_says_what_to_do():
    assert "Add documents on the Upload page" in said(run(q=QUERY))


def test_no_query_and_no_method_say_what_to_do(library):
    assert "Type a query above" in said(run())
    at = run(q=QUERY)
    at.get_by_key("methods").set_value([]).run()
    assert "Choose at least one method" in said(at)


@pytest.mark.parametrize("panel", controls.PANELS)
def test_every_panel_opens_with_a_query(panel, library):
    at = run(panel=panel, q=QUERY)
    assert not at.error


@pytest.mark.parametrize("panel", controls.PANELS)
@pytest.mark.parametrize("query", ["zebra", "?", "the of and", "<b>boat</b> $x$ `salt`"])
def test_every_panel_takes_queries_that_find_little(panel, query, library):
    at = run(panel=panel, q=query, methods=["keyword", "hybrid"])
    assert not at.error


def test_columns_hold_hits_with_their_rank_in_the_others(library):
    text = said(run(q=QUERY, methods=["keyword", "vector", "hybrid"], fusion="rrf"))
    assert "**keyword**" in text
    assert "BM25 " in text
    assert "cosine 0." in text
    assert "RRF 0.0" in text
    assert "vec 1" in text
    assert "hyb 1" in text
    assert "%" not in text


def test_a_reranker_that_cannot_be_had_says_why_and_the_others_go_on(
    library, monkeypatch, tmp_path
):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    at = run(q=QUERY, methods=["keyword", "cross-encoder"])
    assert "has not been down" in str(at.error[0].value)
    assert "**1** · boat" in said(at)


def test_a_filter_in_the_link_is_used_and_can_be_edited(library):
    where = json.dumps({"$and": [{"kind": {"$eq": "craft"}}, {"year": {"$gte": 1991}}]})
    at = run(q=QUERY, methods=["keyword"], where=where)
    text = said(at)
    assert "cart" in text
    assert "boat.txt" not in text.replace("\\", "")
    at.button(key="remove-0").click().run()
    assert not at.exception
    assert linked(at) == {"year": {"$gte": 1991}}
    at.button(key="clear_rows").click().run()
    assert "where" not in at.query_params
    assert "boat.txt" in said(at).replace("\\", "")


def test_a_row_of_the_filter_offers_what_is_there(library):
    at = run(q=QUERY, methods=["vector"])
    at.button(key="add_row").click().run()
    at.selectbox(key="field-0").set_value("kind").run()
    assert set(at.selectbox(key="value-0-kind-is").options) == {"craft", "vessel"}
    at.selectbox(key="operator-0-kind").set_value("contains").run()
    at.text_input(key="value-0-kind-contains").set_value("ess").run()
    assert not at.exception
    assert not at.error
    text = said(at).replace("\\", "")
    assert "boat.txt" in text
    assert "cart.txt" not in text


def test_queries_are_saved_and_stepped_through(library):
    at = run(q=QUERY)
    at.button(key="save_query").click().run()
    assert SavedQueries(library.home.settings, "default").list() == [QUERY]
    at = run(q="wool on a raft")
    at.button(key="save_query").click().run()
    at.button(key="next_query").click().run()
    assert at.text_input(key="q").value == QUERY
    at.button(key="forget_query").click().run()
    assert not at.exception
    assert SavedQueries(library.home.settings, "default").list() == ["wool on a raft"]


def test_where_it_died(library):
    at = run(
        panel="Lost", q="salt", lost_method="keyword", lost_doc="raft.txt", methods=["keyword"],
        lost_text_typed="The raft number 1 carries wool",
    )  # fmt: skip
    assert "It died here: **ranked**" in said(at)
    at = run(
        panel="Lost", q="raft wool", lost_method="keyword", lost_doc="raft.txt",
        methods=["keyword"], lost_text_typed="The raft number 1 carries wool",
    )  # fmt: skip
    assert "It is there, at rank" in said(at)
    at = run(panel="Lost", q="salt", lost_doc="raft.txt", lost_text_typed="no such words")
    assert "does not stand in" in said(at)


def test_what_if_needs_a_hybrid(library):
    assert "Choose a hybrid method" in said(run(panel="What if", q=QUERY, methods=["keyword"]))
    at = run(panel="What if", q=QUERY, methods=["hybrid"], fusion="rrf")
    before = at.dataframe[0].value
    assert before["Sum"][0].startswith("1 / (60 + ")
    at.slider(key="if_share").set_value(0.0).run()
    after = at.dataframe[0].value
    assert "0 / (" not in " ".join(after["Sum"])
    assert list(after["Rank"]) == list(range(1, len(after) + 1))


@pytest.mark.parametrize(
    "query",
    [
        {"k": "0"}, {"rrf_k": "-7"}, {"methods": "sorcery"}, {"panel": "Nothing"},
        {"where": "{"}, {"where": '{"$where": 1}'}, {"where": '{"nofield": 3}'},
        {"where": "[" * 5000}, {"fusion": "x"}, {"share": "9"},
        {"lost_doc": "../x", "panel": "Lost"},
        {"diverse": "true", "balance": "2"},
    ],
)  # fmt: skip
def test_a_spoilt_link_opens_the_page_all_the_same(query, library):
    run(q=QUERY, **query)


def test_a_thumb_makes_a_question_and_takes_it_back(library, monkeypatch):
    own = CollectionQuestions(library.home.settings, "default")
    at = run(q=QUERY, methods=["keyword", "hybrid"])
    at.button(key="good-keyword-1").click().run()
    assert not at.exception
    (question,) = own.list()
    assert (question.text, question.kind) == (QUERY, "thumb")
    assert (
        question.golds[0].text
        in library.document(
            next(i.id for i in library.documents() if i.name == question.golds[0].document)
        ).text
    )
    marked = [button for button in at.button if button.label == "Answers it"]
    assert marked  # in every lane that found the same chunk
    marked[0].click().run()
    assert own.list() == []
    monkeypatch.setenv("RAGSCOPE_READ_ONLY", "1")
    assert not [b for b in run(q=QUERY, methods=["keyword"]).button if b.label == "Good"]


def test_the_collection_s_own_settings_are_where_the_page_begins(library):
    assert f"by late interaction, k {SearchDefaults().k}" in said(run(q=QUERY))
    chosen = SearchDefaults("hybrid", 7, "cross-encoder")
    use_search(library.home.settings, "default", chosen)
    at = run()
    assert at.slider(key="k").value == 7
    assert "cross-encoder" in at.get_by_key("methods").value
    assert "encoder, k 7" in said(at)
