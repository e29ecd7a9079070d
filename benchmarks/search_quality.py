"""How good a search is: nDCG@10 and recall@5 of every mode, with and without reranking.

    python benchmarks/search.py --quality
    python benchmarks/search.py --beir FOLDER [--queries 100]

--quality searches the sample library, and ten Wikipedia articles (../shared/data/wiki10) where they
are, cut by the default chunker. A chunk is relevant when it holds a whole gold passage; of a
passage that no chunk holds whole, the chunk with most of it is. Questions that the library cannot
answer take no part.

--beir reads any folder in BEIR's layout (corpus.jsonl, queries.jsonl, qrels/test.tsv), SciFact or
NFCorpus for instance, each document as one chunk; --queries takes the first so many.

Both embed with all-MiniLM-L6-v2. The second table is of keyword search alone, by variant of BM25
and by what is done to words. Figures are means over the questions, in per cent:

    nDCG@10   what stands among the ten best, discounted by rank, over the best that could stand
    recall@5  the share of the relevant chunks that stand among the five best

A third table is of tiny libraries: a relevant chunk among none to nine others, drawn by chance; how
often it comes first, and how often with a score above zero when it does.

The measures are rag_core.evaluation's own, which the tests hold against trec_eval.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag_core import load, make_chunker, open_embedder, open_store
from rag_core.bm25 import VARIANTS
from rag_core.datatypes import Chunk, Document
from rag_core.evaluation import load_beir
from rag_core.evaluation.metrics import ndcg, recall
from rag_core.keyword import KeywordIndex
from rag_core.late_interaction import TokenCache
from rag_core.rerankers import LateInteractionReranker
from rag_core.retrieval import MODES, Retriever, SearchOptions

DEEP, NEAR = 10, 5  # nDCG@10, recall@5
TINY = (1, 2, 3, 5, 10)  # chunks of the smallest libraries
WORDS: dict[str, dict[str, Any]] = {
    "words, stemmed, no stop words": {},
    "words, stemmed": {"stop_words": False},
    "words, no stop words": {"stem": False},
    "words": {"stem": False, "stop_words": False},
    "cut at white space": {"analyzer": "whitespace"},
}


@dataclass(frozen=True)
class Collection:
    """Chunks, questions by id, and how relevant which chunk is to which question."""

    name: str
    chunks: list[Chunk]
    questions: dict[str, str]
    judged: dict[str, dict[str, float]]


# -- what is relevant -----------------------------------------------------------------------


def relevant_chunks(chunks: Iterable[Chunk], start: int, end: int) -> list[str]:
    """Return the ids of the chunks that hold a whole passage, or else of the one with most of it.

    Args:
        chunks: of the passage's document.
        start: the passage's first character.
        end: past its last.
    """
    shared = {chunk.id: min(end, chunk.end) - max(start, chunk.start) for chunk in chunks}
    most = max(shared.values(), default=0)
    if most <= 0:
        return []
    holding = [id_ for id_, length in shared.items() if length == most]
    return holding if most == end - start else holding[:1]


# -- what is searched -----------------------------------------------------------------------


def read_beir(folder: Path, limit: int | None = None) -> Collection:
    """Read a folder in BEIR's layout; chunk ids are the documents' own.

    Only questions with a judgement above 0 are kept: the first `limit` of them.

    Raises:
        DatasetError: for a folder that lacks a file, or a file of another layout.
    """
    found = load_beir(folder)
    chunks = [
        Chunk(document.name, document.name, 0, 0, len(document.text), document.text)
        for document in found.documents
    ]
    asked = found.questions[:limit]
    judged = {question.id: dict(question.documents) for question in asked}
    return Collection(
        found.name, chunks, {question.id: question.text for question in asked}, judged
    )


def read_samples(root: Path) -> Collection:
    """Read the sample library and those of its questions that it answers."""
    passages = {
        row["question"]: [(span["document"], span["start"], span["end"]) for span in row["spans"]]
        for row in _rows(root / "samples" / "questions.jsonl")
        if row["spans"]
    }
    return _cut("samples", sorted((root / "samples" / "library").iterdir()), passages)


def read_wiki10(folder: Path) -> Collection:
    """Read ten Wikipedia articles and their questions; the gold passage is the answer itself."""
    passages = {}
    for row in _rows(folder / "questions.jsonl"):
        start, answer = row["answer_starts"][0], row["answers"][0]
        passages[row["question"]] = [(row["doc"], start, start + len(answer))]
    return _cut("wiki10", sorted((folder / "docs").glob("*.txt")), passages)


def _cut(
    name: str, files: Sequence[Path], passages: Mapping[str, Sequence[tuple[str, int, int]]]
) -> Collection:
    documents: dict[str, Document] = {
        file.name: load(file.name, file.read_bytes()) for file in files
    }
    chunker = make_chunker("recursive")
    cut = {name: chunker.chunk(document) for name, document in documents.items()}
    judged = {
        question: {
            id_: 1.0 for doc, start, end in golds for id_ in relevant_chunks(cut[doc], start, end)
        }
        for question, golds in passages.items()
    }
    chunks = [chunk for found in cut.values() for chunk in found]
    return Collection(name, chunks, {question: question for question in passages}, judged)


def _rows(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


# -- the tables -----------------------------------------------------------------------------


def score(collection: Collection, search: Callable[[str], Sequence[str]]) -> tuple[float, float]:
    """Return mean nDCG@10 and mean recall@5 of a search that gives chunk ids, best first."""
    found = {id_: search(question) for id_, question in collection.questions.items()}
    count = max(1, len(found))
    return (
        sum(ndcg(ranked, collection.judged[id_], DEEP) for id_, ranked in found.items()) / count,
        sum(recall(ranked, collection.judged[id_], NEAR) for id_, ranked in found.items()) / count,
    )


def show(collection: Collection) -> None:
    """Search a collection in every way and print both tables."""
    print(
        f"\n{collection.name}: {len(collection.chunks):,} chunks, "
        f"{len(collection.questions)} questions"
    )
    print(f"{'':32}{'nDCG@10':>10}{'recall@5':>10}")
    embedder = open_embedder()
    reranker = LateInteractionReranker(TokenCache(embedder))
    index = KeywordIndex(collection.chunks)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        url = Path(folder).as_uri().replace("file:", "chroma:")
        store = open_store(url, collection="quality", dimension=embedder.dimension)
        texts = [chunk.text for chunk in collection.chunks]
        store.upsert(collection.chunks, embedder.embed_documents(texts))
        retriever = Retriever(embedder=embedder, store=lambda: store, keywords=lambda: index)
        for judge in (None, reranker):
            for mode in MODES:
                options = SearchOptions(mode=mode, k=DEEP, rerank=judge)

                def search(question: str, options=options, judge=judge) -> list[str]:
                    result = retriever.search(question, options, reranker=judge)
                    return [hit.chunk.id for hit in result.hits]

                line(f"{mode}, {judge.name}" if judge else mode, score(collection, search))
        store.close()
    show_keyword(collection)


def show_keyword(collection: Collection) -> None:
    """Print what keyword search alone finds, by variant and by analyzer."""
    tried = {f"BM25 {name}": {"variant": name} for name in VARIANTS}
    for name, settings in (tried | {f"lucene, {name}": how for name, how in WORDS.items()}).items():
        index = KeywordIndex(collection.chunks, **settings)

        def search(question: str, index=index) -> list[str]:
            return [hit.chunk.id for hit in index.search(question, DEEP)]

        line(name, score(collection, search))
    show_tiny(collection)


def show_tiny(collection: Collection) -> None:
    """Print how often a relevant chunk comes first among few, by variant of BM25."""
    print("relevant first among" + "".join(f"{size:>8}" for size in TINY) + "   chunks, score > 0")
    for variant in VARIANTS:
        shares = []
        positive: list[bool] = []
        for size in TINY:
            hits = [best_of_few(collection, id_, size, variant) for id_ in collection.questions]
            shares.append(sum(hit is not None for hit in hits) / max(1, len(hits)))
            positive += [hit > 0 for hit in hits if hit is not None]
        row = "".join(f"{100 * share:8.1f}" for share in shares)
        print(f"{'BM25 ' + variant:20}{row}   {100 * sum(positive) / max(1, len(positive)):15.1f}")


def best_of_few(collection: Collection, asked: str, size: int, variant: str) -> float | None:
    """Search one relevant chunk among others; return its score if it comes first, else None."""
    judged = collection.judged[asked]
    right = next((chunk for chunk in collection.chunks if chunk.id in judged), None)
    others = [chunk for chunk in collection.chunks if chunk.id not in judged]
    few = random.Random(asked).sample(others, min(size - 1, len(others)))
    if right is None:
        return None
    index = KeywordIndex([right, *few], variant=variant)
    hits = index.search(collection.questions[asked], 1)
    return hits[0].score if hits and hits[0].chunk == right else None


def line(name: str, scored: tuple[float, float]) -> None:
    """Print one line of a table."""
    print(f"{name:32}" + "".join(f"{100 * value:10.1f}" for value in scored), flush=True)


def libraries(root: Path) -> int:
    """Show the samples, and wiki10 where it is; return the exit code."""
    show(read_samples(root))
    wiki10 = root.parent / "shared" / "data" / "wiki10"
    if wiki10.is_dir():
        show(read_wiki10(wiki10))
    else:
        print(f"\nwiki10 is not at {wiki10}: left out")
    return 0


def beir(folder: Path, queries: int) -> int:
    """Show one BEIR folder; return the exit code."""
    show(read_beir(folder, queries))
    return 0
