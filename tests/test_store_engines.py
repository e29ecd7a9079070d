"""What is each engine's own: indexes, clusters, limits, keys, and packages that are missing."""

import contextlib
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from pinecone_server import KEY, pinecone_server
from qdrant_server import qdrant_server
from store_servers import postgres
from test_store_conformance import DIMENSION, chunks_and_vectors, unit

from rag_core import Chunk, Document, FingerprintError, MissingDependencyError, open_store
from rag_core.errors import SettingsError, StoreError
from rag_core.stores.health import check_health


def opened(url, **options):
    chosen = {"collection": "abc", "dimension": DIMENSION, "fingerprint": "f", **options}
    return contextlib.closing(open_store(url, **chosen))


@pytest.mark.parametrize(
    ("url", "package", "requirements"),
    [
        ("postgresql://x/y", "psycopg", "requirements-pgvector.txt"),
        ("qdrant:///x", "qdrant_client", "requirements-qdrant.txt"),
        ("pinecone://x", "pinecone", "requirements-pinecone.txt"),
    ],
)
def test_a_package_that_is_missing_is_named_with_the_line_that_installs_it(
    url, package, requirements, monkeypatch
):
    for name in list(sys.modules):
        if name.startswith(("rag_core.stores.", f"{package}.")) or name == package:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingDependencyError, match=f"pip install -r {requirements}"):
        open_store(url, collection="abc", dimension=2)


# -- PostgreSQL -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server():
    with postgres() as one:
        yield one.url


@pytest.mark.parametrize(
    "options",
    [
        "&index=hnsw&index_from=1000&m=8&ef_construction=32&ef_search=60",
        "&index=ivfflat&index_from=1000&lists=20&probes=5",
    ],
)
def test_an_index_is_built_when_it_pays_and_finds_nearly_all(server, options):
    generator = np.random.default_rng(1)
    centres = generator.normal(size=(40, DIMENSION))
    chunks, _ = chunks_and_vectors(2_000)
    vectors = unit(centres[np.arange(2_000) % 40] + 0.3 * generator.normal(size=(2_000, DIMENSION)))
    kind = options.split("=")[1].split("&")[0]
    with opened(server + options, collection=kind) as store:
        store.upsert(chunks[:900], vectors[:900])
        assert check_health(store).index["state"] == "exact: no index"
        store.upsert(chunks[900:], vectors[900:])
        health = check_health(store)
        assert health.index["state"] == "built"
        assert health.index["kind"] == kind
        found = 0
        for query in vectors[::100]:
            best = set(np.argsort(-(vectors @ query))[:10].tolist())
            found += len(best & {hit.chunk.index for hit in store.query(query, 10)})
        assert found / 200 >= 0.9
        assert len(store.query(vectors[0], 1_500)) == 1_500
        few = store.query(vectors[0], 10, {"index": {"$lt": 7}})
        assert {hit.chunk.index for hit in few} == set(range(7))
        # What a query sets ends with it.
        name, default = {"hnsw": ("ef_search", "40"), "ivfflat": ("probes", "1")}[kind]
        assert store._rows("x", f"SHOW {kind}.{name}".encode(), ())[0][0] == default
        store.drop()
    with opened(server + options, collection=kind) as store:
        assert store.count() == 0


def test_a_query_is_tuned_by_the_url_and_not_by_the_server(server):
    _, vectors = chunks_and_vectors(1_000, seed=3)
    chunks, _ = chunks_and_vectors(1_000)
    found = {}
    for probes in (1, 25):  # of 25: all of them, so that nothing can be missed
        options = f"&index=ivfflat&index_from=1000&lists=25&probes={probes}"
        with opened(server + options, collection=f"probes-{probes}") as store:
            store.upsert(chunks, vectors)
            assert check_health(store).index["state"] == "built"
            found[probes] = [
                len(
                    set(np.argsort(-(vectors @ query))[:10].tolist())
                    & {hit.chunk.index for hit in store.query(query, 10)}
                )
                for query in vectors[:20]
            ]
            store.drop()
    assert sum(found[25]) == 200
    assert sum(found[1]) < 200


def test_an_indexed_query_that_fails_is_an_error_and_the_next_one_answers(monkeypatch):
    chunks, vectors = chunks_and_vectors(200)
    monkeypatch.setattr(
        "rag_core.stores.pgvector._WAIT", 2
    )  # seconds, for what is known to be down
    with postgres() as one, opened(one.url + "&index_from=100", collection="abc") as store:
        store.upsert(chunks, vectors)
        assert check_health(store).index["state"] == "built"
        with pytest.raises(StoreError, match="The query failed"):
            store.query(np.full(DIMENSION, np.nan, np.float32), 5)
        assert store.query(vectors[0], 1)[0].chunk == chunks[0]
        one.stop()
        with pytest.raises(StoreError, match="The query failed"):
            store.query(vectors[0], 1)
        one.start()
        assert store.query(vectors[0], 1)[0].chunk == chunks[0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("&index=tree", "'tree'"),
        ("&index=hnsw&m=0", "m must be"),
        ("&index=hnsw&m=101", "m=101"),
        ("&index=hnsw&lists=5", "lists=5"),
        ("&index=ivfflat&ef_search=5", "ef_search=5"),
    ],
)
def test_an_option_that_does_not_fit_is_named(server, options, said):
    with pytest.raises(SettingsError, match=said):
        open_store(server + options, collection="abc", dimension=2)


def test_a_database_that_is_not_there_and_a_name_that_cannot_be(server):
    with pytest.raises(StoreError, match="could not be opened") as error:
        open_store("postgresql://me:secret@127.0.0.1:1/none", collection="abc", dimension=2)
    assert "secret" not in str(error.value)
    with pytest.raises(StoreError, match="cannot have a collection"):
        open_store(server, collection='a"; DROP TABLE x; --', dimension=2)


def test_what_postgresql_cannot_hold_is_refused_whole(server):
    chunks, vectors = chunks_and_vectors(3)
    bad = Chunk(*("bad", "d", 0, 0, 3), "a\x00b")
    with opened(server, collection="nul") as store:
        with pytest.raises(StoreError, match="could not be stored"):
            store.upsert([*chunks[:2], bad], vectors)
        assert store.count() == 0
        assert store.get(["a\x00b"]) == []
        store.delete(["a\x00b"])


# -- Qdrant ---------------------------------------------------------------------------------------


def test_a_cluster_gets_its_shards_and_replicas():
    with qdrant_server() as server:
        with opened(f"{server.url}?shards=6&replicas=3&m=24&ef_construct=80") as store:
            index = check_health(store).index
        ((_, asked),) = server.created
        assert (asked.shard_number, asked.replication_factor) == (6, 3)
        assert asked.write_consistency_factor == 2  # most of the replicas
        assert asked.hnsw_config.m == 24
        assert (index["shards"], index["replicas"], index["m"]) == (6, 3, 24)
        with pytest.raises(SettingsError, match="'shard'"):
            open_store(f"{server.url}?shard=6", collection="abc", dimension=2)


@pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection")
def test_a_qdrant_key_is_sent_and_a_missing_one_is_an_error(monkeypatch):
    with qdrant_server(key="q-key") as server:
        with pytest.raises(StoreError, match="API key"):
            open_store(server.url, collection="abc", dimension=2)
        monkeypatch.setenv("QDRANT_API_KEY", "q-key")
        with opened(server.url) as store:
            assert store.count() == 0


def test_qdrant_dying_within_a_request_is_an_error_and_a_retry_ends_right():
    chunks, vectors = chunks_and_vectors(600)
    with qdrant_server() as server, opened(server.url) as store:
        server.die_after = 1
        with pytest.raises(StoreError, match="could not be stored"):
            store.upsert(chunks, vectors)
        server.die_after = None
        server.start()
        store.upsert(chunks, vectors)
        assert store.count() == 600


# -- Pinecone -------------------------------------------------------------------------------------


@pytest.fixture
def pinecone(monkeypatch):
    with pinecone_server() as server:
        monkeypatch.setenv("PINECONE_API_KEY", KEY)
        monkeypatch.setenv("PINECONE_CONTROLLER_HOST", f"http://127.0.0.1:{server.port}")
        yield server
        assert server.violations == []


def test_pinecone_gets_batches_within_its_limits(pinecone):
    chunks, _ = chunks_and_vectors(250)
    vectors = unit(np.random.default_rng(2).normal(size=(250, 1_536)))
    with opened("pinecone://wide?cloud=gcp&region=europe-west4", dimension=1_536) as store:
        store.upsert(chunks, vectors)
        assert store.count() == 250
    assert sum(pinecone.upserts) == 251  # and one that notes the model
    assert len(pinecone.upserts) > 3
    assert pinecone.indexes["wide"]["deployment"]["cloud"] == "gcp"


def test_pinecone_keeps_namespaces_apart_and_indexes_of_one_length(pinecone):
    chunks, vectors = chunks_and_vectors(4)
    with opened("pinecone://one") as here, opened("pinecone://one?namespace=b") as there:
        here.upsert(chunks, vectors)
        assert (here.count(), there.count()) == (4, 0)
        here.drop()
        assert here.count() == 0
    with pytest.raises(FingerprintError, match="16"):
        open_store("pinecone://one", collection="other", dimension=8)


def test_a_chunk_that_pinecone_would_refuse_is_named(pinecone):
    document = Document.from_text("a.txt", "x" * 50_000)
    with (
        opened("pinecone://one") as store,
        pytest.raises(StoreError, match="smaller chunks"),
    ):
        store.upsert([Chunk.cut(document, 0, 0, 50_000)], unit(np.ones((1, DIMENSION))))


def test_pinecone_without_a_key_or_with_a_wrong_one(pinecone, monkeypatch):
    monkeypatch.setenv("PINECONE_API_KEY", "wrong")
    with pytest.raises(StoreError, match="bad key"):
        open_store("pinecone://one", collection="abc", dimension=2)
    monkeypatch.delenv("PINECONE_API_KEY")
    with pytest.raises(SettingsError, match="PINECONE_API_KEY"):
        open_store("pinecone://one", collection="abc", dimension=2)


def test_pinecone_that_never_shows_a_write_is_an_error(pinecone, monkeypatch):
    chunks, vectors = chunks_and_vectors(4)
    with opened("pinecone://one") as store:
        monkeypatch.setattr("rag_core.stores.pinecone.WAIT", 0.2)
        pinecone.lag = 4
        with pytest.raises(StoreError, match="has not shown"):
            store.upsert(chunks, vectors)


# -- Chroma ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("in_url", [True, False])
def test_a_chroma_token_and_tenant_are_sent(in_url, monkeypatch):
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append((self.path, self.headers["x-chroma-token"]))
            identity = self.path.endswith("/auth/identity")
            body = b'{"user_id": "u", "tenant": "team", "databases": ["books"]}'
            self.send_response(200 if identity else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    token = ":ck-secret@" if in_url else ""
    if not in_url:
        monkeypatch.setenv("CHROMA_API_KEY", "ck-secret")
    url = f"chroma+http://{token}127.0.0.1:{server.server_port}?tenant=team&database=books"
    with pytest.raises(StoreError, match="could not be opened") as error:
        open_store(url, collection="abc", dimension=2)
    server.shutdown()
    server.server_close()
    assert "ck-secret" not in str(error.value)
    assert {token for _, token in seen} == {"ck-secret"}
    assert any("team" in path for path, _ in seen)
