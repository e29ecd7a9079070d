"""What a paid model would be sent: known before, asked for, and never sent twice."""

from pathlib import Path

import pytest
import streamlit as st
from click.testing import CliRunner
from embedding_server import embedding_server, opened
from streamlit.testing.v1 import AppTest

from rag_core import Document, RagPipeline, SettingsError
from rag_core.cli import main
from rag_core.costs import estimate, said
from rag_core.embedders.estimate import Estimate
from ui import services

ROOT = Path(__file__).resolve().parent.parent
OPEN_EMBEDDER = "rag_core.collection_settings.open_embedder"
TEXT = "".join(f"The {n}th boat carries flour and salt down the river. " for n in range(120))


@pytest.fixture
def server():
    with embedding_server() as running:
        yield running


@pytest.fixture
def paid(tmp_path, server):
    embedder = opened("openai", server)
    with RagPipeline.open(tmp_path / "home", embedder=embedder) as pipeline:
        yield pipeline


def test_a_local_model_costs_nothing(tmp_path, hash_embedder):
    with RagPipeline.open(tmp_path, embedder=hash_embedder) as pipeline:
        assert estimate(pipeline, [("a.txt", b"text")]) is None


def test_an_estimate_counts_what_would_be_sent_and_sends_nothing(paid, server):
    found = estimate(paid, [("a.txt", TEXT.encode()), ("broken.pdf", b"no pdf")])
    chunks = paid.chunking.chunker().chunk(Document.from_text("a.txt", TEXT))
    assert found.tokens == pytest.approx(sum(len(chunk.text) for chunk in chunks) / 4, rel=0.02)
    assert found.price_usd == pytest.approx(found.tokens * 0.02 / 1e6)
    assert server.sizes == []


def test_what_is_in_the_cache_is_neither_sent_nor_counted(paid, server):
    paid.ingest([Document.from_text("a.txt", TEXT)])
    sent = sum(server.sizes)
    assert estimate(paid, [("copy.txt", TEXT.encode())]).tokens == 0
    paid.ingest([Document.from_text("copy.txt", TEXT)])
    assert sum(server.sizes) == sent


def test_cutting_again_embeds_only_new_text(tmp_path, hash_embedder):
    with RagPipeline.open(tmp_path, embedder=hash_embedder) as pipeline:
        pipeline.chunking.use("paragraph", size=200)
        document = Document.from_text("a.txt", "\n\n".join(f"{n} " * 60 for n in range(10)))
        pipeline.ingest([document])
        before = hash_embedder.embedded
        pipeline.chunking.use("paragraph", size=190)
        pipeline.ingest([document])
        assert hash_embedder.embedded == before
        report = pipeline.home.vectors.report()
    assert report.models[hash_embedder.fingerprint].entries == before


def test_the_cache_outlives_the_process(tmp_path, hash_embedder):
    for name in ("one.txt", "two.txt"):
        with RagPipeline.open(tmp_path, embedder=hash_embedder) as pipeline:
            pipeline.ingest([Document.from_text(name, TEXT)])
            count = hash_embedder.embedded
    assert count == pipeline.home.vectors.report().entries


def test_the_price_in_words():
    words = said(Estimate(12_345, 0.000247, exact=False), "openai:x")
    assert words == "openai:x would be sent about 12,345 tokens, for about $0.0002."
    assert "not known" in said(Estimate(5, None, exact=False), "openai:y")


def test_a_wrong_name_in_the_environment_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("RAGSCOPE_EMBEDDER", "opnai:text-embedding-3-small")
    with pytest.raises(SettingsError, match=r"RAGSCOPE_EMBEDDER.*did you mean openai"):
        RagPipeline.open(tmp_path)


def test_the_command_line_says_the_price_first(tmp_path, monkeypatch, server):
    monkeypatch.setattr(OPEN_EMBEDDER, lambda *_: opened("openai", server))
    (tmp_path / "a.txt").write_text(TEXT)
    given = ["ingest", str(tmp_path / "a.txt"), "--home", str(tmp_path / "home")]
    run = CliRunner().invoke(main, given)
    assert run.exit_code == 0, run.output
    assert "openai:text-embedding-3-small would be sent about" in run.stderr


def test_the_upload_page_asks_before_it_pays(tmp_path, monkeypatch, server):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(OPEN_EMBEDDER, lambda *_: opened("openai", server))
    st.cache_resource.clear()
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    at.switch_page("pages/upload_page.py").run()
    at.file_uploader(key="files").set_value(("a.txt", TEXT.encode(), "text/plain"))
    at.button(key="add_files").click().run()
    assert not at.exception
    assert server.sizes == []
    assert any("would be sent about" in str(element.value) for element in at.markdown)
    at.button(key="pay").click().run()
    assert not at.exception
    assert services.queue("default").wait(60)
    assert len(services.pipeline("default").documents()) == 1
    assert sum(server.sizes) > 0
    at.run()
    assert not any("would be sent" in str(element.value) for element in at.markdown)
    st.cache_resource.clear()
