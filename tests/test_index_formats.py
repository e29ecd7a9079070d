"""A home of an older format opens and loses nothing; one of a newer format is refused."""

import sqlite3

import pytest
from hash_embedder import HashEmbedder

from rag_core import RagPipeline, load
from rag_core.database import FORMAT
from rag_core.errors import HomeError
from rag_core.home import reading_catalog

AS_IT_WAS = """
ALTER TABLE collections ADD COLUMN fingerprint TEXT NOT NULL DEFAULT '';
ALTER TABLE collections ADD COLUMN embedder TEXT NOT NULL DEFAULT '';
ALTER TABLE collections ADD COLUMN dimension INTEGER NOT NULL DEFAULT 0;
UPDATE collections SET (fingerprint, embedder, dimension) =
    (SELECT fingerprint, embedder, dimension FROM indexes WHERE key = name);
DROP TABLE indexes;
ALTER TABLE chunks DROP COLUMN fingerprint;
ALTER TABLE chunks DROP COLUMN embedded_at;
PRAGMA user_version = 2;
"""


@pytest.fixture
def older(tmp_path):
    with RagPipeline.open(tmp_path, embedder=HashEmbedder()) as pipeline:
        pipeline.ingest([load("a.txt", b"The ferry leaves at nine."), load("b.txt", b"Tea.")])
    db = sqlite3.connect(tmp_path / "catalog.sqlite3")
    db.executescript(AS_IT_WAS)
    db.close()
    return tmp_path


def test_an_older_home_opens_and_knows_what_its_chunks_were_embedded_with(older):
    with RagPipeline.open(older, embedder=HashEmbedder()) as pipeline:
        assert [info.name for info in pipeline.documents()] == ["a.txt", "b.txt"]
        assert pipeline.search("ferry").hits[0].chunk.text == "The ferry leaves at nine."
        for info in pipeline.documents():
            for stamp in pipeline.home.catalog.stamps("default", info.id).values():
                assert stamp.fingerprint == HashEmbedder().fingerprint
                assert stamp.embedded_at == info.added_at
        pipeline.ingest([load("c.txt", b"More.")])
    with RagPipeline.open(older, embedder=HashEmbedder()) as pipeline:
        assert len(pipeline.documents()) == 3


def test_an_older_home_is_not_changed_by_reading(older):
    before = (older / "catalog.sqlite3").read_bytes()
    with pytest.raises(HomeError, match="format 2") as caught, reading_catalog(older):
        pass
    assert "verify" in caught.value.hint
    assert (older / "catalog.sqlite3").read_bytes() == before


@pytest.mark.parametrize("number", [1, FORMAT + 1])
def test_a_home_of_an_unknown_format_is_refused_and_left_alone(older, number):
    db = sqlite3.connect(older / "catalog.sqlite3")
    db.execute(f"PRAGMA user_version = {number}")
    db.close()
    before = (older / "catalog.sqlite3").read_bytes()
    with pytest.raises(HomeError, match=f"format {number}"):
        RagPipeline.open(older, embedder=HashEmbedder())
    assert (older / "catalog.sqlite3").read_bytes() == before
