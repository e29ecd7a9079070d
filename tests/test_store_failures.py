"""What happens to an upload when the engine is away, or goes away half-way through it."""

import contextlib

import pytest
from hash_embedder import HashEmbedder
from store_servers import engine

from rag_core import RagPipeline, SettingsError, open_store
from rag_core.errors import StoreError
from rag_core.stores.health import check_health

SERVERS = ["chroma+http", "pinecone", "postgresql", "qdrant+http"]
TEXT = "\n\n".join(f"The {word} harbour opens at {n}.".encode().decode() for n, word in
                   enumerate(["north", "south", "east", "west", "old", "new"] * 40))  # fmt: skip


@pytest.fixture(params=SERVERS)
def server(request, tmp_path):
    with engine(request.param, tmp_path / "engine") as one:
        yield one


@pytest.fixture
def opened(server, tmp_path):
    @contextlib.contextmanager
    def open_():
        with RagPipeline.open(
            tmp_path / "home", store_url=server.url, embedder=HashEmbedder()
        ) as one:
            yield one

    return open_


def expect_whole(pipeline, names):
    chunks = {chunk.id for info in pipeline.documents() for chunk in pipeline.chunks(info.id)}
    assert sorted(info.name for info in pipeline.documents()) == names
    assert {chunk.id for chunk in pipeline.store()} == chunks
    assert pipeline.store().count() == len(chunks)
    assert pipeline.unfinished() == []
    assert pipeline.search("the old harbour", mode="vector").hits


def test_an_engine_that_is_down_is_named_and_tried_again(server, opened):
    server.stop()
    with opened() as pipeline:
        report = pipeline.process(pipeline.accept("a.txt", TEXT.encode()))
        assert report.status == "failed"
        assert "could not be opened" in report.error
        assert report.hint
        assert pipeline.documents() == []
        with pytest.raises(StoreError, match="could not be opened"):
            pipeline.search("harbour", mode="vector")
        (waiting,) = pipeline.unfinished()
        server.start()
        assert pipeline.process(waiting).status == "added"
        expect_whole(pipeline, ["a.txt"])


def test_an_engine_that_dies_half_way_leaves_no_half_document(server, opened, monkeypatch):
    with opened() as pipeline:
        assert pipeline.process(pipeline.accept("before.txt", b"The old harbour.")).document_id
        store = pipeline.store()
        upsert = store.upsert

        def dying(chunks, vectors):
            half = len(chunks) // 2
            upsert(chunks[:half], vectors[:half])
            server.stop()
            upsert(chunks[half:], vectors[half:])

        monkeypatch.setattr(store, "upsert", dying)
        report = pipeline.process(pipeline.accept("a.txt", TEXT.encode()))
        monkeypatch.undo()
        server.settle()
        assert report.status == "failed"
        assert "could not be stored" in report.error
        assert report.hint
        assert [info.name for info in pipeline.documents()] == ["before.txt"]
        health = check_health(store)
        assert (health.ok, health.chunks) == (False, None)
        assert health.problem
        assert health.hint
        with pytest.raises(StoreError):
            pipeline.search("harbour", mode="vector")

        server.start()
        found = {hit.chunk.document_id for hit in pipeline.search("old harbour", k=50).hits}
        assert found == {info.id for info in pipeline.documents()}
        (waiting,) = pipeline.unfinished()
        assert pipeline.process(waiting).status == "added"
        expect_whole(pipeline, ["a.txt", "before.txt"])
        assert check_health(store).ok


def test_a_process_that_ends_with_the_engine_down_cleans_up_later(server, opened, monkeypatch):
    with opened() as pipeline:
        store = pipeline.store()
        upsert = store.upsert

        def dying(chunks, vectors):
            upsert(chunks[: len(chunks) // 2], vectors[: len(chunks) // 2])
            server.stop()
            upsert(chunks, vectors)

        monkeypatch.setattr(store, "upsert", dying)
        assert pipeline.process(pipeline.accept("a.txt", TEXT.encode())).status == "failed"
        monkeypatch.undo()
        server.settle()
    server.start()
    with opened() as pipeline:
        (waiting,) = pipeline.unfinished()
        assert list(pipeline.store()) == []
        pipeline.discard(waiting)
        assert pipeline.process(pipeline.accept("b.txt", TEXT.encode())).status == "added"
        expect_whole(pipeline, ["b.txt"])


def test_the_environment_chooses_the_store(server, tmp_path, monkeypatch):
    monkeypatch.setenv("RAGSCOPE_STORE", server.url)
    with RagPipeline.open(tmp_path / "home", embedder=HashEmbedder()) as pipeline:
        assert pipeline.process(pipeline.accept("a.txt", TEXT.encode())).status == "added"
        assert type(pipeline.store()) is type(open_closed(server.url, pipeline.embedder))
    assert not (tmp_path / "home" / "chroma").exists()


def open_closed(url, embedder):
    store = open_store(url, collection="other-one", dimension=embedder.dimension)
    store.close()
    return store


def test_an_unknown_store_in_the_environment_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("RAGSCOPE_STORE", "postgres://x")
    with pytest.raises(SettingsError, match="did you mean postgresql"):
        RagPipeline.open(tmp_path / "home", embedder=HashEmbedder())


def test_a_store_without_what_is_indexed_is_not_searched_in_vain(tmp_path, monkeypatch):
    with RagPipeline.open(tmp_path / "home", embedder=HashEmbedder()) as pipeline:
        assert pipeline.process(pipeline.accept("a.txt", TEXT.encode())).status == "added"
        old = pipeline.home.chroma_url
    new = f"qdrant://{tmp_path}/new"
    monkeypatch.setenv("RAGSCOPE_STORE", new)
    with RagPipeline.open(tmp_path / "home", embedder=HashEmbedder()) as pipeline:
        with pytest.raises(StoreError, match="move --from"):
            pipeline.search("harbour", mode="vector")
        assert pipeline.search("harbour", mode="keyword").hits
    with RagPipeline.open(tmp_path / "home", store_url=old, embedder=HashEmbedder()) as pipeline:
        assert pipeline.search("harbour", mode="vector").hits
