"""Mending what `verify` finds, from the catalog and the originals."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from rag_core.errors import RagError, StoreError
from rag_core.index_manager.space import Droppable, orphaned_folders
from rag_core.index_manager.verify import Problem, VerifyReport, verify
from rag_core.pipeline import RagPipeline
from rag_core.protocols import OnProgress, Progress

_STEP = 64
_AGAIN = frozenset({"missing", "corrupt", "duplicate", "unreachable"})


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What was wrong before and what is wrong yet; `embedded` chunks were put in anew.

    `set_aside` is where a store that could not be opened was moved, or empty.
    """

    before: VerifyReport
    after: VerifyReport
    embedded: int = 0
    set_aside: str = ""

    @property
    def mended(self) -> int:
        """Return how many problems there are no more."""
        return max(0, len(self.before.problems) - len(self.after.problems))


def repair(pipeline: RagPipeline, on_progress: OnProgress | None = None) -> RepairReport:
    """Mend a collection. What cannot be mended stays as it is and is in the report's `after`.

    Chunks that are missing or wrong in the store are put in anew; those that no document has are
    removed; documents whose records are wrong are made again from their originals. A collection in
    the data folder's Chroma that cannot be read is filled anew; where Chroma cannot be opened at
    all, its folder is moved aside, never deleted, and every collection has to be repaired.

    Raises:
        FingerprintError: when the pipeline has another model than the collection.
        ModelError, StoreError, HomeError: when mending itself fails; then it can be tried again.
    """
    pipeline.check_model()
    before = verify(pipeline, on_progress)
    aside = ""
    found = before
    if _kinds(before, "store") and pipeline.at_home:
        aside = _fresh_store(pipeline)
        found = verify(pipeline, on_progress)
        if _kinds(found, "store"):  # Chroma may take one failed start to forget the folder
            pipeline.close_stores()
            found = verify(pipeline, on_progress)
    with pipeline.home.writing:
        _remove(pipeline, [*_kinds(found, "orphan"), *_kinds(found, "duplicate")])
        wrong = {problem.subject for problem in found.problems if problem.kind in _AGAIN}
        embedded = _put(pipeline, wrong, on_progress)
        for problem in _kinds(found, "document"):
            _index_again(pipeline, problem.subject)
        for folder in orphaned_folders(pipeline.home.path / "chroma"):
            shutil.rmtree(folder, ignore_errors=True)
    after = verify(pipeline, on_progress) if before.problems else before
    return RepairReport(before, after, embedded, aside)


def _kinds(report: VerifyReport, kind: str) -> list[Problem]:
    return [problem for problem in report.problems if problem.kind == kind]


def _remove(pipeline: RagPipeline, problems: Sequence[Problem]) -> None:
    if problems:
        pipeline.store().delete([problem.subject for problem in problems])


def _put(pipeline: RagPipeline, ids: set[str], on_progress: OnProgress | None) -> int:
    if not ids:
        return 0
    store, catalog = pipeline.store(), pipeline.home.catalog
    chunks = [chunk for chunk in catalog.chunks(pipeline.collection) if chunk.id in ids]
    store.delete([chunk.id for chunk in chunks])  # a record that is wrong is not built upon
    for start in range(0, len(chunks), _STEP):
        if on_progress:
            on_progress(Progress("embedding", start, len(chunks)))
        some = chunks[start : start + _STEP]
        store.upsert(some, pipeline.embedder.embed_documents([chunk.text for chunk in some]))
    return len(chunks)


def _index_again(pipeline: RagPipeline, document_id: str) -> None:
    home, collection = pipeline.home, pipeline.collection
    info = next((i for i in home.catalog.documents(collection) if i.id == document_id), None)
    if info is None:
        return
    try:
        data = home.originals.get(info.sha256)
    except RagError:
        return  # it is reported: without the file there is nothing to make it from
    upload = pipeline.accept(info.name, data)  # from here on a kill does not forget it
    home.catalog.retire(collection, [document_id])  # or it would count as unchanged
    pipeline.process(upload)


def _fresh_store(pipeline: RagPipeline) -> str:
    """Empty a collection that cannot be read; where Chroma cannot be opened, move it all aside."""
    try:
        store = pipeline.store()
        if isinstance(store, Droppable):
            store.drop()
            pipeline.close_stores()
            return ""
    except StoreError:
        pass  # it cannot even be opened, or emptied
    return _set_aside(pipeline)


def _set_aside(pipeline: RagPipeline) -> str:
    chroma = pipeline.home.path / "chroma"
    pipeline.close_stores()
    if not chroma.exists():
        return ""
    names = (chroma.with_name(f"chroma-damaged-{number}") for number in itertools.count(1))
    target = next(path for path in names if not path.exists())
    try:
        chroma.rename(target)
    except OSError as error:
        raise StoreError(
            f"{chroma} could not be moved aside: {error.strerror or error}.",
            hint="Make the data folder writable, and repair again.",
        ) from error
    return str(target)
