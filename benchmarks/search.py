"""How fast a search is, against named peers in one process; and how good, on three libraries.

    pip install -r requirements.txt -r benchmarks/requirements.txt
    python benchmarks/search.py [--sizes 1000 10000 50000 100000] [--queries 40] [--no-vectors]
    python benchmarks/search.py --quality
    python benchmarks/search.py --beir FOLDER [--queries 100]

The first form prints a row for every number of chunks. Texts are made up: 60 to 140 words, drawn
from 60,000 by Zipf's law; a query is 6 words drawn likewise, so that it holds words that stand in
most chunks: the hardest case. Vectors have 384 numbers and lie in clusters, as those of real texts
do. Peers take turns with ours, query by query. Every figure is from text to ranked hits:

    build     seconds from texts to an index that can be asked: cutting, stemming, laying out
    update    seconds to take in one changed document of 20 chunks
    query     ms, the median over the queries, of the 10 best. rank-bm25 is given the terms that we
              cut, and its get_scores is a loop over all chunks, so it answers fewer queries
    vector    ms, the median: our store, and a bare collection.query on the very same vectors
    hybrid    ms, the median: both sides and fusion, the query's vector being there
    memory    MB, the keyword index without its texts; and the peak of the whole process
    slope     of log(time) on log(chunks), over all sizes: 1 is linear, 0 does not grow

It exits with 1 when a promise is not kept at 50,000 chunks, or at the largest size asked for:
build and query at most 1.5 times bm25s's, query at least 50 times as fast as rank-bm25, vector at
most 1.2 times the bare query. 100,000 vectors take minutes to index; --no-vectors leaves them out.

--quality and --beir: see search_quality.py.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import search_quality  # noqa: E402
from rag_core import open_store  # noqa: E402
from rag_core.datatypes import Chunk  # noqa: E402
from rag_core.keyword import KeywordIndex  # noqa: E402
from rag_core.retrieval import Retriever, SearchOptions  # noqa: E402
from rag_core.terms import STOP_WORDS, terms  # noqa: E402

VOCABULARY, DIMENSION, K = 60_000, 384, 10
BUILD, QUERY, OVER_RANK_BM25, VECTOR = 1.5, 1.5, 50.0, 1.2
PROMISED_AT = 50_000
SLOW_QUERIES = 5  # for a peer that takes a tenth of a second each


@dataclass
class Library:
    """Made-up chunks, the same on every machine; `draw` makes queries of the same words."""

    size: int
    rng: np.random.Generator = field(init=False)
    words: list[str] = field(init=False)
    chunks: list[Chunk] = field(init=False)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(11)
        letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
        lengths = self.rng.integers(3, 11, VOCABULARY)
        self.words = ["".join(self.rng.choice(letters, size=length)) for length in lengths]
        self.chunks = []
        for number in range(self.size):
            text = self.draw(int(self.rng.integers(60, 140)))
            document = f"d{number // 20}"
            self.chunks.append(Chunk(f"{number:08d}", document, number, 0, len(text), text))

    def draw(self, count: int) -> str:
        """Return this many words by Zipf's law: the n-th word comes 1/n times as often."""
        ranks = np.exp(self.rng.random(count) * math.log(VOCABULARY)).astype(int) - 1
        return " ".join(self.words[rank] for rank in ranks)

    def vectors(self, count: int) -> np.ndarray:
        """Return unit vectors in clusters: float32 (count, DIMENSION)."""
        centres = self.rng.normal(size=(200, DIMENSION))
        of = self.rng.integers(0, len(centres), count)
        vectors = centres[of] + 0.6 * self.rng.normal(size=(count, DIMENSION))
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


class Bm25s:
    """The peer, given the same stop words and the same stemmer."""

    def __init__(self, texts: Sequence[str]) -> None:
        import bm25s
        import Stemmer

        self._tokenize = bm25s.tokenize
        self._cut = {
            "stopwords": sorted(STOP_WORDS),
            "stemmer": Stemmer.Stemmer("english"),
            "show_progress": False,
        }
        self._index = bm25s.BM25()
        self._index.index(self._tokenize(list(texts), **self._cut), show_progress=False)

    def search(self, query: str) -> Any:
        """Cut the query as the texts were, and return what is best."""
        tokens = self._tokenize([query], return_ids=False, **self._cut)
        return self._index.retrieve(tokens, k=K, show_progress=False)


def rank_bm25(texts: Sequence[str]) -> Callable[[str], Any]:
    """Return the search of the lesson: all scores, all sorted."""
    from rank_bm25 import BM25Okapi

    index = BM25Okapi([terms(text) for text in texts])
    return lambda query: np.argsort(index.get_scores(terms(query)))[::-1][:K]


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds a piece of work takes, and what it makes."""
    start = time.perf_counter()
    made = work()
    return time.perf_counter() - start, made


def medians(ways: dict[str, Callable[[Any], Any]], asked: Sequence[Any]) -> dict[str, float]:
    """Ask every way every question; return the median of each in milliseconds."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way(asked[0])  # the first time pays for what is loaded late
    for turn, question in enumerate(asked):
        # Whoever comes second finds the data in the processor's cache: take turns
        for name, way in list(ways.items())[:: 1 if turn % 2 else -1]:
            taken[name].append(timed(lambda way=way, question=question: way(question))[0])
    return {name: 1000 * statistics.median(times) for name, times in taken.items()}


def slope(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Return the exponent e of values ~ sizes^e by least squares; needs two sizes."""
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def index_bytes(index: KeywordIndex) -> int:
    """Return what the arrays and the vocabulary of an index take, in bytes, texts aside."""
    counts = index._counts
    arrays = (counts.starts, counts.rows, counts.frequencies, counts.lengths)
    numbers = sum(array.nbytes for array in (*arrays, index._scores, index._idf))
    words = sum(sys.getsizeof(word) for word in counts.vocabulary)
    return numbers + words + sys.getsizeof(counts.vocabulary) + sys.getsizeof(index._rows)


def peak_mb() -> float:
    """Return the most memory this process has held so far, in MB; nan where it is not told."""
    if sys.platform == "win32":
        return math.nan
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def keyword_row(library: Library, queries: int) -> tuple[dict[str, float], KeywordIndex]:
    """Measure keyword search at one size."""
    texts = [chunk.text for chunk in library.chunks]
    Bm25s([chunk.text for chunk in KeywordIndex(library.chunks[:99])])  # load what loads late
    ours, theirs = [], []
    for _ in range(2):
        seconds, index = timed(lambda: KeywordIndex(library.chunks))
        ours.append(seconds)
        seconds, peer = timed(lambda: Bm25s(texts))
        theirs.append(seconds)
    changed = [
        Chunk(f"{chunk.id}+", chunk.document_id, chunk.index, 0, chunk.end, f"{chunk.text} new")
        for chunk in library.chunks[:20]
    ]
    asked = [library.draw(6) for _ in range(queries)]
    ways = {"query": lambda query: index.search(query, K), "bm25s": peer.search}
    row = {
        "build": min(ours),
        "build bm25s": min(theirs),
        "update": timed(lambda: index.updated(changed, [c.id[:-1] for c in changed]))[0],
        **medians(ways, asked),
        **medians({"rank-bm25": rank_bm25(texts)}, asked[:SLOW_QUERIES]),
        "index MB": index_bytes(index) / 1e6,
    }
    return row, index


def vector_row(library: Library, index: KeywordIndex, queries: int) -> dict[str, float]:
    """Measure vector and hybrid search at one size, in a Chroma folder made for it."""
    made = library.vectors(len(library.chunks) + queries)
    vectors, asked = made[:-queries], list(made[-queries:])
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        url = Path(folder).as_uri().replace("file:", "chroma:")
        store = open_store(url, collection="benchmark", dimension=DIMENSION)
        seconds, _ = timed(lambda: store.upsert(library.chunks, vectors))
        bare = store._collection
        row = medians(
            {
                "vector": lambda vector: store.query(vector, K),
                "bare Chroma": lambda vector: bare.query(
                    query_embeddings=vector[None, :],
                    n_results=K,
                    include=["distances", "documents", "metadatas"],
                ),
            },
            asked,
        )
        texts = iter([library.draw(6) for _ in range(queries + 1)])
        given = Given()
        retriever = Retriever(embedder=given, store=lambda: store, keywords=lambda: index)

        def hybrid(vector: np.ndarray) -> object:
            given.vector = vector
            return retriever.search(next(texts), SearchOptions(k=K))

        row |= medians({"hybrid": hybrid}, asked)
        store.close()
    return {"vectors stored": seconds, **row}


class Given:
    """An embedder whose answer is there already."""

    name = fingerprint = "given"
    dimension = DIMENSION
    vector: np.ndarray

    def embed_query(self, text: str) -> np.ndarray:
        """Return the vector that was set last."""
        return self.vector


def report(sizes: list[int], rows: list[dict[str, float]]) -> None:
    """Print a line a figure, a column a size, and the slope."""
    print(f"{'':16}" + "".join(f"{size:>12,}" for size in sizes) + f"{'slope':>9}")
    units = {"build": "s", "build bm25s": "s", "update": "s", "vectors stored": "s", "peak MB": ""}
    for name in rows[0]:
        values = [row[name] for row in rows]
        unit = units.get(name, "" if name.endswith("MB") else "ms")
        grows = f"{slope(sizes, values):9.2f}" if len(sizes) > 1 and name != "peak MB" else ""
        print(f"{name:16}" + "".join(f"{value:12.3f}" for value in values) + grows + f" {unit}")


def promises(row: dict[str, float]) -> list[tuple[str, float, bool]]:
    """Return each promise, its figure at this size, and whether it is kept."""
    build, query = row["build"] / row["build bm25s"], row["query"] / row["bm25s"]
    faster = row["rank-bm25"] / row["query"]
    said = [
        (f"build over bm25s, at most {BUILD}", build, build <= BUILD),
        (f"query over bm25s, at most {QUERY}", query, query <= QUERY),
        (f"rank-bm25 over ours, at least {OVER_RANK_BM25:.0f}", faster, faster >= OVER_RANK_BM25),
    ]
    if "vector" in row:
        over = row["vector"] / row["bare Chroma"]
        said.append((f"vector over bare Chroma, at most {VECTOR}", over, over <= VECTOR))
    return said


def speed(sizes: list[int], queries: int, *, vectors: bool) -> int:
    """Measure every size, print the table, and return the exit code."""
    rows = []
    for size in sizes:
        library = Library(size)
        row, index = keyword_row(library, queries)
        if vectors:
            row |= vector_row(library, index, queries)
        rows.append({**row, "peak MB": peak_mb()})
    report(sizes, rows)
    at = PROMISED_AT if PROMISED_AT in sizes else max(sizes)
    said = promises(rows[sizes.index(at)])
    print(f"\nat {at:,} chunks")
    for name, value, kept in said:
        print(f"  {name:44}{value:9.2f}   {'kept' if kept else 'NOT KEPT'}")
    return 0 if all(kept for _, _, kept in said) else 1


def main() -> int:
    """Read the command line and run what it asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 50_000, 100_000])
    parser.add_argument("--queries", type=int, default=40)
    parser.add_argument("--no-vectors", action="store_true")
    parser.add_argument("--quality", action="store_true")
    parser.add_argument("--beir", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    if options.quality:
        return search_quality.libraries(ROOT)
    if options.beir:
        return search_quality.beir(options.beir, options.queries)
    return speed(sorted(set(options.sizes)), options.queries, vectors=not options.no_vectors)


if __name__ == "__main__":
    sys.exit(main())
