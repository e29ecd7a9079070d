"""What the FAISS store promises beyond the contract of all stores: exactness, kinds, durability."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from faiss_driver import BATCH, batch
from test_store_conformance import DIMENSION, chunks_and_vectors

from rag_core import Chunk, Document, RagPipeline, open_store
from rag_core.errors import SettingsError, StoreError
from rag_core.stores import faiss_rows

DRIVER = Path(__file__).with_name("faiss_driver.py")
KINDS = {
    "flat": "",
    "ivf": "?index=ivf&n_clusters=4&n_probe=4",  # all clusters: as good as exact
    "hnsw": "?index=hnsw&m=16&ef=400",
}


@pytest.fixture(params=sorted(KINDS))
def url(request, tmp_path):
    return f"faiss://{tmp_path}/store{KINDS[request.param]}"


@pytest.fixture
def store(url):
    return opened(url)


def opened(url, **options):
    settings = {"collection": "test", "dimension": DIMENSION, "fingerprint": "f1", **options}
    return open_store(url, **settings)


def best(chunks, vectors, query, k):
    cosines = vectors @ query
    order = sorted(range(len(chunks)), key=lambda n: (-cosines[n], chunks[n].id))[:k]
    return [chunks[n].id for n in order], cosines[order]


def answers(store, vectors, k=10, where=None):
    return [[hit.chunk.id for hit in store.query(query, k, where)] for query in vectors]


def test_scores_are_numpy_s_cosine_for_2_000_chunks(store):
    chunks, vectors = chunks_and_vectors(2_000)
    store.upsert(chunks, vectors * 7)  # of any length: only the direction counts
    for query in vectors[:25] + np.float32(0.3):
        hits = store.query(query * 3, 10)
        ids, cosines = best(chunks, vectors, query / np.linalg.norm(query), 10)
        assert [hit.chunk.id for hit in hits] == ids
        assert np.allclose([hit.score for hit in hits], cosines, atol=1e-4)


def test_the_whole_store_in_order_beyond_its_size(store):
    chunks, vectors = chunks_and_vectors(300)
    store.upsert(chunks, vectors)
    assert len(store.query(vectors[0], 5_000)) == 300


def test_equals_at_the_last_place_break_by_id(store):
    chunks, vectors = chunks_and_vectors(200)
    vectors[20:] = vectors[20]  # 180 equals; ten are wanted
    store.upsert(chunks[::-1], vectors[::-1])
    ids = [hit.chunk.id for hit in store.query(vectors[20], 10)]
    assert ids == sorted(chunk.id for chunk in chunks[20:])[:10]


def test_filters_are_exact_among_few_and_many(store):
    chunks, vectors = chunks_and_vectors(1_000)
    store.upsert(chunks, vectors)
    for where, fits in (
        ({"year": 2003}, lambda chunk: chunk.metadata["year"] == 2003),
        ({"name": {"$ne": "d0"}}, lambda chunk: chunk.metadata["name"] != "d0"),
        ({"index": {"$lt": 3}}, lambda chunk: chunk.index < 3),
    ):
        rows = [row for row, chunk in enumerate(chunks) if fits(chunk)]
        some = [chunks[row] for row in rows]
        for query in vectors[:5]:
            ids, _ = best(some, vectors[rows], query, 10)
            assert answers(store, [query], where=where) == [ids]


def test_a_filter_asked_again_sees_what_has_changed(store):
    chunks, vectors = chunks_and_vectors(40)
    store.upsert(chunks[:20], vectors[:20])
    where = {"name": "d1"}

    def found():
        return {hit.chunk.index for hit in store.query(vectors[0], 40, where)}

    assert found() == found() == set(range(1, 20, 3))
    store.upsert(chunks[20:], vectors[20:])
    assert found() == set(range(1, 40, 3))
    store.delete([chunks[1].id, chunks[0].id])
    assert found() == set(range(4, 40, 3))
    for year in range(30):  # more filters than are kept
        store.query(vectors[0], 1, {"year": year})
    assert found() == set(range(4, 40, 3))
    # equal in Python, but not the same filter
    assert store.query(vectors[0], 1, {"index": {"$in": [True]}}) == []
    assert store.query(vectors[0], 1, {"index": {"$in": [4]}})[0].chunk == chunks[4]


def test_a_pipeline_works_on_it(tmp_path, hash_embedder):
    with RagPipeline.open(
        tmp_path / "home", store_url=f"faiss://{tmp_path}/store", embedder=hash_embedder
    ) as pipeline:
        pipeline.ingest([Document.from_text(f"{n}.txt", f"{n} boats. " * 300) for n in range(3)])
        [best] = pipeline.search("2 boats", mode="vector", k=1).hits
        assert best.chunk.metadata["name"] == "2.txt"
        pipeline.delete([best.chunk.document_id])
        assert {chunk.metadata["name"] for chunk in pipeline.store()} == {"0.txt", "1.txt"}


def test_what_was_replaced_or_removed_is_not_found(store):
    chunks, vectors = chunks_and_vectors(400)
    store.upsert(chunks, vectors)
    store.query(vectors[0], 1)  # the index is made here
    store.upsert(chunks[:100], vectors[100:200])
    store.delete([chunk.id for chunk in chunks[100:200]])
    now = np.vstack([vectors[100:200], vectors[200:]])
    left = [*chunks[:100], *chunks[200:]]
    assert store.count() == 300
    for query in vectors[90:110]:
        assert answers(store, [query]) == [best(left, now, query, 10)[0]]


def test_an_id_twice_in_one_call_is_its_last(store):
    chunks, vectors = chunks_and_vectors(3)
    store.upsert([*chunks, chunks[0]], np.vstack([vectors, vectors[2]]))
    assert store.count() == 3
    assert store.query(vectors[2], 2)[1].score == pytest.approx(1.0)


def test_answers_are_the_same_after_reopening_and_in_every_run(url, store, tmp_path):
    chunks, vectors = chunks_and_vectors(600)
    store.upsert(chunks, vectors)
    first = answers(store, vectors[:20])
    store.close()
    assert answers(opened(url), vectors[:20]) == first
    other = opened(url.replace("/store", "/other"))
    other.upsert(chunks, vectors)
    assert answers(other, vectors[:20]) == first


def test_another_store_s_writes_are_seen(url, store):
    chunks, vectors = chunks_and_vectors(50)
    other = opened(url)
    store.upsert(chunks[:25], vectors[:25])
    assert len(other.query(vectors[0], 50)) == 25
    other.upsert(chunks[25:], vectors[25:])
    assert {hit.chunk.id for hit in store.query(vectors[0], 50)} == {c.id for c in chunks}
    other.delete_document(chunks[0].document_id)
    assert store.query(vectors[0], 50) == []


def test_collections_do_not_meet(store, url):
    chunks, vectors = chunks_and_vectors(5)
    other = opened(url, collection="other")
    store.upsert(chunks, vectors)
    assert other.count() == 0
    assert other.query(vectors[0], 5) == []
    other.upsert(chunks[:1], vectors[:1])
    store.delete_document(chunks[0].document_id)
    assert other.count() == 1


def test_writing_and_asking_at_once(store):
    chunks, vectors = chunks_and_vectors(400)
    store.upsert(chunks[:100], vectors[:100])
    wrong = []

    def ask():
        for query in vectors[:60]:
            hits = store.query(query, 10)
            if len({hit.chunk.id for hit in hits}) != 10:
                wrong.append(hits)

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    for start in range(100, 400, 20):
        store.upsert(chunks[start : start + 20], vectors[start : start + 20])
    for asker in askers:
        asker.join()
    assert wrong == []
    assert store.count() == 400


@pytest.mark.parametrize("bad", [0.0, np.nan, np.inf])
def test_a_vector_without_direction_is_refused_and_nothing_is_stored(store, bad):
    chunks, vectors = chunks_and_vectors(3)
    vectors[1] = bad
    with pytest.raises(ValueError, match="no direction"):
        store.upsert(chunks, vectors)
    assert store.count() == 0
    with pytest.raises(ValueError, match="no direction"):
        store.query(vectors[1], 1)


def test_metadata_keeps_its_types(store):
    document = Document.from_text("a.txt", "x")
    chunk = Chunk.cut(document, 0, 0, 1, {"a": 1, "b": 1.0, "c": True, "d": "é🙂\n", "e": 2**60})
    store.upsert([chunk], np.ones((1, DIMENSION), np.float32))
    [found] = store.get([chunk.id])
    assert found == chunk
    assert [type(value) for value in found.metadata.values()] == [
        type(value) for value in chunk.metadata.values()
    ]


# -- kinds ------------------------------------------------------------------------------------


def test_ivf_is_exact_until_it_can_be_trained_and_then_is_not(tmp_path):
    store = opened(f"faiss://{tmp_path}/a?index=ivf&n_clusters=20&n_probe=1")
    chunks, vectors = chunks_and_vectors(900)
    store.upsert(chunks[:700], vectors[:700])  # 20 clusters want 39 each: 780
    exact = [best(chunks[:700], vectors[:700], query, 10)[0] for query in vectors[:20]]
    assert answers(store, vectors[:20]) == exact
    store.upsert(chunks[700:], vectors[700:])
    exact = [best(chunks, vectors, query, 10)[0] for query in vectors[:20]]
    found = answers(store, vectors[:20])
    assert found != exact
    assert all(len(ids) == 10 for ids in found)
    assert answers(store, vectors[:20], k=900)[0] == best(chunks, vectors, vectors[0], 900)[0]


def test_ivf_finds_its_clusters_anew_when_outgrown(tmp_path, monkeypatch):
    made = []
    real = faiss_rows._made
    monkeypatch.setattr(faiss_rows, "_made", lambda *a: made.append(a) or real(*a))
    store = opened(f"faiss://{tmp_path}/a?index=ivf&n_clusters=2&n_probe=2")
    chunks, vectors = chunks_and_vectors(400)
    for start, end, times in ((0, 100, 1), (100, 150, 1), (150, 200, 1), (200, 400, 2)):
        store.upsert(chunks[start:end], vectors[start:end])
        store.query(vectors[0], 3)
        assert len(made) == times
    store.delete([chunks[0].id])
    assert answers(store, vectors[:5]) == [
        best(chunks[1:], vectors[1:], query, 10)[0] for query in vectors[:5]
    ]
    assert len(made) == 3


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("index=tree", "no index 'tree'"),
        ("nprobe=3", "unknown option 'nprobe'"),
        ("index=ivf&n_clusters=5&n_probe=6", "n_probe=6 is more than n_clusters=5"),
        ("index=ivf&n_clusters=x", "n_clusters must be a number"),
        ("index=hnsw&m=1", "m must be at least 2, not 1"),
        ("index=hnsw&ef=0", "ef must be a number of at least 1"),
    ],
)
def test_options_that_cannot_be_are_named(tmp_path, query, said):
    with pytest.raises(SettingsError, match=said):
        opened(f"faiss://{tmp_path}/a?{query}")
    assert not (tmp_path / "a").exists()


def test_the_kind_is_no_part_of_the_data(tmp_path):
    chunks, vectors = chunks_and_vectors(300)
    flat = opened(f"faiss://{tmp_path}/a")
    flat.upsert(chunks, vectors)
    for options in KINDS.values():
        again = opened(f"faiss://{tmp_path}/a{options}")
        assert answers(again, vectors[:10]) == answers(flat, vectors[:10])


# -- what can go wrong ------------------------------------------------------------------------


def test_names_and_folders_that_cannot_be(tmp_path):
    with pytest.raises(StoreError, match="could not be opened"):
        opened(f"faiss://{tmp_path}/a", collection="a!")
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="could not be opened"):
        opened(f"faiss://{tmp_path}/file")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "faiss.sqlite3").write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match="not a database"):
        opened(f"faiss://{tmp_path}/broken")


def test_a_closed_or_removed_store_says_so(url, store):
    chunks, vectors = chunks_and_vectors(2)
    other = opened(url)
    store.upsert(chunks, vectors)
    store.drop()
    with pytest.raises(StoreError, match="closed"):
        store.count()
    with pytest.raises(StoreError, match="was removed"):
        other.upsert(chunks, vectors)
    with pytest.raises(StoreError, match="was removed"):
        other.query(vectors[0], 1)
    assert opened(url, dimension=3).count() == 0


def test_a_write_that_fails_changes_nothing(store, tmp_path):
    chunks, vectors = chunks_and_vectors(10)
    store.upsert(chunks[:5], vectors[:5])
    store.query(vectors[0], 1)
    with contextlib.closing(sqlite3.connect(tmp_path / "store" / "faiss.sqlite3")) as db:
        db.execute(
            f"CREATE TRIGGER full BEFORE INSERT ON chunks WHEN NEW.id = '{chunks[7].id}' "
            "BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        )
    with pytest.raises(StoreError, match="disk full"):
        store.upsert(chunks[5:], vectors[5:])
    assert store.count() == 5
    assert {hit.chunk.id for hit in store.query(vectors[7], 10)} == {c.id for c in chunks[:5]}


def test_memory_that_fell_behind_is_read_again(store, monkeypatch):
    chunks, vectors = chunks_and_vectors(10)
    store.upsert(chunks[:5], vectors[:5])
    store.query(vectors[0], 1)

    def fail(*_):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(faiss_rows.Rows, "add", fail)
        with pytest.raises(MemoryError):
            store.upsert(chunks[5:], vectors[5:])
    assert store.count() == 10  # it was committed before
    assert len(store.query(vectors[0], 20)) == 10


@pytest.mark.kill
@pytest.mark.parametrize("lines", [1, 7, 23])
def test_what_was_acknowledged_survives_a_kill(tmp_path, lines):
    url = f"faiss://{tmp_path}/store"
    process = subprocess.Popen(
        [sys.executable, str(DRIVER), url],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(DRIVER.parents[1])},
    )
    said = [process.stdout.readline().split() for _ in range(lines)]
    process.send_signal(signal.SIGKILL)
    said += [line.split() for line in process.stdout.read().splitlines() if line.count(" ") == 1]
    process.stdout.close()
    process.wait()
    stored = [int(number) for verb, number in said if verb == "stored"]
    deleted = {int(number) for verb, number in said if verb == "deleted"}
    assert stored
    store = opened(url)
    # One more batch may have been stored, or deleted, that there was no time to tell of.
    kept = {chunk.id for chunk in store}
    assert len(kept) % BATCH == 0
    unsure = max(stored) - 1 if max(stored) % 3 == 2 else None
    for number in stored:
        chunks, vectors = batch(number)
        there = kept & {chunk.id for chunk in chunks}
        if number in deleted:
            assert not there
        elif number != unsure:
            assert len(there) == BATCH
            assert store.query(vectors[3], 1)[0].chunk == chunks[3]


def test_it_says_what_it_is(tmp_path):
    told = opened(f"faiss://{tmp_path}/a?index=ivf&n_clusters=8&n_probe=2").describe()
    assert (told.engine, told.address) == ("FAISS", f"{tmp_path}/a")
    assert told.version.count(".") == 2
    assert dict(told.index) == {"kind": "ivf", "n_clusters": 8, "n_probe": 2}


@pytest.mark.parametrize("options", ["index=ivf&n_clusters=4&n_probe=4", "index=hnsw&m=8&ef=64"])
def test_an_approximate_index_is_kept_from_one_opening_to_the_next(tmp_path, monkeypatch, options):
    url = f"faiss://{tmp_path}/store?{options}"
    chunks, vectors = chunks_and_vectors(300)
    store = open_store(url, collection="test", dimension=DIMENSION)
    store.upsert(chunks, vectors)
    expected = store.query(vectors[7], 5)
    store.close()
    [kept] = (tmp_path / "store").glob("*.index")
    whole = kept.read_bytes()
    made = []
    real = faiss_rows._made
    monkeypatch.setattr(faiss_rows, "_made", lambda *args: (made.append(args), real(*args))[1])

    def asked(expected_to_be_made: int) -> None:
        again = open_store(url, collection="test", dimension=DIMENSION)
        assert again.query(vectors[7], 5) == expected
        again.close()
        assert len(made) == expected_to_be_made

    asked(0)
    kept.write_bytes(whole[:-100])  # cut off: not used, and written again
    asked(1)
    assert kept.read_bytes() == whole
    kept.write_bytes(b"nonsense")
    asked(2)
    store = open_store(url, collection="test", dimension=DIMENSION)
    store.upsert(chunks[:1], vectors[8:9])  # the same id, another vector: another index
    assert store.query(vectors[8], 1)[0].score == pytest.approx(1.0, abs=1e-4)
    assert len(made) >= 3
    store.drop()
    assert not kept.exists()
