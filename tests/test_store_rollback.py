"""A switch to another store that fails half-way: the old one stays in use, and nothing is lost."""

import pytest
from hash_embedder import HashEmbedder
from store_servers import engine

from rag_core import Document, RagPipeline, store_moves
from rag_core.errors import RagError, StoreError
from rag_core.store_moves import move_to, try_store, use_store


@pytest.fixture
def pipeline(tmp_path):
    with RagPipeline.open(tmp_path / "home", embedder=HashEmbedder()) as opened:
        opened.ingest(
            Document.from_text(f"boat{n}.txt", f"Boat {n} has a rope and {n} oars. " * 300)
            for n in range(5)
        )
        yield opened


def found(pipeline):
    """Return every chunk that a search by meaning reaches, by id."""
    hits = pipeline.search("rope", mode="vector", k=100).hits
    return {hit.chunk.id: hit.chunk for hit in hits}


def kept(pipeline):
    return sum(info.chunks for info in pipeline.documents())


def expect_in_use(pipeline, source, before):
    """The store of this source answers as before, takes a new document, and gives it up again."""
    assert pipeline.store_choice.source == source
    assert found(pipeline) == before
    (report,) = pipeline.ingest([Document.from_text("new.txt", "A new rope. " * 40)]).files
    assert report.status == "added"
    assert len(found(pipeline)) > len(before)
    pipeline.delete([report.document_id])
    assert found(pipeline) == before
    assert pipeline.store().count() == kept(pipeline)


@pytest.mark.parametrize("act", [move_to, use_store])
@pytest.mark.parametrize(
    "url",
    [
        "postgres://user@127.0.0.1/none",
        "postgresql://user@127.0.0.1:99999/none",
        "postgresql://user@127.0.0.1:1/none",
        "postgresql://user@127.0.0.1/none?index=hsnw",
        "chroma+http://127.0.0.1:1",
        "faiss:///tmp?index=hsnw",
    ],
)
def test_a_url_that_leads_nowhere_changes_nothing(pipeline, url, act):
    before, store = found(pipeline), pipeline.store()
    with pytest.raises(RagError):
        act(pipeline, url)
    assert pipeline.store_choice.source == "home"
    assert pipeline.store() is store, "it is still open"
    assert found(pipeline) == before


def test_an_engine_that_dies_during_the_move_leaves_the_old_store_in_use(
    pipeline, tmp_path, monkeypatch
):
    monkeypatch.setattr("rag_core.moving.BATCH", 10)
    monkeypatch.setattr(
        "rag_core.stores.pgvector._WAIT", 2
    )  # seconds, for what is known to be down
    before, chunks = found(pipeline), kept(pipeline)
    assert chunks > 20
    with engine("postgresql", tmp_path) as server:

        def dying(progress):
            if (progress.stage, progress.done) == ("moving", 10):
                server.stop()

        with pytest.raises(StoreError) as raised:
            move_to(pipeline, server.url, on_progress=dying)
        assert raised.value.hint
        expect_in_use(pipeline, "home", before)
        with pytest.raises(StoreError):
            use_store(pipeline, server.url)
        expect_in_use(pipeline, "home", before)
        server.start()
        with pytest.raises(StoreError, match=f"lacks {chunks - 10}"):
            use_store(pipeline, server.url)  # half of a collection is none
        expect_in_use(pipeline, "home", before)
        assert move_to(pipeline, server.url).copied == chunks - 10
        use_store(pipeline, server.url)
        expect_in_use(pipeline, "chosen", before)
        pipeline.close_stores()


@pytest.mark.parametrize("first", [None, "faiss"])
def test_an_engine_that_dies_with_the_switch_gives_the_old_store_back(
    pipeline, tmp_path, monkeypatch, first
):
    source = "home"
    if first:  # the one before need not be the data folder's
        move_to(pipeline, f"{first}://{tmp_path}/first")
        use_store(pipeline, f"{first}://{tmp_path}/first")
        source = "chosen"
    before, url = found(pipeline), pipeline.store_choice.url
    with engine("chroma+http", tmp_path / "server") as server:
        assert move_to(pipeline, server.url).copied == len(before)
        keep = store_moves.keep_store

        def dying(home, collection, chosen):
            keep(home, collection, chosen)
            if chosen == server.url:
                server.stop()

        with monkeypatch.context() as patch:
            patch.setattr(store_moves, "keep_store", dying)
            with pytest.raises(StoreError):
                use_store(pipeline, server.url)
        assert pipeline.store_choice.url == url
        expect_in_use(pipeline, source, before)
        with RagPipeline.open(tmp_path / "home", embedder=HashEmbedder()) as again:
            assert again.store_choice.url == url, "so it is written down too"
        server.start()
        assert try_store(pipeline, server.url).missing == 0
        use_store(pipeline, server.url)
        assert pipeline.store_choice.url == server.url
        assert found(pipeline) == before
