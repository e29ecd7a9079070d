"""The data folder's quota: what is refused, what still works, and that nothing is lost for it."""

import re

import pytest
import streamlit as st
from browser import ROOT
from streamlit.testing.v1 import AppTest

from rag_core import Document, HomeError, RagPipeline, SettingsError
from rag_core.quota import Quota, Room, quota_from_env
from ui import services

MEGABYTE = 1024 * 1024


@pytest.fixture
def pipeline(tmp_path, hash_embedder):
    with RagPipeline.open(tmp_path / "home", embedder=hash_embedder) as opened:
        opened.ingest([Document.from_text("kept.txt", "A boat carries salt.")])
        yield opened


def bound_to(monkeypatch, pipeline, more: float) -> None:
    """Leave `more` megabytes of room."""
    used = Quota(pipeline.home.path).room().used / MEGABYTE
    monkeypatch.setenv("RAGSCOPE_QUOTA_MB", f"{used + more:.6f}")


def test_an_upload_past_the_quota_is_refused_and_changes_nothing(pipeline, monkeypatch):
    bound_to(monkeypatch, pipeline, 0.5)
    before = sorted(pipeline.home.path.rglob("*"))
    with pytest.raises(HomeError, match=r"big.txt does not fit: it needs 1.0 MB.*of .* MB") as met:
        pipeline.accept("big.txt", b"x" * MEGABYTE)
    assert "RAGSCOPE_QUOTA_MB" in met.value.hint
    assert sorted(pipeline.home.path.rglob("*")) == before
    assert pipeline.unfinished() == []
    assert [info.name for info in pipeline.documents()] == ["kept.txt"]
    assert pipeline.search("boat").hits


def test_many_small_files_do_not_pass_it_either(pipeline, monkeypatch):
    bound_to(monkeypatch, pipeline, 0.5)
    accepted = []
    for number in range(60):
        try:
            accepted.append(pipeline.accept(f"{number}.txt", bytes([65 + number]) * 50_000))
        except HomeError:
            break
    assert 5 <= len(accepted) < 60
    assert pipeline.unfinished() == accepted  # those before it are kept
    room = Quota(pipeline.home.path).room()
    assert room.used <= room.quota + 100_000  # a file's note in the catalog comes after it


def test_what_fits_as_a_file_but_not_as_an_index_waits_for_room(pipeline, monkeypatch):
    text = "".join(f"The boat number {n} carries salt. " for n in range(9_000)).encode()
    bound_to(monkeypatch, pipeline, len(text) / MEGABYTE + 0.2)
    report = pipeline.process(pipeline.accept("long.txt", text))
    assert report.status == "failed"
    assert "does not fit" in report.error
    assert "RAGSCOPE_QUOTA_MB" in report.hint
    assert [upload.name for upload in pipeline.unfinished()] == ["long.txt"]
    monkeypatch.setenv("RAGSCOPE_QUOTA_MB", "0")
    assert pipeline.process(pipeline.unfinished()[0]).status == "added"


def test_a_full_folder_still_searches_and_deletes(pipeline, monkeypatch):
    monkeypatch.setenv("RAGSCOPE_QUOTA_MB", "0.001")
    with pytest.raises(HomeError):
        pipeline.accept("a.txt", b"a")
    assert pipeline.search("boat").hits
    pipeline.delete([info.id for info in pipeline.documents()])
    assert pipeline.documents() == []


def test_the_setting_is_read_as_megabytes():
    assert quota_from_env({}) == 10_000 * MEGABYTE
    assert quota_from_env({"RAGSCOPE_QUOTA_MB": " 5,000 "}) == 5_000 * MEGABYTE
    assert quota_from_env({"RAGSCOPE_QUOTA_MB": "0"}) is None
    for bad in ("much", "-1", "nan", "inf"):
        with pytest.raises(SettingsError, match="RAGSCOPE_QUOTA_MB"):
            quota_from_env({"RAGSCOPE_QUOTA_MB": bad})


def test_room_in_words():
    assert str(Room(3 * MEGABYTE, 10_000 * MEGABYTE)) == "3.0 of 10,000 MB"
    assert not Room(8, 10).near
    assert Room(9, 10).near
    assert not Room(9, None).near


def test_the_upload_page_says_when_the_folder_is_nearly_full(monkeypatch):
    st.cache_resource.clear()
    home = services.pipeline("default").home
    used = home.quota.room().used / MEGABYTE
    at = (
        AppTest.from_file(ROOT / "app.py", default_timeout=60)
        .switch_page("pages/upload_page.py")
        .run()
    )
    assert not at.exception
    assert at.warning == []
    monkeypatch.setenv("RAGSCOPE_QUOTA_MB", f"{used * 1.05:.3f}")
    at.run()
    assert not at.exception
    (warning,) = at.warning
    assert re.search(r"nearly full: [\d.,]+ of [\d.,]+ MB", warning.value)
