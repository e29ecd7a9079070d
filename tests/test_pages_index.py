"""The Index, X-ray and Drift pages through Streamlit's own test driver."""

import time
from pathlib import Path

import pytest
import streamlit as st
from hash_embedder import HashEmbedder
from streamlit.testing.v1 import AppTest

from rag_core import Document
from rag_core.errors import SettingsError
from rag_core.index_manager import DriftCheck, IndexManager
from ui import services
from ui.index_lab import drift_view, rebuild_panel
from ui.index_lab.words import cut, lasting, size, when

ROOT = Path(__file__).resolve().parent.parent
OPEN_EMBEDDER = "rag_core.collection_settings.open_embedder"


@pytest.fixture(autouse=True)
def _fresh_server(monkeypatch, hash_embedder):
    """A server of its own for every test, with a quick embedder in place of the model."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(OPEN_EMBEDDER, lambda *_: hash_embedder)
    st.cache_resource.clear()
    yield
    for opened in list(services.pipeline("default").home._open.values()):
        while opened._users > 0:
            opened.close()
    st.cache_resource.clear()


def run(page="index", **query) -> AppTest:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    at.run()
    for name, value in query.items():
        at.query_params[name] = value
    at.switch_page(f"pages/{page}_page.py").run()
    assert not at.exception
    return at


def said(at: AppTest) -> str:
    kinds = (at.markdown, at.caption, at.info, at.warning, at.success, at.subheader, at.error)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def fill(count: int = 5) -> IndexManager:
    pipeline = services.pipeline("default")
    pipeline.ingest(
        Document.from_text(f"boat{n}.txt", f"Boat {n} has a rope and {n} oars. " * 40)
        for n in range(count)
    )
    return IndexManager(pipeline)


def answering() -> str:
    model = services.pipeline("default").home.catalog.model("default")
    return model.name if model else ""


def over(at: AppTest, key: str = "index_work") -> AppTest:
    """Wait for everything that was begun in this session, and draw the page again."""
    for work in dict(at.session_state[key]).values():
        assert work.wait(60)
    return at.run()


@pytest.mark.parametrize("page", ["index", "xray", "drift"])
def test_an_empty_collection_says_what_to_do(page):
    at = run(page)
    assert not at.error
    assert "yet" in said(at)


def test_versions_show_what_is_stale_and_what_mending_costs():
    fill()
    at = run()
    assert "as it would be made now" in said(at)
    services.pipeline("default").chunking.use("sentence")
    at = run()
    assert "a rebuild is due" in said(at)
    assert set(at.dataframe[0].value["State"]) == {"stale: another chunking"}
    at.slider(key="stale_allowed").set_value(100).run()
    assert "is allowed" in said(at)
    over(at.button(key="cost").click().run())
    assert "Chunks to embed" in {metric.label for metric in at.metric}


def test_a_rebuild_swaps_goes_back_and_gives_its_space_back():
    manager = fill()
    at = run(panel="Rebuild")
    at.selectbox(key="rebuild_model").set_value("words:1024").run()
    at.button(key="rebuild").click().run()
    rebuild = manager.running()
    assert rebuild is not None
    assert rebuild.wait(60).state == "done"
    at.run()
    assert "Checked and swapped" in said(at)
    assert answering() == "words:1024"
    assert list(at.dataframe[0].value["State"]) == ["kept, to go back to", "answers"]
    at.button(key="rollback").click().run()
    assert not at.error
    rebuild = manager.running()
    assert rebuild is not None
    assert rebuild.wait(60).state == "done"
    at.run()
    assert answering() == "hash-64"
    at.button(key="reclaim").click().run()
    assert list(at.dataframe[0].value["State"]) == ["answers"]


def test_a_model_that_is_none_is_named():
    fill()
    with pytest.raises(SettingsError, match=r"This is no model.*opnai"):
        rebuild_panel.start("default", "opnai:x")


def test_a_folder_is_tried_before_it_is_followed(tmp_path):
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "one.txt").write_text("A quiet harbour. " * 20)
    at = run(panel="Folder")
    at.text_input(key="folder").set_value(str(folder))
    over(at.button(key="dry_run").click().run())
    assert list(at.dataframe[0].value["Would be"]) == ["added"]
    assert not services.pipeline("default").documents()
    over(at.button(key="apply_sync").click().run())
    assert [info.name for info in services.pipeline("default").documents()] == ["one.txt"]
    at = run(panel="Folder")
    assert at.text_input(key="folder").value == str(folder)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    at = run(panel="Folder")
    at.text_input(key="folder").set_value(str(tmp_path / "nowhere"))
    over(at.button(key="dry_run").click().run())
    assert "There is no folder" in at.error[0].value


def test_verify_finds_what_repair_mends_and_a_backup_is_offered():
    manager = fill()
    store = manager._pipeline.store()
    store.delete([next(iter(store)).id])
    at = run(panel="Care")
    over(at.button(key="verify").click().run())
    assert list(at.dataframe[0].value["Kind"]) == ["missing"]
    over(at.button(key="repair").click().run())
    assert "1 problem mended" in said(at)
    assert manager.verify().clean
    over(at.button(key="backup").click().run())
    assert at.get("download_button")


def test_the_xray_shows_findings_and_makes_the_index_anew():
    manager = fill()
    store = manager._pipeline.store()
    at = over(run("xray"))
    assert "healthy" in said(at)
    store.delete([next(iter(store)).id])
    over(at.button(key="look_again").click().run())
    assert "Something is wrong" in said(at)
    assert "missing in the index" in set(at.dataframe[0].value["Finding"])
    at.button(key="fresh").click().run()
    rebuild = manager.running()
    assert rebuild is not None
    assert rebuild.wait(60).state == "done"
    assert manager.verify().clean


def test_drift_is_caught_and_told(monkeypatch):
    manager = fill()
    at = run("drift")
    over(at.button(key="check_drift").click().run())
    assert "gives the vectors it gave" in said(at)
    inner = manager._pipeline.embedder.inner
    other = HashEmbedder(inner.dimension, "changed in silence")
    monkeypatch.setattr(inner, "embed_documents", other.embed_documents)
    over(at.button(key="check_drift").click().run())
    assert "not the model the index was made with" in said(at)
    assert list(at.dataframe[0].value["Verdict"]) == ["drifted", "the same"]


def test_drift_is_checked_by_itself_when_it_is_time():
    manager = fill()
    over(run("drift", drift_every="Every hour"))
    assert len(manager.drift_history()) == 1
    run("drift", drift_every="Every hour")
    time.sleep(0.05)
    assert len(manager.drift_history()) == 1  # an hour has not passed


def test_whoever_only_reads_changes_nothing(monkeypatch):
    fill()
    monkeypatch.setenv("RAGSCOPE_READ_ONLY", "1")
    for page, panel in (("index", "Rebuild"), ("index", "Care"), ("xray", ""), ("drift", "")):
        at = run(page, **({"panel": panel} if panel else {}))
        keys = {button.key for button in at.button}
        assert not keys & {"rebuild", "repair", "backup", "fresh", "check_drift"}
    assert "nobody can read a folder" in run(panel="Folder").error[0].value


def test_words():
    assert size(2048) == "2 kB"
    assert size(5 * 2**20) == "5.0 MB"
    assert lasting(None) == "unknown"
    assert lasting(30) == "30 s"
    assert lasting(600) == "10 min"
    assert cut({"name": "fixed", "size": 200, "unit": "words"}) == "fixed 200 words"
    assert when(None) == "never"
    checks = [DriftCheck(0.0, "m", "f", (1.0, 0.5)), DriftCheck(1.0, "m", "f", (1.0, 1.0))]
    assert len(drift_view.chart(checks).data) == 2
