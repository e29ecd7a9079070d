"""The keyword index follows the catalog, and reads only what changed."""

import pytest

from rag_core import Document, RagPipeline
from rag_core.keyword import KeywordIndex
from rag_core.live_keywords import LiveKeywords
from rag_core.terms import Analyzer


@pytest.fixture
def pipeline(tmp_path, hash_embedder):
    with RagPipeline.open(tmp_path / "home", embedder=hash_embedder) as opened:
        opened.ingest(
            [Document.from_text(f"{n}.txt", f"chapter {n} about ferries") for n in range(5)]
        )
        yield opened


@pytest.fixture
def live(pipeline):
    return LiveKeywords(pipeline.home.catalog, pipeline.collection)


def expect_as_made_anew(live, pipeline):
    fresh = KeywordIndex(pipeline.home.catalog.chunks(pipeline.collection))
    index = live.current()
    assert list(index) == list(fresh)
    for query in ("ferries", "chapter 3", "tides new"):
        assert index.search(query, k=20) == fresh.search(query, k=20)


def test_it_follows_additions_replacements_and_deletions(live, pipeline):
    expect_as_made_anew(live, pipeline)
    pipeline.ingest([Document.from_text("new.txt", "new words about tides")])
    expect_as_made_anew(live, pipeline)
    pipeline.ingest([Document.from_text("3.txt", "chapter 3 is about tides now")])
    expect_as_made_anew(live, pipeline)
    assert len(live.current().search("tides", k=5)) == 2
    pipeline.delete([info.id for info in pipeline.documents()[:2]])
    expect_as_made_anew(live, pipeline)
    pipeline.delete([info.id for info in pipeline.documents()])
    assert len(live.current()) == 0


def test_the_same_text_with_other_metadata_is_read_again(live, pipeline):
    live.current()
    pipeline.ingest([Document.from_text("3.txt", "chapter 3 about ferries", metadata={"year": 9})])
    assert len(live.current().search("ferries", k=9, where={"year": 9})) == 1
    expect_as_made_anew(live, pipeline)


def test_only_what_changed_is_cut_into_words(live, pipeline, monkeypatch):
    before = live.current()
    read = []
    words = Analyzer.words
    monkeypatch.setattr(
        Analyzer, "words", lambda self, text: read.append(text) or words(self, text)
    )
    assert live.current() is before
    pipeline.ingest([Document.from_text("new.txt", "new words about tides")])
    assert live.current() is not before
    assert read == ["new words about tides"]
