"""Moving a collection from one store to another, and the commands for it."""

import contextlib
import json

import numpy as np
import pytest
from click.testing import CliRunner
from hash_embedder import HashEmbedder
from store_servers import engine
from test_store_conformance import DIMENSION, chunks_and_vectors

from rag_core import Cancelled, RagPipeline, open_store
from rag_core.cli import main
from rag_core.errors import StoreError
from rag_core.moving import move


@pytest.fixture
def stores(tmp_path):
    """Return a function that opens the n-th store of this test."""
    with contextlib.ExitStack() as stack:

        def open_(number, scheme="chroma"):
            url = f"{scheme}://{tmp_path}/{number}"
            store = open_store(url, collection="abc", dimension=DIMENSION, fingerprint="f")
            return stack.enter_context(contextlib.closing(store))

        yield open_


def test_everything_arrives_and_nothing_is_embedded(stores):
    source, target = stores(1), stores(2, "qdrant")
    chunks, vectors = chunks_and_vectors(1_300)
    source.upsert(chunks, vectors)
    seen = []
    report = move(source, target, on_progress=seen.append)
    assert (report.chunks, report.copied, report.queries) == (1_300, 1_300, 20)
    assert report.overlap > 0.95
    assert sorted(target, key=lambda chunk: chunk.index) == chunks
    found = target.vectors([chunk.id for chunk in chunks])
    assert np.allclose([found[chunk.id] for chunk in chunks], vectors, atol=1e-6)
    assert [step.done for step in seen if step.stage == "moving"] == [0, 500, 1000, 1300]
    assert source.count() == 1_300


def test_a_move_that_was_stopped_goes_on(stores):
    source, target = stores(1), stores(2, "qdrant")
    chunks, vectors = chunks_and_vectors(1_300)
    source.upsert(chunks, vectors)

    def stop(progress):
        if progress.done == 500:
            raise Cancelled

    with pytest.raises(Cancelled):
        move(source, target, on_progress=stop)
    assert target.count() == 500
    target.upsert(chunks[:1], vectors[1:2])  # as if it had been another then
    report = move(source, target)
    assert 800 <= report.copied <= 801
    assert target.query(vectors[0], 1)[0].chunk == chunks[0]
    assert move(source, target).copied == 0


def test_a_target_with_other_chunks_is_refused(stores):
    source, target = stores(1), stores(2)
    source.upsert(*chunks_and_vectors(5, seed=1))
    target.upsert(*chunks_and_vectors(5, seed=2))
    with pytest.raises(StoreError, match="holds 5 chunks"):
        move(source, target)
    assert target.count() == 5


def test_an_empty_collection_moves_too(stores):
    assert move(stores(1), stores(2)).chunks == 0


def test_a_chunk_that_is_not_found_at_the_target_is_an_error(stores, monkeypatch):
    source, target = stores(1), stores(2)
    source.upsert(*chunks_and_vectors(5))
    monkeypatch.setattr(target, "query", lambda vector, k: [])
    with pytest.raises(StoreError, match="does not find"):
        move(source, target)
    monkeypatch.setattr(target, "count", lambda: 4)
    with pytest.raises(StoreError, match="4 of 5"):
        move(source, target)


def test_the_commands_move_a_collection_and_say_where_it_is(tmp_path, monkeypatch):
    home = tmp_path / "home"
    with RagPipeline.open(home, embedder=HashEmbedder()) as pipeline:
        pipeline.process(pipeline.accept("a.txt", b"The old harbour opens at nine."))
        before = pipeline.search("harbour", mode="vector").hits
    with engine("postgresql", tmp_path) as server:
        run = CliRunner()
        moved = run.invoke(main, ["move", "--to", server.url, "--home", str(home), "--json"])
        assert moved.exit_code == 0, moved.output
        assert json.loads(moved.stdout)["copied"] == len(before)
        monkeypatch.setenv("RAGSCOPE_STORE", server.url)
        shown = run.invoke(main, ["store", "--home", str(home)])
        assert shown.exit_code == 0
        assert "PostgreSQL 18" in shown.stdout
        assert "chunks: 1" in shown.stdout
        told = json.loads(run.invoke(main, ["store", "--home", str(home), "--json"]).stdout)
        assert told["ok"] is True
        embedder = HashEmbedder()
        with RagPipeline.open(home, embedder=embedder) as pipeline:
            again = pipeline.search("harbour", mode="vector").hits
            assert [hit.chunk for hit in again] == [hit.chunk for hit in before]
            assert embedder.embedded == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["move", "--to", "chrma:///x"], 2, "did you mean chroma"),
        (["move", "--to", "postgresql://127.0.0.1:1/none"], 4, "could not be opened"),
        (["move", "--to", "same"], 2, "already"),
        (["move", "--to", "faiss:///x", "--collection", "none"], 3, "empty"),
        (["store", "--collection", "none"], 3, "empty"),
    ],
)
def test_mistakes_at_the_command_line_are_named(arguments, code, said, tmp_path):
    with RagPipeline.open(tmp_path / "home", embedder=HashEmbedder()) as pipeline:
        pipeline.process(pipeline.accept("a.txt", b"The old harbour opens at nine."))
        same = pipeline.home.chroma_url
    arguments = [same if argument == "same" else argument for argument in arguments]
    result = CliRunner().invoke(main, [*arguments, "--home", str(tmp_path / "home")])
    assert result.exit_code == code, result.output
    assert said in result.output
