"""Roles: checked in the library's boundary, by a page only for good manners."""

import threading
from pathlib import Path

import pytest
import streamlit as st
from click.testing import CliRunner
from streamlit.testing.v1 import AppTest

from rag_core import AccessError, Document, IngestQueue, RagPipeline, access
from rag_core.cli import main
from rag_core.search_lab.saved import SavedQueries
from ui import access as ui_access
from ui import serve, services

ROOT = Path(__file__).resolve().parent.parent
NOTE = Document.from_text("note.txt", "A boat carries salt.")


@pytest.fixture
def pipeline(tmp_path, hash_embedder):
    with RagPipeline.open(tmp_path / "home", embedder=hash_embedder) as opened:
        opened.ingest([NOTE])
        yield opened


def changes(pipeline):
    """Everything that changes a collection, by name."""
    [info] = pipeline.documents()
    queue = IngestQueue(pipeline)
    return {
        "ingest": lambda: pipeline.ingest([NOTE]),
        "accept": lambda: pipeline.accept("b.txt", b"b"),
        "submit": lambda: queue.submit([("b.txt", b"b")]),
        "cancel": queue.cancel,
        "clear": queue.clear,
        "delete": lambda: pipeline.delete([info.id]),
        "chunker": lambda: pipeline.chunking.use("fixed"),
        "saved query": lambda: SavedQueries(pipeline.home.settings, "default").add("boat"),
        "cache": pipeline.home.vectors.clear,
        "collection": lambda: RagPipeline.open(
            pipeline.home.path, collection="another", embedder=pipeline.embedder
        ),
    }


NAMES = ("ingest", "accept", "submit", "cancel", "clear", "delete", "chunker", "saved query",
         "cache", "collection")  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_viewer_can_change_nothing(pipeline, name):
    with access.acting_as("viewer"), pytest.raises(AccessError, match=r"A viewer cannot"):
        changes(pipeline)[name]()
    assert [info.name for info in pipeline.documents()] == ["note.txt"]
    assert pipeline.home.vectors.report().entries == 1
    assert pipeline.home.catalog.collections() == ["default"]


@pytest.mark.parametrize("name", NAMES)
def test_an_editor_can(pipeline, name):
    with access.acting_as("editor"):
        changes(pipeline)[name]()


def test_every_change_is_in_the_list(pipeline):
    assert set(changes(pipeline)) == set(NAMES)


def test_a_viewer_searches_and_asks(pipeline):
    with access.acting_as("viewer"):
        assert pipeline.search("boat").hits
        assert pipeline.answer("What does the boat carry?").text


def test_read_only_holds_for_everybody(pipeline, monkeypatch):
    monkeypatch.setenv("RAGSCOPE_READ_ONLY", "1")
    with access.acting_as("admin"), pytest.raises(AccessError, match="read-only"):
        pipeline.ingest([NOTE])


def test_read_only_holds_on_the_command_line(tmp_path, monkeypatch, hash_embedder):
    monkeypatch.setattr("rag_core.collection_settings.open_embedder", lambda *_: hash_embedder)
    (tmp_path / "a.txt").write_text("A boat.")
    given = ["ingest", str(tmp_path / "a.txt"), "--home", str(tmp_path / "home")]
    assert CliRunner().invoke(main, given).exit_code == 0
    monkeypatch.setenv("RAGSCOPE_READ_ONLY", "1")
    run = CliRunner().invoke(main, given)
    assert run.exit_code != 0
    assert "read-only" in run.stderr


def test_a_role_does_not_leak_into_other_threads():
    seen = []
    with access.acting_as("viewer"):
        thread = threading.Thread(target=lambda: seen.append(access.role()))
        thread.start()
        thread.join()
        assert access.role() == "viewer"
    assert seen == ["admin"]
    assert access.role() == "admin"


def test_unknown_roles_are_refused():
    with pytest.raises(ValueError, match="viewer, editor, admin"), access.acting_as("root"):
        pass
    with pytest.raises(ValueError, match="root"):
        access.set_default("root")


# -- the network ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "refused"),
    [
        ("127.0.0.1", False), ("::1", False), ("localhost", False), ("127.8.9.1", False),
        ("0.0.0.0", True), ("", True), ("192.168.1.5", True), ("::", True),
        ("my-host", True), ("127.0.0.1.evil.example", True),
    ],
)  # fmt: skip
def test_binding_wider_needs_a_login_or_a_word(address, refused, monkeypatch):
    assert bool(ui_access.refusal(address)) is refused
    monkeypatch.setenv("RAGSCOPE_OPEN_NETWORK", "1")
    assert ui_access.refusal(address) == ""
    monkeypatch.setenv("RAGSCOPE_OPEN_NETWORK", "0")
    monkeypatch.setenv("RAGSCOPE_READ_ONLY", "1")
    assert ui_access.refusal(address) == ""


@pytest.mark.parametrize(
    ("arguments", "environment", "found"),
    [
        ([], None, "127.0.0.1"),
        (["--server.port", "1"], None, "127.0.0.1"),
        (["--server.address", "0.0.0.0"], None, "0.0.0.0"),
        (["--server.address=::"], None, "::"),
        (["--server.address"], None, ""),
        ([], "0.0.0.0", "0.0.0.0"),
        (["--server.address", "127.0.0.1"], "0.0.0.0", "127.0.0.1"),
    ],
)
def test_the_address_is_read_as_streamlit_reads_it(arguments, environment, found, monkeypatch):
    monkeypatch.delenv("STREAMLIT_SERVER_ADDRESS", raising=False)
    if environment is not None:
        monkeypatch.setenv("STREAMLIT_SERVER_ADDRESS", environment)
    assert serve.address_of(arguments) == found


def test_a_wide_server_does_not_start(monkeypatch):
    monkeypatch.setattr("sys.argv", ["serve", "--server.address", "0.0.0.0"])
    with pytest.raises(SystemExit, match="without a login"):
        serve.main()


# -- roles by login ---------------------------------------------------------------------------


@pytest.fixture
def secrets(monkeypatch):
    given = {
        "auth": {"cookie_secret": "x"},
        "roles": {"admin": ["ada@example.org"], "editor": ["Ed@Example.org"], "default": "viewer"},
    }
    monkeypatch.setattr(ui_access, "_secrets", lambda section: given.get(section, {}))
    return given


def test_addresses_get_their_role(secrets):
    assert ui_access.role_of("ada@example.org") == "admin"
    assert ui_access.role_of("ED@example.org") == "editor"
    assert ui_access.role_of("eve@example.org") == "viewer"
    assert ui_access.role_of("ada@example.org", verified=False) == "viewer"
    assert ui_access.role_of("") == "viewer"
    secrets["roles"]["default"] = "admin"  # never for everybody
    assert ui_access.role_of("eve@example.org") == "viewer"


def test_without_a_login_the_page_asks_for_it_and_shows_nothing(secrets, monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(access._Process, "role", "admin")
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    assert not at.exception
    assert at.button(key="log_in")
    assert not at.selectbox
    assert access.role() == "viewer"


def test_a_read_only_instance_shows_no_form(monkeypatch, hash_embedder):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("rag_core.collection_settings.open_embedder", lambda *_: hash_embedder)
    st.cache_resource.clear()
    services.pipeline("default").ingest([NOTE])
    monkeypatch.setenv("RAGSCOPE_READ_ONLY", "1")
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    at.switch_page("pages/upload_page.py").run()
    assert not at.exception
    assert not at.file_uploader
    assert any("not change it" in str(info.value) for info in at.info)
    st.cache_resource.clear()
