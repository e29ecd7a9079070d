"""The exact-vs-approximate page through Streamlit's own test driver."""

from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from rag_core import Document
from ui import services
from ui.ann_lab import controls

ROOT = Path(__file__).resolve().parent.parent
SMALL = {"size": "500", "dimension": "32", "queries": "20", "clusters": "16", "n_probe": "1, 4",
         "ef": "16", "spread": "Clustered"}  # fmt: skip


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
    at.switch_page("pages/ann_page.py").run()
    assert not at.exception
    return at


def measured(at: AppTest) -> AppTest:
    at.button(key="measure").click().run()
    assert not at.exception
    assert at.session_state["ann_run"].wait(60)
    at.run()
    assert not at.exception
    return at


def said(at: AppTest) -> str:
    kinds = (at.markdown, at.caption, at.info, at.warning, at.subheader, at.error, at.success)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def fill(count: int = 12) -> None:
    documents = [
        Document.from_text(f"boat{n}.txt", f"boat{n} and rope, `$x$` <b>knot</b>. " * 60)
        for n in range(count)
    ]
    services.pipeline("default").ingest(documents)


def test_a_cold_page_offers_the_lesson_s_problem():
    at = run()
    assert at.number_input(key="size").value == 50_000
    assert at.selectbox(key="dimension").value == 384
    assert at.number_input(key="clusters").value == 100
    assert at.text_input(key="n_probe").value == "1, 10, 50"
    assert not at.button(key="measure").disabled
    assert "Press Measure" in said(at)


@pytest.mark.parametrize("panel", controls.PANELS)
def test_every_panel_shows_synthetic_vectors(panel):
    at = measured(run(panel=panel, **SMALL))
    assert not at.error
    assert "is the first with recall over 90" in said(at)
    assert "500 clustered vectors of 32 numbers" in said(at)


@pytest.mark.parametrize("panel", controls.PANELS)
def test_every_panel_shows_a_collection(panel):
    fill()
    at = measured(run(panel=panel, vectors="This collection", queries="10"))
    assert not at.error
    assert "this collection's own store" in said(at).replace("\\", "")


def test_the_table_has_every_setting():
    table = measured(run(panel="Table", **SMALL)).dataframe[0].value
    assert set(table["Index"]) == {"Exact", "IVF", "HNSW"}
    assert {"n_probe 1", "n_probe 4", "ef 16"} <= set(table["Setting"])
    assert table["Recall@10"].iloc[0] == 1


def test_what_a_collection_misses_is_shown_as_text():
    fill()
    at = measured(
        run(panel="Missed", vectors="This collection", **{"own-clusters": "8", "own-n_probe": "1"})
    )
    table = at.dataframe[0].value
    assert list(table.columns) == ["True rank", "Cosine", "Query", "Missed", "Document"]
    assert table["Missed"].str.contains("<b>knot</b>", regex=False).any()
    assert table["True rank"].is_monotonic_increasing


def test_typed_questions():
    fill(4)
    at = run(vectors="This collection", asked="Typed questions")
    assert "Type a question" in said(at)
    at.text_area(key="questions").set_value("Where is boat1?\n\n rope ").run()
    assert "2 typed questions" in said(measured(at))


def test_an_empty_collection_offers_synthetic_vectors():
    at = run(vectors="This collection")
    assert "This collection is empty" in said(at)
    at.button(key="use_synthetic").click().run()
    assert not at.exception
    assert at.number_input(key="size").value == 50_000


def test_it_can_be_cancelled_and_measured_again():
    at = run(**{**SMALL, "size": "60000", "dimension": "128", "ef": "200"})
    at.button(key="measure").click().run()
    assert at.button(key="measure").disabled
    at.button(key="cancel_measuring").click().run()
    assert not at.exception
    assert at.session_state["ann_run"].wait(60)
    at.run()
    assert "Stopped" in said(at)
    at.number_input(key="size").set_value(500).run()
    assert "is the first" in said(measured(at))


def test_changed_settings_are_said():
    at = measured(run(**SMALL))
    assert "have changed" not in said(at)
    at.number_input(key="seed").set_value(5).run()
    assert "have changed since" in said(at)
    assert "seed 0" in said(at)


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"n_probe": "1, 17"}, "n\\_probe \\= 17 looks into more clusters"),
        ({"n_probe": "one"}, "n\\_probe takes whole numbers"),
        ({"ef": "0"}, "ef takes whole numbers"),
        ({"clusters": "501"}, "501 clusters need at least as many"),
    ],
)
def test_what_cannot_be_measured_is_said_with_a_way_out(query, error):
    at = run(**{**SMALL, **query})
    if not at.error:
        measured(at)
    assert error in at.error[0].value
    assert "\n\n" in at.error[0].value


@pytest.mark.parametrize(
    "query",
    [{"size": "-5"}, {"size": "1e99"}, {"dimension": "7"}, {"vectors": "x"}, {"spread": ""},
     {"seed": "x"}, {"panel": "None"}, {"queries": "0"}, {"clusters": "999999999"},
     {"asked": "?", "vectors": "This collection"}],
)  # fmt: skip
def test_a_spoilt_link_opens_the_page_all_the_same(query):
    run(**query)
