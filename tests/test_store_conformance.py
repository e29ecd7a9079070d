"""One contract for every vector store: the same tests, run against each engine that runs here."""

import contextlib
import itertools
import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from store_servers import engine

from rag_core import Chunk, Document, FilterError, FingerprintError, open_store
from rag_core.filters import checked, matches
from rag_core.keyword import filterable
from rag_core.stores import STORES
from rag_core.stores.health import check_health

DIMENSION = 16
SAME_SERVER = {"qdrant+https", "chroma+https"}  # only the scheme differs
ENGINES = sorted(set(STORES) - SAME_SERVER)
# A fifth of the size, so that the suite stays below four minutes: Qdrant's embedded mode commits
# every point by itself, loopback servers read everything as JSON, and each is served by Python.
SLOW = {"chroma+http", "qdrant", "qdrant+http", "pinecone"}
_numbers = itertools.count()


@pytest.fixture(scope="module", params=ENGINES)
def running(request, tmp_path_factory):
    with engine(request.param, tmp_path_factory.mktemp("engine")) as one:
        yield one
        one.check()


@pytest.fixture(autouse=True)
def _settled(running):
    running.settle()  # every test's own settings forget the keys


@pytest.fixture
def opened(running):
    """Return a function that opens a collection of this test's own, as often as it is called."""
    name = f"test{next(_numbers)}"
    with contextlib.ExitStack() as stack:

        def open_(collection=name, dimension=DIMENSION, fingerprint="f1"):
            store = open_store(
                running.url, collection=collection, dimension=dimension, fingerprint=fingerprint
            )
            return stack.enter_context(contextlib.closing(store))

        yield open_


@pytest.fixture
def store(opened):
    return opened()


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def chunks_and_vectors(count, seed=0, name=None):
    vectors = unit(np.random.default_rng(seed).normal(size=(count, DIMENSION)))
    document = Document.from_text(name or f"{seed}.txt", "x" * count)
    chunks = [
        Chunk.cut(document, n, n, n + 1, {"year": 2000 + n % 10, "name": f"d{n % 3}"})
        for n in range(count)
    ]
    return chunks, vectors


def test_what_goes_in_comes_out(store):
    chunks, vectors = chunks_and_vectors(50)
    store.upsert(chunks, vectors)
    assert store.count() == 50
    assert store.get([chunks[7].id, "unknown", chunks[3].id]) == [chunks[7], chunks[3]]
    assert store.get([]) == []
    assert sorted(chunk.id for chunk in store) == sorted(chunk.id for chunk in chunks)


def test_metadata_and_text_of_every_kind_come_back_as_they_were(store):
    document = Document.from_text("a.txt", "naïve 'quotes' \"two\" %s {} 🎉 مرحبا \\ \n\t$1;--")
    metadata = {
        "flag": True,
        "one": 1,
        "real": 1.0,
        "third": 1 / 3,
        "big": 2**53 - 1,
        "small": -5,
        "text": "it's 100 % \"sure\" {'a': 1} 🎉",
        "odd key: ' \" . [] % ü": "x",
        "empty": "",
    }
    chunk = Chunk.cut(document, 0, 0, len(document.text), metadata)
    store.upsert([chunk], unit(np.ones((1, DIMENSION))))
    (found,) = store.get([chunk.id])
    assert found == chunk
    assert {key: type(value) for key, value in found.metadata.items()} == {
        key: type(value) for key, value in metadata.items()
    }
    assert next(iter(store)) == chunk
    assert store.query(unit(np.ones((1, DIMENSION)))[0], 1)[0].chunk == chunk


def test_order_and_scores_are_exact_cosine(store):
    chunks, vectors = chunks_and_vectors(2_000)
    store.upsert(chunks, vectors)
    for query in unit(np.random.default_rng(9).normal(size=(20, DIMENSION))):
        hits = store.query(query, 10)
        cosines = vectors @ query
        best = sorted(range(2_000), key=lambda n: (-cosines[n], chunks[n].id))[:10]
        assert [hit.chunk for hit in hits] == [chunks[n] for n in best]
        assert np.allclose([hit.score for hit in hits], cosines[best], atol=1e-4)
        assert [hit.rank for hit in hits] == list(range(1, 11))
        assert [hit.scores for hit in hits] == [{"vector": hit.score} for hit in hits]


def test_ties_break_by_id(store):
    chunks, vectors = chunks_and_vectors(20)
    store.upsert(chunks, np.tile(vectors[:1], (20, 1)))
    ids = [hit.chunk.id for hit in store.query(vectors[0], 20)]
    assert ids == sorted(ids)


def test_upsert_replaces(store):
    chunks, vectors = chunks_and_vectors(2)
    store.upsert(chunks, vectors)
    changed = Chunk(*(*_place(chunks[0]), "new text", {"only": 1}))
    store.upsert([changed], vectors[1:])
    assert store.count() == 2
    assert store.query(vectors[1], 1)[0].score == pytest.approx(1.0, abs=1e-4)
    assert store.get([changed.id])[0].text == "new text"
    assert store.get([changed.id])[0].metadata == {"only": 1}
    assert store.query(vectors[1], 9, {"year": 2000}) == []
    store.upsert([], vectors[:0])


def _place(chunk):
    return chunk.id, chunk.document_id, chunk.index, chunk.start, chunk.end


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
    store.delete_document("unknown")
    assert {chunk.id for chunk in store} == {chunk.id for chunk in one[1:]}
    assert {hit.chunk.id for hit in store.query(vectors[0], 9)} == {chunk.id for chunk in one[1:]}
    store.delete([])


def test_k_larger_than_the_store_and_an_empty_store(store):
    chunks, vectors = chunks_and_vectors(3)
    assert store.query(vectors[0], 5) == []
    assert store.query(vectors[0], 5, {"year": 2000}) == []
    assert list(store) == []
    assert store.count() == 0
    store.delete_document("unknown")
    store.upsert(chunks, vectors)
    assert len(store.query(vectors[0], 500)) == 3


# -- filters --------------------------------------------------------------------------------------

NASTY = [
    "it's", 'say "hi"', "100 %", "%s", "%(name)s", "a'; DROP TABLE x; --", "' OR '1'='1",
    '{"$ne": 1}', "[]", "null", "$1", "\\", "\\u0041", "ü", "e\u0301", "🎉", "مرحبا", "a.b",
    "metadata -> 'x'", "true", "1", "1.0", "", " ", "\x00", "a\x00b", "\n",
]  # fmt: skip
FIELDS = ["plain", "it's", 'q"', "100%", "a.b", "x[0]", "ü", "{}", "%s", "name", "page"]
texts = st.sampled_from(NASTY) | st.text(max_size=6)
whole = st.integers(-3, 3) | st.sampled_from([2**53 - 1, 10**12, -(2**40)])
reals = st.sampled_from([0.0, -0.0, 1.0, 0.1, -2.5, 1e-9, 1e15, 1 / 3])
storable = texts.filter(lambda text: "\x00" not in text)
fields = st.sampled_from(FIELDS)
metadatas = st.dictionaries(fields, storable | whole | reals | st.booleans(), max_size=5)


def one_of_kind():
    return st.sampled_from([texts, whole, reals, st.booleans()])


conditions = st.one_of(
    st.tuples(st.sampled_from(["$eq", "$ne"]), texts | whole | reals | st.booleans()),
    st.tuples(st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), whole | reals),
    st.tuples(
        st.sampled_from(["$in", "$nin"]),
        one_of_kind().flatmap(lambda kind: st.lists(kind, min_size=1, max_size=4)),
    ),
    st.tuples(st.just("$contains"), texts),
)
own_fields = st.sampled_from(["index", "start", "end"])
leaves = st.builds(
    lambda field, condition: {field: dict([condition])}, fields | own_fields, conditions
)
filters = st.recursive(
    leaves,
    lambda inner: st.builds(
        lambda joint, parts: {joint: parts},
        st.sampled_from(["$and", "$or"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def library(running):
    """A collection of chunks whose metadata hypothesis made, and those chunks."""
    made = []
    running.settle()

    @settings(max_examples=120, database=None, derandomize=True, deadline=None)
    @given(metadatas)
    def collect(metadata):
        made.append(metadata)

    collect()
    document = Document.from_text("library.txt", "y" * len(made))
    chunks = [Chunk.cut(document, n, n, n + 1, metadata) for n, metadata in enumerate(made)]
    store = open_store(running.url, collection="library", dimension=DIMENSION)
    store.upsert(chunks, unit(np.random.default_rng(3).normal(size=(len(chunks), DIMENSION))))
    yield store, chunks
    store.close()


@settings(
    max_examples=150,
    database=None,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(filters)
def test_filters_mean_the_same_everywhere(library, where):
    store, chunks = library
    try:
        full = checked(where)
    except FilterError:
        assume(False)
    query = unit(np.ones((1, DIMENSION)))[0]
    found = {hit.chunk.index for hit in store.query(query, len(chunks), where)}
    assert found == {chunk.index for chunk in chunks if matches(full, filterable(chunk))}


def test_filters_on_what_every_chunk_has(store):
    chunks, vectors = chunks_and_vectors(60)
    store.upsert(chunks, vectors)
    own = {"document_id": chunks[0].document_id, "index": {"$lt": 2}}
    assert {hit.chunk.id for hit in store.query(vectors[0], 9, own)} == {
        chunks[0].id,
        chunks[1].id,
    }
    assert store.query(vectors[0], 5, {"document_id": "unknown"}) == []
    with pytest.raises(FilterError):
        store.query(vectors[0], 5, {"year": {"$near": 3}})


# -- what is refused ------------------------------------------------------------------------------


def test_another_model_is_refused(opened):
    opened()
    with pytest.raises(FingerprintError, match="f1"):
        opened(fingerprint="f2")
    with pytest.raises(FingerprintError, match="16"):
        opened(dimension=8)


def test_wrong_shapes_are_named(store):
    chunks, vectors = chunks_and_vectors(2)
    with pytest.raises(ValueError, match=r"\(2, 16\)"):
        store.upsert(chunks, vectors[:, :8])
    with pytest.raises(ValueError, match="16"):
        store.query(vectors[0, :8], 1)
    with pytest.raises(ValueError, match="at least 1"):
        store.query(vectors[0], 0)


# -- many -----------------------------------------------------------------------------------------


def test_it_is_there_after_reopening(opened):
    chunks, vectors = chunks_and_vectors(10)
    store = opened()
    store.upsert(chunks, vectors)
    store.close()
    again = opened()
    assert again.count() == 10
    assert again.query(vectors[4], 1)[0].chunk == chunks[4]


def test_two_writers_at_once(opened):
    shared, vectors = chunks_and_vectors(300, seed=5)
    failures = []

    def write(seed):
        own, others = chunks_and_vectors(300, seed=seed)
        store = opened()
        try:
            for start in range(0, 300, 100):
                store.upsert(own[start : start + 100], others[start : start + 100])
                order = slice(None, None, 1 if seed % 2 else -1)
                store.upsert(shared[order], np.ascontiguousarray(vectors[order]))
        except BaseException as error:
            failures.append(error)
            raise

    writers = [threading.Thread(target=write, args=(seed,)) for seed in (6, 7)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert failures == []
    store = opened()
    assert store.count() == 900
    assert store.query(vectors[8], 1)[0].chunk == shared[8]


def test_30_000_chunks_in_and_out(running, store):
    count = 6_000 if running.name in SLOW else 30_000
    chunks, vectors = chunks_and_vectors(count)
    store.upsert(chunks, vectors)
    assert store.count() == count
    assert {chunk.id for chunk in store} == {chunk.id for chunk in chunks}
    assert len(store.get([chunk.id for chunk in chunks])) == count
    assert len(store.vectors([chunk.id for chunk in chunks[:3_000]])) == 3_000
    assert store.query(vectors[77], 1)[0].chunk == chunks[77]
    store.delete([chunk.id for chunk in chunks[: count - 1]])
    assert [chunk.id for chunk in store] == [chunks[-1].id]


def test_health_says_what_it_is(running, store):
    chunks, vectors = chunks_and_vectors(3)
    store.upsert(chunks, vectors)
    health = check_health(store)
    assert (health.ok, health.chunks, health.problem) == (True, 3, "")
    assert health.engine
    assert 0 < health.seconds < 10
