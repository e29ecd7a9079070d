"""Finding what is wrong: missing, orphaned, duplicate or corrupt records and files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from rag_core.catalog import DocumentInfo
from rag_core.changed import whole
from rag_core.datatypes import Chunk
from rag_core.errors import HomeError, StoreError
from rag_core.index_manager.building import SAMPLES, same_record, sampled, self_found
from rag_core.index_manager.space import orphaned_folders
from rag_core.pipeline import RagPipeline
from rag_core.protocols import OnProgress, Progress, VectorStore

PAGE = 500
Kind = Literal[
    "catalog",  # SQLite finds the file damaged
    "document",  # its chunks' records do not fit its text
    "original",  # the file as it came is missing or damaged
    "store",  # it cannot be opened or read, or is of another model
    "missing",  # a chunk that the store should have
    "orphan",  # a chunk that the store should not have, as far as only this data folder uses it
    "duplicate",  # a chunk that the store has twice
    "corrupt",  # a chunk whose text, place or vector in the store is wrong
    "unreachable",  # chunks that a query with their own vector does not find
    "folder",  # left behind by a deleted collection
]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong; `subject` is a chunk's or document's id, a path, or empty."""

    kind: Kind
    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was looked at and what is wrong. `unfinished` files wait to be indexed; that is fine."""

    collection: str
    documents: int
    chunks: int
    problems: tuple[Problem, ...]
    unfinished: int = 0

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify(pipeline: RagPipeline, on_progress: OnProgress | None = None) -> VerifyReport:
    """Compare catalog, originals and store of a collection; only what a crash left is cleaned up.

    Writers wait meanwhile.

    Raises:
        HomeError: when the catalog cannot be read at all.
    """
    report = on_progress or (lambda progress: None)
    home, collection = pipeline.home, pipeline.collection
    with home.writing:
        pipeline.look()
        infos = home.catalog.documents(collection)
        problems = [Problem("catalog", "", said) for said in home.problems()]
        chunks: dict[str, Chunk] = {}
        for done, info in enumerate(infos):
            report(Progress("reading", done, len(infos), info.name))
            found = home.catalog.document_chunks(collection, info.id)
            problems += _of_document(pipeline, info, found)
            chunks.update((chunk.id, chunk) for chunk in found)
        try:
            problems += _of_store(pipeline, pipeline.store(), chunks, report)
        except StoreError as error:
            problems.append(Problem("store", "", error.message))
        problems += [
            Problem("folder", path.name, "It belongs to a collection that was deleted.")
            for path in orphaned_folders(home.path / "chroma")
        ]
        return VerifyReport(
            collection, len(infos), len(chunks), tuple(problems), len(pipeline.unfinished())
        )


def _of_document(
    pipeline: RagPipeline, info: DocumentInfo, chunks: Sequence[Chunk]
) -> Iterator[Problem]:
    try:
        if not pipeline.elsewhere(info):
            pipeline.home.originals.get(info.sha256)
    except HomeError as error:
        yield Problem("original", info.id, f"{info.name}: {error.message}")
    if len(chunks) != info.chunks:
        yield Problem(
            "document", info.id, f"{info.name} has {len(chunks)} of its {info.chunks} chunks."
        )
    elif any(
        not 0 <= chunk.start < chunk.end <= info.characters
        or len(chunk.text) != chunk.end - chunk.start
        for chunk in chunks
    ):
        yield Problem("document", info.id, f"{info.name} is shorter than its chunks say.")


def _of_store(
    pipeline: RagPipeline, store: VectorStore, chunks: dict[str, Chunk], report: OnProgress
) -> Iterator[Problem]:
    model = pipeline.home.catalog.model(pipeline.collection)
    dimension = model.dimension if model else 0
    shared = bool(pipeline.shared_with())
    seen: set[str] = set()
    page: list[Chunk] = []
    for chunk in store:
        if chunk.id in seen:
            yield Problem("duplicate", chunk.id, "The store has this chunk twice.")
        elif chunk.id not in chunks:
            if shared:
                continue  # another instance may be in the midst of storing it
            yield Problem("orphan", chunk.id, "The store has a chunk that no document has.")
        else:
            page.append(chunk)
        seen.add(chunk.id)
        if len(page) == PAGE:
            report(Progress("comparing", len(seen), len(chunks)))
            yield from _of_records(store, page, chunks, dimension)
            page = []
    yield from _of_records(store, page, chunks, dimension)
    for id_ in chunks:
        if id_ not in seen:
            yield Problem("missing", id_, f"{_name(chunks[id_])}: a chunk is not in the store.")
    asked = sampled(sorted(set(chunks) & seen), SAMPLES)
    for id_, found in self_found(store, asked).items():
        if not found:
            yield Problem("unreachable", id_, "A query with its own vector does not find it.")


def _of_records(
    store: VectorStore, page: Sequence[Chunk], chunks: dict[str, Chunk], dimension: int
) -> Iterator[Problem]:
    vectors = store.vectors([chunk.id for chunk in page])
    for chunk in page:
        name = _name(chunks[chunk.id])
        if not same_record(chunk, chunks[chunk.id]):
            yield Problem("corrupt", chunk.id, f"{name}: a chunk's record in the store is wrong.")
        elif chunk.id not in vectors or not whole(vectors[chunk.id], dimension):
            yield Problem("corrupt", chunk.id, f"{name}: a chunk's vector is damaged.")


def _name(chunk: Chunk) -> str:
    return str(chunk.metadata.get("name", chunk.document_id))
