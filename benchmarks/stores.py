"""Every store that runs here, side by side: writing, searching, recall, and what our wrapper costs.

    .venv/bin/python benchmarks/stores.py [--sizes 10000,50000] [--engines chroma,postgresql,...]

Prints a row as each engine ends and a Markdown table last; changes nothing. The vectors are unit
vectors of 384 numbers around as many centres as a library has topics (one for 50 chunks): random
ones without clusters flatter nobody and mislead about recall. Each engine gets the same chunks in
batches of 500 and the same 200 queries; recall@10 is against exact cosine in NumPy.

"Bare" is the engine's own client, which does the same work in the same run, by turns: same batches,
same settings, text and metadata read back. It fills a copy of its own. In PostgreSQL it asks our
table, because an ivfflat index of the same rows comes out another each time it is built: two of
them measure their luck. For FAISS it is an index, and SQLite for the texts. "Ratio" is our median
over the bare one's for searching, and all our seconds over all of its own for writing. Exits with 1
when a ratio of searching is above 1.15.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
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


def bare_faiss(store, chunks, vectors):
    import json
    import sqlite3

    import faiss

    db = sqlite3.connect(store._folder / "bare.sqlite", isolation_level=None)
    db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")  # as ours
    db.execute("CREATE TABLE bare (id TEXT PRIMARY KEY, body TEXT, packed TEXT, vector BLOB)")
    index = faiss.IndexFlatIP(DIMENSION)
    ids = []

    def upsert(start, stop):
        db.execute("BEGIN")
        db.executemany(
            "INSERT OR REPLACE INTO bare VALUES (?, ?, ?, ?)",
            [
                (chunk.id, chunk.text, json.dumps(packed(chunk)), vector.tobytes())
                for chunk, vector in zip(chunks[start:stop], vectors[start:stop], strict=True)
            ],
        )
        db.execute("COMMIT")
        index.add(vectors[start:stop])
        ids.extend(chunk.id for chunk in chunks[start:stop])

    def query(vector):
        faiss.omp_set_num_threads(1)  # as ours
        _, rows = index.search(vector[None, :], K)
        found = [ids[row] for row in rows[0]]
        marks = ", ".join("?" * K)
        texts = db.execute(f"SELECT id, body, packed FROM bare WHERE id IN ({marks})", found)
        return [(id_, body, json.loads(kept)) for id_, body, kept in texts]

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
    ask = (
        'SELECT id, document_id, position, start, "end", body, metadata, embedding <=> %s AS d '
        "FROM ragscope.ours ORDER BY d LIMIT %s"
    )
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
    "faiss": bare_faiss,
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


@dataclass
class Row:
    """What one engine took, in seconds a batch and a query; nothing for a bare client we lack."""

    name: str
    size: int
    put: list[float]
    bare_put: list[float]
    ask: list[float]
    bare_ask: list[float]
    recall: float

    def ratio(self) -> float | None:
        """Return our median of searching over the bare client's, if there is one."""
        return float(np.median(self.ask) / np.median(self.bare_ask)) if self.bare_ask else None

    def cells(self) -> list[str]:
        """Return what stands under HEADS."""
        written = sum(self.put) / sum(self.bare_put) if self.bare_put else None
        return [
            self.name,
            f"{self.size:,}",
            f"{self.size / sum(self.put):,.0f}",
            *milliseconds(self.put, self.bare_put, 1),
            said(written),
            *milliseconds(self.ask, self.bare_ask, 2),
            said(self.ratio()),
            f"{self.recall:.3f}",
        ]


HEADS = [
    "engine", "chunks", "put/s", "put p50", "p95", "bare p50", "ratio",
    "ask p50", "p95", "bare p50", "ratio", "recall@10",
]  # fmt: skip


def milliseconds(ours: list[float], theirs: list[float], digits: int) -> list[str]:
    """Return our p50 and p95, and the bare client's p50."""
    found = [*np.percentile(ours, [50, 95]), *([np.median(theirs)] if theirs else [])]
    cells = [f"{value * 1000:,.{digits}f}" for value in found]
    return cells if theirs else [*cells, "-"]


def said(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.2f}"


def measure(name: str, size: int, folder: Path) -> Row:
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
        # Beforehand: NumPy's threads would stand in the way of whoever is timed next.
        best = [np.argpartition(-(vectors @ query), K)[:K] for query in queries]
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
            wanted = {chunks[row].id for row in best[turn]}
            recall += len(wanted & {hit.chunk.id for hit in found}) / K / len(queries)
    return Row(name, size, put, bare_put, ask, bare_ask, recall)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="10000,50000")
    parser.add_argument("--engines", default=",".join(WAYS))
    asked = parser.parse_args()
    widths = [17, 7, 7, 8, 9, 8, 6, 8, 7, 8, 6, 9]
    print(aligned(HEADS, widths))
    rows = []
    for size in map(int, asked.sizes.split(",")):
        for name in asked.engines.split(","):
            with tempfile.TemporaryDirectory() as folder:
                rows.append(measure(name, size, Path(folder)))
            print(aligned(rows[-1].cells(), widths), flush=True)
    print(f"\n| {' | '.join(HEADS)} |\n|---|{'--:|' * (len(HEADS) - 1)}")
    for row in rows:
        print(f"| {' | '.join(row.cells())} |")
    slow = [
        f"{row.name} at {row.size:,}: {said(row.ratio())}"
        for row in rows
        if (row.ratio() or 0) > MOST
    ]
    if slow:
        raise SystemExit(f"Our wrapper costs more than {MOST}: {'; '.join(slow)}")


def aligned(cells: list[str], widths: list[int]) -> str:
    pairs = zip(cells, widths, strict=True)
    return " ".join(
        cell.ljust(w) if at == 0 else cell.rjust(w) for at, (cell, w) in enumerate(pairs)
    )


if __name__ == "__main__":
    main()
