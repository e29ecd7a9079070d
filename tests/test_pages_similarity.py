"""The similarity page through Streamlit's own test driver: every panel, every source, bad links."""

from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from rag_core import Document
from rag_core.similarity_lab.examples import PROBLEM_1
from ui import services
from ui.similarity_lab import controls, work
from ui.similarity_lab.predict_panel import pair_at
from ui.text import chart

ROOT = Path(__file__).resolve().parent.parent
OPEN_EMBEDDER = "rag_core.collection_settings.open_embedder"


@pytest.fixture(autouse=True)
def _fresh_server(monkeypatch, hash_embedder):
    """A server of its own for every test, with a quick embedder in place of the model."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(OPEN_EMBEDDER, lambda *_: hash_embedder)
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
    at.switch_page("pages/similarity_page.py").run()
    assert not at.exception
    return at


def said(at: AppTest) -> str:
    kinds = (at.markdown, at.caption, at.info, at.warning, at.subheader, at.error, at.text)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def fill(count: int = 12) -> None:
    documents = [
        Document.from_text(f"{name}.txt", f"{name} and rope. " * 90, metadata={"year": 2000 + n})
        for n, name in enumerate(f"boat{n}" for n in range(count))
    ]
    services.pipeline("default").ingest(documents)


@pytest.mark.parametrize("panel", controls.PANELS)
def test_every_panel_opens_cold(panel):
    at = run(panel=panel)
    assert not at.error


@pytest.mark.parametrize("panel", controls.PANELS)
def test_every_panel_takes_chunks_of_the_collection(panel):
    fill()
    at = run(panel=panel, texts="Collection", count="30", grouped="true", metric="L2 distance")
    assert not at.error


@pytest.mark.parametrize("panel", controls.PANELS)
@pytest.mark.parametrize("typed", ["", "one", "one\ntwo", "same\nsame\nsame", "?\n!\n\u200b"])
def test_every_panel_takes_whatever_is_typed(panel, typed):
    at = run(panel=panel, texts="Own texts", own=typed)
    assert not at.error


def test_own_texts_are_in_the_link():
    at = run(texts="Own texts", own="a red boat\na blue boat")
    assert at.text_area(key="own_texts").value == "a red boat\na blue boat"
    at.text_area(key="own_texts").set_value("x" * 5_000).run()
    assert "own" not in at.query_params


def test_an_empty_collection_says_what_to_do():
    assert "choose a collection that has documents" in said(run(texts="Collection"))
    assert "Add documents on the Upload page" in said(run(panel="Map"))


def test_stretching_moves_all_but_the_cosine():
    at = run(panel="Metrics", first="1", second="2", stretch="100")
    values = {metric.label: metric.delta for metric in at.metric}
    assert values["cosine"] == "unchanged"
    assert float(values["dot product"].replace(",", "")) > 5
    assert float(values["L2 distance"].replace(",", "")) > 90
    assert "2 (" in at.dataframe[0].value["dot product"][0]


def test_the_link_carries_the_texts_by_number():
    at = run(panel="Tokens", first="5", second="7")
    assert [at.selectbox(key=key).value for key in ("first", "second")] == ["5", "7"]
    at.selectbox(key="first").set_value("3").run()
    assert at.query_params["first"] in ("3", ["3"])


def test_a_guess_is_kept_for_the_room_and_the_next_pair_is_another():
    at = run(panel="Predict")
    first = [element.value for element in at.text]
    assert "The model says" not in str([metric.label for metric in at.metric])
    at.slider(key="guess-0").set_value(0.9).run()
    at.button(key="reveal").click().run()
    assert not at.exception
    assert "The model says" in [metric.label for metric in at.metric]
    [guess] = work.room().guesses()
    assert guess.guessed == 0.9
    again = run(panel="Predict")  # another person
    assert "The room is off by" in [metric.label for metric in again.metric]
    at.button(key="next_pair").click().run()
    assert [element.value for element in at.text] != first
    at.button(key="clear_room").click().run()
    assert work.room().guesses() == []


def test_every_pair_comes_once_before_any_comes_again():
    pairs = [pair_at(turn, 8) for turn in range(28)]
    assert len(set(pairs)) == 28
    assert pair_at(28, 8) == pairs[0]


def test_tokens_need_a_local_model(monkeypatch):
    monkeypatch.setattr(OPEN_EMBEDDER, lambda *_: work.open_embedder("words:64"))
    st.cache_resource.clear()
    at = run(panel="Tokens")
    assert "does not show the vectors of its tokens" in said(at)


def test_two_models_and_where_they_disagree():
    at = run(panel="Models")
    table = at.dataframe[0].value
    assert len(table) == 8
    assert set(table["More alike for"]) <= {"hash-64", "words:1024"}


@pytest.mark.parametrize("name", ["nonsense:x", "words:ten", "/no/such/folder"])
def test_a_model_that_cannot_be_had_is_said(name):
    at = run(panel="Models", second_model=name)
    assert at.error or "words:1024" in said(at)


@pytest.mark.parametrize("method", ["PCA", "t-SNE"])
@pytest.mark.parametrize("colour", ["document", "cluster", "year"])
def test_a_map_with_a_query(method, colour):
    fill()
    at = run(panel="Map", method=method, colour=colour, query="boat3 and rope", k="4")
    table = at.dataframe[0].value
    assert list(table["True rank"]) == [1, 2, 3, 4]
    assert table["Document"][0] == "boat3.txt"
    assert "nearest neighbours" in said(at)


def test_a_map_in_three_dimensions():
    fill()
    at = run(panel="Map", three="true", query="boat")
    figure = at.get("plotly_chart")[0].proto.spec
    assert '"scatter3d"' in figure


def test_the_cache_can_be_looked_at_and_cleared(hash_embedder):
    at = run(panel="Keep")
    assert "8 vectors" in said(at)
    assert "0 passages" in said(at)
    services.pipeline("default").home.passages.put(
        hash_embedder.fingerprint, {"a": hash_embedder.embed_tokens(["a"])[0]}
    )
    assert hash_embedder.embedded == len(PROBLEM_1)
    at.run()
    assert "1 passage," in said(at)
    assert hash_embedder.embedded == len(PROBLEM_1)
    at.button(key=f"clear-{hash_embedder.fingerprint}").click().run()
    assert not at.exception
    assert "0 passages" in said(at)
    assert hash_embedder.embedded == 2 * len(PROBLEM_1)  # the page needs its texts again


@pytest.mark.parametrize(
    "query",
    [
        {"panel": "Nothing"}, {"texts": "x"}, {"first": "99"}, {"second": "-1", "panel": "Tokens"},
        {"stretch": "7e9", "panel": "Metrics"}, {"method": "magic", "panel": "Map"},
        {"metric": "manhattan"}, {"k": "0", "panel": "Map"}, {"colour": "../x", "panel": "Map"},
        {"document": "no.txt", "texts": "Collection"},
    ],
)  # fmt: skip
def test_a_spoilt_link_opens_the_page_all_the_same(query):
    fill(2)
    run(**query)


def test_text_in_charts_is_no_markup():
    shown = chart("<a href='http://x'>y</a> $x$ \u202eback\x00 & " + "long " * 50, limit=60)
    assert "<" not in shown
    assert "$" not in shown
    assert shown.startswith("&lt;a href=&#x27;http://x&#x27;&gt;y&lt;/a&gt; &#36;x&#36; back")
    assert chart("word " * 30, width=20).count("<br>") >= 5
