"""One contract for every vector store."""

import numpy as np
import pytest

from rag_core import Chunk, Document, FingerprintError, open_store
from rag_core.errors import StoreError
from rag_core.stores import STORES

DIMENSION = 16


def chunks_and_vectors(count: int, seed: int = 0):
    generator = np.random.default_rng(seed)
    vectors = generator.normal(size=(count, DIMENSION)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    document = Document.from_text(f"{seed}.txt", "x" * count)
    chunks = [
        Chunk.cut(document, n, n, n + 1, {"year": 2000 + n % 10, "name": f"d{n % 3}"})
        for n in range(count)
    ]
    return chunks, vectors


@pytest.fixture(params=sorted(STORES))
def url(request, tmp_path):
    return f"{request.param}://{tmp_path}/store"


@pytest.fixture
def store(url):
    return open_store(url, collection="test", dimension=DIMENSION, fingerprint="f1")


def test_what_goes_in_comes_out(store):
    chunks, vectors = chunks_and_vectors(50)
    store.upsert(chunks, vectors)
    assert store.count() == 50
    assert store.get([chunks[7].id, "unknown", chunks[3].id]) == [chunks[7], chunks[3]]
    assert sorted(chunk.id for chunk in store) == sorted(chunk.id for chunk in chunks)


def test_order_and_scores_are_exact_cosine(store):
    chunks, vectors = chunks_and_vectors(300)
    store.upsert(chunks, vectors)
    for query in vectors[:5]:
        hits = store.query(query, 10)
        cosines = vectors @ query
        best = sorted(range(300), key=lambda n: (-cosines[n], chunks[n].id))[:10]
        assert [hit.chunk for hit in hits] == [chunks[n] for n in best]
        assert np.allclose([hit.score for hit in hits], cosines[best], atol=1e-4)
        assert [hit.rank for hit in hits] == list(range(1, 11))


def test_ties_break_by_id(store):
    chunks, vectors = chunks_and_vectors(20)
    store.upsert(chunks, np.tile(vectors[:1], (20, 1)))
    ids = [hit.chunk.id for hit in store.query(vectors[0], 20)]
    assert ids == sorted(ids)


def test_upsert_replaces(store):
    chunks, vectors = chunks_and_vectors(2)
    store.upsert(chunks, vectors)
    store.upsert(chunks[:1], vectors[1:])
    assert store.count() == 2
    assert store.query(vectors[1], 1)[0].score == pytest.approx(1.0, abs=1e-4)


def test_vectors_come_back_as_they_went_in(store):
    chunks, vectors = chunks_and_vectors(30)
    store.upsert(chunks, vectors)
    found = store.vectors([chunks[3].id, "unknown", chunks[0].id])
    assert set(found) == {chunks[3].id, chunks[0].id}
    assert found[chunks[3].id].dtype == np.float32
    assert np.allclose(found[chunks[3].id], vectors[3], atol=1e-6)
    assert store.vectors([]) == {}


def test_delete_by_id_and_by_document(store):
    one, vectors = chunks_and_vectors(5, seed=1)
    two, _ = chunks_and_vectors(5, seed=2)
    store.upsert([*one, *two], np.vstack([vectors, vectors]))
    store.delete([one[0].id, "unknown"])
    assert store.count() == 9
    store.delete_document(two[0].document_id)
    assert {chunk.id for chunk in store} == {chunk.id for chunk in one[1:]}
    store.delete([])


def test_k_larger_than_the_store_and_an_empty_store(store):
    chunks, vectors = chunks_and_vectors(3)
    assert store.query(vectors[0], 5) == []
    assert list(store) == []
    store.upsert(chunks, vectors)
    assert len(store.query(vectors[0], 500)) == 3


def test_filters(store):
    chunks, vectors = chunks_and_vectors(60)
    store.upsert(chunks, vectors)
    where = {"$or": [{"year": {"$gte": 2008}}, {"name": {"$in": ["d0"]}}]}
    found = {hit.chunk.id for hit in store.query(vectors[0], 60, where)}
    expected = {c.id for c in chunks if c.metadata["year"] >= 2008 or c.metadata["name"] in ["d0"]}
    assert found == expected
    own = {"document_id": chunks[0].document_id, "index": {"$lt": 2}}
    assert {hit.chunk.id for hit in store.query(vectors[0], 9, own)} == {
        chunks[0].id,
        chunks[1].id,
    }
    assert store.query(vectors[0], 5, {"year": 1}) == []


def test_it_is_there_after_reopening(url, store):
    chunks, vectors = chunks_and_vectors(10)
    store.upsert(chunks, vectors)
    again = open_store(url, collection="test", dimension=DIMENSION, fingerprint="f1")
    assert again.count() == 10
    assert again.query(vectors[4], 1)[0].chunk == chunks[4]


def test_another_model_is_refused(url, store):
    with pytest.raises(FingerprintError, match="f1"):
        open_store(url, collection="test", dimension=DIMENSION, fingerprint="f2")
    with pytest.raises(FingerprintError, match="16"):
        open_store(url, collection="test", dimension=8, fingerprint="f1")
    open_store(url, collection="other", dimension=8, fingerprint="f2")


def test_wrong_shapes_are_named(store):
    chunks, vectors = chunks_and_vectors(2)
    with pytest.raises(ValueError, match=r"\(2, 16\)"):
        store.upsert(chunks, vectors[:, :8])
    with pytest.raises(ValueError, match="16"):
        store.query(vectors[0, :8], 1)
    with pytest.raises(ValueError, match="at least 1"):
        store.query(vectors[0], 0)


def test_large_stores_are_read_in_pages(store):
    chunks, vectors = chunks_and_vectors(6_000)
    store.upsert(chunks, vectors)
    assert store.count() == 6_000
    assert len({chunk.id for chunk in store}) == 6_000
    assert len(store.get([chunk.id for chunk in chunks])) == 6_000
    store.delete([chunk.id for chunk in chunks[:5_999]])
    assert [chunk.id for chunk in store] == [chunks[-1].id]


def test_an_unknown_scheme_lists_the_known_ones():
    with pytest.raises(ValueError, match="did you mean chroma"):
        open_store("chrma:///x", collection="abc", dimension=2)


def test_a_name_chroma_refuses_and_a_path_that_is_a_file(tmp_path):
    with pytest.raises(StoreError, match="could not be opened"):
        open_store(f"chroma://{tmp_path}/a", collection="a!", dimension=2)
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="could not be opened"):
        open_store(f"chroma://{tmp_path}/file", collection="abc", dimension=2)
