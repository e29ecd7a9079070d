"""The chunking page through Streamlit's own test driver: cold, linked, empty, pasted, kept."""

import json
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from rag_core import Document
from ui import services
from ui.chunk_lab import controls

ROOT = Path(__file__).resolve().parent.parent
HANDBOOK = "book-store-handbook.md (sample)"
QUESTION = "How much oxygen is left in the air of the book vault?"
GOLD = "8631-8728"


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


def run(**query) -> AppTest:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    at.run()
    for name, value in query.items():
        at.query_params[name] = value
    at.switch_page("pages/chunking_page.py").run()
    assert not at.exception
    return at


def data_of(at: AppTest) -> dict:
    """What the text map was given."""
    [element] = at.get("bidi_component")
    return json.loads(element.proto.json)


def texts(at: AppTest) -> str:
    kinds = (at.markdown, at.caption, at.info, at.warning, at.subheader, at.error)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def test_a_cold_page_shows_a_sample_cut_three_ways():
    data = data_of(run())
    assert [column["title"] for column in data["columns"]] == ["recursive", "fixed", "sentence"]
    assert data["text"].startswith("# Heron")


def test_a_link_opens_the_same_view():
    at = run(
        doc="bridge-history.txt (sample)", strategies=["fixed", "paragraph"], unit="words",
        question="Who paid?", gold="10-60", **{"size-words": "200", "overlap-words": "40"},
    )  # fmt: skip
    data = data_of(at)
    assert [c["size"] for c in data["columns"]] == ["200 words, overlap 40", "200 words"]
    assert data["mark"] == [10, 60]
    assert at.text_input(key="question").value == "Who paid?"


def test_each_strategy_can_have_its_own_size():
    at = run(strategies=["fixed", "sentence"], own="true")
    at.number_input(key="size-sentence-sentences").set_value(3).run()
    at.number_input(key="size-fixed-characters").set_value(400).run()
    assert not at.exception
    sizes = [column["size"] for column in data_of(at)["columns"]]
    assert sizes == ["400 characters, overlap 150", "3 sentences, overlap 1"]


def test_a_size_of_another_unit_is_not_taken_over():
    at = run()
    at.get_by_key("unit").set_value("tokens").run()
    assert not at.exception
    assert at.slider(key="size-tokens").value == 200
    assert data_of(at)["columns"][0]["size"] == "200 tokens, overlap 30"


@pytest.mark.parametrize("panel", controls.PANELS)
def test_every_panel_opens_cold(panel):
    at = run(panel=panel)
    assert not at.error


@pytest.mark.parametrize("panel", controls.PANELS)
def test_every_panel_opens_with_all_strategies_a_question_and_its_answer(panel):
    names = ["recursive", "fixed", "sentence", "paragraph", "semantic", "markdown"]
    at = run(panel=panel, strategies=names, question=QUESTION, gold=GOLD, ranks="true")
    assert not at.error


def test_pasted_text():
    at = run(doc="Pasted text")
    assert "Paste a text" in texts(at)
    at.text_area(key="pasted").set_value("<b>One</b> sentence. " * 200).run()
    assert not at.exception
    assert data_of(at)["text"].startswith("<b>One</b> sentence.")


def test_too_few_strategies_and_what_to_do():
    assert "two to six strategies" in texts(run(strategies="fixed"))


def test_a_library_document_and_one_without_text():
    documents = [Document.from_text("notes.txt", "A note. " * 90), Document.from_text("e.txt", " ")]
    services.pipeline("default").ingest(documents)
    data = data_of(run(doc="notes.txt (library)"))
    assert data["text"].startswith("A note.")
    assert "no text" in texts(run(doc="e.txt (library)"))


def test_a_known_question_fills_question_and_answer():
    at = run()
    at.selectbox(key="known").select_index(0).run()
    assert not at.exception
    assert at.text_input(key="question").value == at.selectbox(key="known").value
    start, end = (int(part) for part in at.text_input(key="gold").value.split("-"))
    assert data_of(at)["mark"] == [start, end]


def test_an_answer_that_is_not_there_is_said():
    assert "does not stand in" in texts(run(gold="no such words"))


def test_the_question_panel_judges_and_counts_ratings():
    at = run(panel="Question", question=QUESTION, gold=GOLD, strategies=["fixed", "sentence"])
    table = at.dataframe[0].value
    assert list(table["Answer"]) == ["whole", "whole"]
    assert (table["Recall"] == 1.0).all()
    assert list(table["Rated good"]) == [0, 0]
    feedback = at.get("feedback")
    assert len(feedback) == 2 * 3
    feedback[0].set_value(1).run()
    at.get("feedback")[4].set_value(0).run()
    assert not at.exception
    table = at.dataframe[0].value
    assert list(table["Rated good"]) == [1, 0]
    assert list(table["Rated bad"]) == [0, 1]


def test_the_unseen_panel_finds_a_query(hash_embedder):
    at = run(panel="Unseen", **{"size-characters": "2000", "overlap-characters": "0"})
    at.button(key="find_probe").click().run()
    assert not at.exception
    probe = at.text_input(key="probe").value
    assert len(probe.split()) == 5
    assert "at rank 1" in texts(at)


def test_the_unseen_panel_offers_a_size_that_shows_something():
    at = run(panel="Unseen")
    at.button(key="show_large").click().run()
    assert not at.exception
    assert at.slider(key="size-characters").value == 2000
    assert at.dataframe[0].value["Tokens never seen"].min() > 0


def test_the_library_s_share_is_measured():
    services.pipeline("default").chunking.use("fixed", size=500, overlap=0, unit="tokens")
    services.pipeline("default").ingest([Document.from_text("a.txt", "word " * 1000)])
    # two chunks of 500 tokens, 254 read of each
    assert "**49.2%** was never seen: 492 of 1,000" in texts(
        run(panel="Unseen", **{"size-characters": "2000"})
    )


def test_a_chunking_becomes_the_collection_s_own():
    services.pipeline("default").ingest([Document.from_text("old.txt", "word " * 300)])
    at = run(panel="Keep", strategies=["fixed", "paragraph"], unit="words", **{"size-words": "100"})
    at.button(key="use_chunker").click().run()
    assert not at.exception
    assert services.pipeline("default").chunking.settings()["size"] == 100
    assert "1 document cut differently" in texts(at)
    at.button(key="cut_again").click().run()
    assert services.queue("default").wait(60)
    at.run()
    assert "cut differently" not in texts(at)
    [info] = services.pipeline("default").documents()
    assert info.chunker["name"] == "fixed"


@pytest.mark.parametrize(
    "query",
    [
        {"size-characters": "-5"}, {"size-characters": "1e99"}, {"overlap-characters": "x"},
        {"unit": "parsecs"}, {"panel": "None"},
        {"strategies": "moonlight"}, {"doc": "../../etc/passwd"}, {"gold": "99999999-1"},
        {"own": "maybe", "size-fixed-characters": "0"}, {"keep": "nothing", "panel": "Keep"},
    ],
)  # fmt: skip
def test_a_spoilt_link_opens_the_page_all_the_same(query):
    run(**query)
