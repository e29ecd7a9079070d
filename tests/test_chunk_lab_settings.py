"""How a collection is cut: kept, used by the next upload, and said of documents cut before."""

import pytest

from rag_core import Document, RagPipeline, SettingsError

TEXT = "One sentence stands here. Another follows it. " * 40


@pytest.fixture
def pipeline(tmp_path, hash_embedder):
    with RagPipeline.open(tmp_path / "home", embedder=hash_embedder) as opened:
        yield opened


def test_the_default_is_the_first_strategy(pipeline):
    assert pipeline.chunking.settings()["name"] == "recursive"
    assert pipeline.chunking.cut_differently() == []


def test_uploads_are_cut_as_the_collection_is_set(pipeline):
    before = Document.from_text("before.txt", TEXT)
    after = Document.from_text("after.txt", TEXT)
    pipeline.ingest([before])
    pipeline.chunking.use("sentence", size=3, overlap=0)
    pipeline.ingest([after])
    assert [info.name for info in pipeline.chunking.cut_differently()] == ["before.txt"]
    assert len(pipeline.chunks(after.id)) == 27  # 80 sentences, three at a time


def test_ingesting_again_cuts_again(pipeline):
    document = Document.from_text("a.txt", TEXT)
    pipeline.ingest([document])
    pipeline.chunking.use("fixed", size=50, overlap=0, unit="words")
    assert pipeline.ingest([document]).files[0].status == "replaced"
    assert pipeline.chunking.cut_differently() == []


def test_it_outlives_the_process_and_stays_within_its_collection(tmp_path, hash_embedder):
    with RagPipeline.open(tmp_path, collection="one-way", embedder=hash_embedder) as one:
        one.chunking.use("paragraph", size=700)
    with RagPipeline.open(tmp_path, collection="one-way", embedder=hash_embedder) as one:
        assert one.chunking.settings() == {"name": "paragraph", "size": 700, "unit": "characters"}
        with RagPipeline.open(tmp_path, collection="other", embedder=hash_embedder) as other:
            assert other.chunking.settings()["name"] == "recursive"


def test_what_cannot_work_changes_nothing(pipeline):
    with pytest.raises(ValueError, match="overlap 9 must be smaller than size 9"):
        pipeline.chunking.use("fixed", size=9, overlap=9)
    assert pipeline.chunking.settings()["name"] == "recursive"


def test_an_unknown_chunker_fails_the_file_and_says_where_to_choose(pipeline):
    pipeline.home.settings.put("default", "chunker", {"name": "by-moonlight"})
    with pytest.raises(SettingsError, match="by-moonlight") as caught:
        pipeline.chunking.chunker()
    assert "Chunking page" in caught.value.hint
    report = pipeline.ingest([Document.from_text("a.txt", TEXT)])
    assert report.files[0].status == "failed"


def test_token_sizes_and_semantic_cuts_get_their_tools(pipeline, hash_embedder):
    pipeline.chunking.use("fixed", size=20, overlap=0, unit="tokens")
    assert pipeline.ingest([Document.from_text("a.txt", TEXT)]).chunks > 10
    pipeline.chunking.use("semantic", model=hash_embedder.name)
    assert pipeline.chunking.chunker().embed == pipeline.embedder.embed_documents


def test_a_removed_collection_forgets_its_settings(pipeline):
    pipeline.chunking.use("paragraph")
    pipeline.home.catalog.remove_collection("default")
    assert pipeline.chunking.settings()["name"] == "recursive"
