"""The Store page through Streamlit's own test driver."""

import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import streamlit as st
from store_servers import engine
from streamlit.testing.v1 import AppTest

from rag_core import Document
from ui import services
from ui.store_lab import engines

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _fresh_server(monkeypatch, hash_embedder):
    """A server of its own for every test, with a quick embedder in place of the model."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("rag_core.collection_settings.open_embedder", lambda *_: hash_embedder)
    st.cache_resource.clear()
    yield
    for opened in list(services.pipeline("default").home._open.values()):
        while opened._users > 0:
            opened.close()
    st.cache_resource.clear()


OPEN = """
from ui.errors import boundary
from ui.store_lab import dialog, health_panel, move_panel
with boundary():
    dialog.dialog("default")  # open all along: the driver knows no fragments
    move_panel.show("default")
    health_panel.show("default")
"""


def opened() -> AppTest:
    return AppTest.from_string(OPEN, default_timeout=60).run()


def run() -> AppTest:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    at.run()
    at.switch_page("pages/store_page.py").run()
    assert not at.exception
    return at


def said(at: AppTest) -> str:
    kinds = (at.markdown, at.caption, at.info, at.warning, at.success, at.error, at.toast)
    return "\n".join(str(element.value) for kind in kinds for element in kind).replace("\\", "")


def keys(at: AppTest) -> set[str]:
    return {button.key for button in at.button}


def fill() -> None:
    services.pipeline("default").ingest(
        Document.from_text(f"boat{n}.txt", f"Boat {n} has a rope and {n} oars. " * 40)
        for n in range(5)
    )


def tried(name: str, url: str) -> AppTest:
    """Try a url of an engine in the dialog."""
    at = opened()
    at.selectbox(key="store_engine").set_value(name).run()
    at.text_input(key=f"store_url_{name}").set_value(url).run()
    at.button(key="store_try").click().run()
    assert not at.exception
    return at


def over(at: AppTest) -> AppTest:
    for work in dict(at.session_state["index_work"]).values():
        assert work.wait(60)
    return at.run()


def test_an_empty_collection_says_what_to_do():
    at = run()
    assert not at.error
    assert "yet" in said(at)


def test_it_shows_the_engine_its_size_and_its_index():
    fill()
    at = run()
    values = {metric.label: metric.value for metric in at.metric}
    assert values["Engine"] == "Chroma"
    assert version("chromadb") in at.metric[0].delta
    assert values["Size"] == "10 chunks"
    assert "hnsw" in set(at.dataframe[0].value["Value"])
    assert "It answers" in said(at)
    at.button(key="check_health").click().run()
    assert "It answers" in said(at)


def test_a_collection_moves_from_the_page_and_is_switched(tmp_path):
    fill()
    at = tried("faiss", f"faiss://{tmp_path}/there")
    assert "lacks 10 chunks" in said(at)
    assert "store_use" not in keys(at)
    over(at.button(key="store_move").click().run())
    assert "10 chunks there, 10 copied now" in said(at)
    assert services.pipeline("default").store_choice.source == "home"
    at.button(key="switch_store").click().run()
    assert not at.exception
    assert not at.error
    assert {metric.value for metric in at.metric} >= {"FAISS", "10 chunks"}
    assert services.pipeline("default").store_choice.source == "chosen"
    assert services.pipeline("default").search("rope", mode="vector").hits


def test_a_new_store_that_dies_before_the_switch_leaves_the_old_one_in_use(tmp_path):
    fill()
    with engine("chroma+http", tmp_path / "server") as server:
        at = tried("chroma", server.url)
        over(at.button(key="store_move").click().run())
        server.stop()
        at.button(key="switch_store").click().run()
        assert not at.exception
        assert len(at.error) == 1
        assert "switch_store" in keys(at), "to be tried again"
        assert {metric.value for metric in at.metric} >= {"Chroma", "10 chunks"}
        assert services.pipeline("default").store_choice.source == "home"
        assert services.pipeline("default").search("rope", mode="vector").hits
        server.start()
        at.button(key="switch_store").click().run()
        assert not at.error
        assert services.pipeline("default").store_choice.url == server.url
        services.pipeline("default").close_stores()


@pytest.mark.parametrize(
    ("name", "url", "told"),
    [
        ("postgresql", "postgresql://user@127.0.0.1:1/none", "could not be opened"),
        ("postgresql", "postgres://user@127.0.0.1/none", "must begin with one of"),
        ("postgresql", "postgresql://user:pass/word@127.0.0.1/none", "%2F"),
        ("faiss", "faiss://relative/path", "three slashes"),
        ("faiss", "faiss:///tmp/x?index=hsnw", "hsnw"),
        ("chroma", "chroma+http://127.0.0.1:1", "could not be opened"),
        ("qdrant", "", "url is empty"),
    ],
)
def test_a_wrong_url_is_said_and_changes_nothing(name, url, told):
    fill()
    at = tried(name, url)
    assert told in said(at)
    assert not keys(at) & {"store_use", "store_move"}
    assert services.pipeline("default").store_choice.source == "home"


def test_a_missing_package_is_named_with_its_pip_line(monkeypatch):
    fill()
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "rag_core.stores.pgvector", raising=False)
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    at = tried("postgresql", "postgresql://user@127.0.0.1:1/none")
    assert "not installed here" in "\n".join(one.value for one in at.warning)
    assert "pip install -r requirements-pgvector.txt" in said(at)
    assert len(at.error) == 1


@pytest.mark.parametrize("who", ["viewer", "editor"])
def test_others_than_admins_see_the_store_and_cannot_change_it(who, monkeypatch):
    fill()
    monkeypatch.setattr("ui.access.role", lambda: who)
    at = run()
    assert "takes the role of an admin" in said(at)
    assert "store_settings" not in keys(at)
    assert "It answers" in said(at)


def test_the_environment_goes_before_and_its_password_is_not_shown(monkeypatch, tmp_path):
    with engine("postgresql", tmp_path) as server:
        joint = "&" if "?" in server.url else "?"
        monkeypatch.setenv("RAGSCOPE_STORE", f"{server.url}{joint}password=never-shown")
        fill()
        at = run()
        assert "password=•••" in said(at)
        assert "RAGSCOPE_STORE in the environment" in said(at)
        at.button(key="store_settings").click().run()
        assert "RAGSCOPE_STORE is set" in said(at)
        server.stop()
        at.button(key="check_health").click().run()
        assert "does not answer" in said(at)
        assert "never-shown" not in said(at) + str(at.main)
        server.start()
        at.button(key="check_health").click().run()
        assert "It answers" in said(at)
        services.pipeline("default").close_stores()
