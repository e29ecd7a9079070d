"""Every store that runs here, side by side: writing, searching, recall, and what our wrapper costs.

    .venv/bin/python benchmarks/stores.py [--sizes 10000,50000] [--engines chroma,postgresql,...]

Prints; changes nothing. The vectors are unit vectors of 384 numbers around as many centres as a
library has topics (one for 50 chunks): random ones without clusters flatter nobody and mislead
about recall. Each engine gets the same chunks in batches of 500 and the same 200 queries; recall@10
is against exact cosine in NumPy. "Ratio" is our wrapper's median over the bare client's, which does
the same work in the same run, by turns, on its own copy: same batches, same settings, text and
metadata read back. Exits with 1 when a ratio of searching is above 1.15.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from store_servers import engine  # noqa: E402

from rag_core import Chunk, Document, open_store  # noqa: E402

DIMENSION, BATCH, QUERIES, K, MOST = 384, 500, 200, 10, 1.15
WAYS = {  # name: the engine, and what is added to its url
    "chroma": ("chroma", ""),
    "chroma server": ("chroma+http", ""),
    "faiss": ("faiss", ""),
    "pgvector hnsw": ("postgresql", "&index=hnsw"),
    "pgvector ivfflat": ("postgresql", "&index=ivfflat"),
    "pgvector exact": ("postgresql", "&index=none"),
    "qdrant embedded": ("qdrant", ""),
}


def library(size: int):
    generator = np.random.default_rng(7)
    centres = generator.normal(size=(max(1, size // 50), DIMENSION))
    which = generator.integers(len(centres), size=size + QUERIES)
    rows = centres[which] + 0.7 * generator.normal(size=(size + QUERIES, DIMENSION))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    words = "The harbour opens at nine and closes when the last boat is in. " * 12
    document = Document.from_text("library.txt", words * (size // 600 + 2))
    chunks = [
        Chunk.cut(document, n, n, n + 700, {"name": f"d{n % 97}", "page": n % 30})
        for n in range(size)
    ]
    return chunks, rows[:size], rows[size:]


# -- bare clients: each returns upsert(start, stop), query(vector) and finish() -------------------


def packed(chunk: Chunk) -> dict:
    place = {"document_id": chunk.document_id, "index": chunk.index}
    return {**chunk.metadata, **place, "start": chunk.start, "end": chunk.end}


def bare_chroma(store, chunks, vectors):
    from rag_core.stores.chroma import _HNSW

    collection = store._client.create_collection(
        "bare", embedding_function=None, configuration={"hnsw": _HNSW}
    )

    def upsert(start, stop):
        collection.upsert(
            ids=[chunk.id for chunk in chunks[start:stop]],
            embeddings=vectors[start:stop],
            documents=[chunk.text for chunk in chunks[start:stop]],
            metadatas=[packed(chunk) for chunk in chunks[start:stop]],
        )

    def query(vector):
        return collection.query(
            query_embeddings=vector[None, :],
            n_results=K,
            include=["distances", "documents", "metadatas"],
        )

    return upsert, query, None


def bare_postgres(store, chunks, vectors):
    from psycopg import sql
    from psycopg.types.json import Jsonb

    from rag_core.stores.pg_vectors import Vector

    db = store._pool.getconn()
    db.execute("DROP TABLE IF EXISTS bare")
    db.execute(
        "CREATE TABLE bare (id text PRIMARY KEY, body text, metadata jsonb, "
        f"embedding vector({DIMENSION}))"
    )
    insert = (
        "INSERT INTO bare VALUES (%s, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET "
        "body = excluded.body, metadata = excluded.metadata, embedding = excluded.embedding"
    )
    ask = "SELECT id, body, metadata, embedding <=> %s AS d FROM bare ORDER BY d LIMIT %s"
    built = False

    def upsert(start, stop):
        with db.transaction(), db.cursor() as cursor:
            cursor.executemany(
                insert,
                [
                    (chunk.id, chunk.text, Jsonb(packed(chunk)), Vector(vector))
                    for chunk, vector in zip(chunks[start:stop], vectors[start:stop], strict=True)
                ],
            )
        build()

    def build():
        nonlocal built
        if store._indexed and not built:
            built = True
            db.execute(store._index.create(sql.Identifier("bare_index"), sql.Identifier("bare")))

    def query(vector):
        if not store._indexed:
            return db.execute(ask, (Vector(vector), K), prepare=False, binary=True).fetchall()
        with db.transaction():
            db.execute(*store._index.tuning(K))
            return db.execute(ask, (Vector(vector), K), prepare=False, binary=True).fetchall()

    return upsert, query, build


def bare_qdrant(store, chunks, vectors):
    from qdrant_client import models

    from rag_core.stores.qdrant_payload import point_id

    client = store._client
    shape = models.VectorParams(size=DIMENSION, distance=models.Distance.COSINE)
    client.create_collection("bare", vectors_config=shape)
    store._folder.group_commits("bare")

    def upsert(start, stop):
        points = [
            models.PointStruct(
                id=point_id(chunk.id),
                vector=vector.tolist(),
                payload={"text": chunk.text, **packed(chunk)},
            )
            for chunk, vector in zip(chunks[start:stop], vectors[start:stop], strict=True)
        ]
        client.upsert("bare", points, wait=True)
        store._folder.sync("bare")

    def query(vector):
        return client.query_points("bare", query=vector.tolist(), limit=K, with_payload=True)

    return upsert, query, None


BARE = {
    "chroma": bare_chroma,
    "chroma+http": bare_chroma,
    "postgresql": bare_postgres,
    "qdrant": bare_qdrant,
}


# -- measuring ------------------------------------------------------------------------------------


def seconds(work: Callable[..., object], *values) -> float:
    start = time.perf_counter()
    work(*values)
    return time.perf_counter() - start


def by_turns(ours: list[float], theirs: list[float], turn: int, one, other) -> None:
    """Time both, the other one first every second time."""
    pairs = [(ours, one), (theirs, other)]
    for times, work in pairs if turn % 2 == 0 else reversed(pairs):
        if work is not None:
            times.append(seconds(work))


def measure(name: str, size: int, folder: Path) -> float | None:
    """Print a row and return the ratio of searching, if there is a bare client."""
    kind, more = WAYS[name]
    chunks, vectors, queries = library(size)
    with ExitStack() as stack:
        running = stack.enter_context(engine(kind, folder))
        store = open_store(running.url + more, collection="ours", dimension=DIMENSION)
        stack.callback(store.close)
        bare = BARE[kind](store, chunks, vectors) if kind in BARE else (None, None, None)
        put, bare_put, ask, bare_ask = [], [], [], []
        for turn, start in enumerate(range(0, size, BATCH)):
            stop = min(start + BATCH, size)
            by_turns(
                put,
                bare_put,
                turn,
                lambda a=start, b=stop: store.upsert(chunks[a:b], vectors[a:b]),
                bare[0] and (lambda a=start, b=stop: bare[0](a, b)),
            )
        if bare[2] is not None:  # ours may have built its index with its last batch
            bare_put.append(seconds(bare[2]))
        recall = 0.0
        for query in queries[:20]:  # to warm both up
            store.query(query, K)
            if bare[1] is not None:
                bare[1](query)
        for turn, query in enumerate(queries):
            found: list = []
            by_turns(
                ask,
                bare_ask,
                turn,
                lambda q=query, into=found: into.extend(store.query(q, K)),
                bare[1] and (lambda q=query: bare[1](q)),
            )
            best = {chunks[row].id for row in np.argpartition(-(vectors @ query), K)[:K]}
            recall += len(best & {hit.chunk.id for hit in found}) / K / len(queries)
    (p50, p95), (w50, w95) = (np.percentile(times, [50, 95]) * 1000 for times in (ask, put))
    ratio = float(np.median(ask) / np.median(bare_ask)) if bare_ask else None
    written = float(sum(put) / sum(bare_put)) if bare_put else None
    print(
        f"{name:17} {size:7,} {size / sum(put):9,.0f} {w50:8.1f} {w95:8.1f} "
        f"{p50:8.2f} {p95:8.2f} {recall:7.3f} {said(ratio):>7} {said(written):>7}",
        flush=True,
    )
    return ratio


def said(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="10000,50000")
    parser.add_argument("--engines", default=",".join(WAYS))
    asked = parser.parse_args()
    print(
        f"{'engine':17} {'chunks':>7} {'put/s':>9} {'put p50':>8} {'p95 ms':>8} "
        f"{'ask p50':>8} {'p95 ms':>8} {'rec@10':>7} {'ratio':>7} {'put':>7}"
    )
    slow = []
    for size in map(int, asked.sizes.split(",")):
        for name in asked.engines.split(","):
            with tempfile.TemporaryDirectory() as folder:
                ratio = measure(name, size, Path(folder))
            if ratio is not None and ratio > MOST:
                slow.append(f"{name} at {size:,}: {ratio:.2f}")
    if slow:
        raise SystemExit(f"Our wrapper costs more than {MOST}: {'; '.join(slow)}")


if __name__ == "__main__":
    main()
