"""Getting documents in and out, so that a kill at any moment leaves each one wholly there or not.

The order of steps is the promise. `accept` keeps the original and notes the upload: from then on
the file is not forgotten. `announce` notes the chunk ids before the store sees them; `commit` makes
the document visible, retires what it replaces and forgets the upload, in one transaction. What a
crash leaves half-way is either an upload to finish or an unwanted id to remove.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from rag_core.catalog import DocumentInfo, Model
from rag_core.datatypes import Chunk, Document
from rag_core.errors import Cancelled, FingerprintError, RagError, UnknownDocumentError
from rag_core.home import Home
from rag_core.loaders import load
from rag_core.protocols import Chunker, Embedder, FloatArray, OnProgress, Progress, VectorStore
from rag_core.uploads import Upload

Status = Literal["added", "replaced", "unchanged", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one file. `seconds` is its time from reading to storing.

    `same_as` names other documents of the collection with the same content; `error` and `hint` are
    empty unless the status is "failed" or "cancelled".
    """

    name: str
    status: Status
    document_id: str = ""
    pages: int = 0
    characters: int = 0
    chunks: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    same_as: tuple[str, ...] = ()
    error: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What became of a whole ingest, file by file, in order."""

    files: tuple[FileReport, ...]

    @property
    def chunks(self) -> int:
        """Return how many chunks the files have now, those of unchanged files included."""
        return sum(file.chunks for file in self.files)

    @property
    def seconds(self) -> float:
        """Return the time of all files together, in seconds."""
        return sum(file.seconds for file in self.files)

    @property
    def failed(self) -> tuple[FileReport, ...]:
        """Return the files that could not be indexed."""
        return tuple(file for file in self.files if file.status == "failed")


class Ingestor:
    """Writes one collection of a home: files in, documents out."""

    def __init__(
        self,
        home: Home,
        collection: str,
        *,
        embedder: Embedder,
        store: Callable[[], VectorStore],
        chunker: Callable[[], Chunker],
    ) -> None:
        self._home = home
        self._collection = collection
        self._embedder = embedder
        self._store = store
        self._chunker = chunker

    def accept(self, name: str, data: bytes, document: Document | None = None) -> Upload:
        """Keep the file and note that it is to be indexed; durable when it returns."""
        with self._home.writing:
            sha256 = self._home.originals.put(data)
            return self._home.uploads.accept(self._collection, name, sha256, len(data), document)

    def process(
        self,
        upload: Upload,
        *,
        chunker: Chunker | None = None,
        on_progress: OnProgress | None = None,
    ) -> FileReport:
        """Index an accepted upload and say what became of it.

        A `RagError` ends in the report and not in an exception, so that the next file goes on; only
        an upload that failed or was cancelled is forgotten.
        """
        start = time.perf_counter()
        try:
            return self._process(upload, chunker or self._chunker(), on_progress, start)
        except RagError as error:
            self.discard(upload)
            return FileReport(
                upload.name,
                "cancelled" if isinstance(error, Cancelled) else "failed",
                seconds=time.perf_counter() - start,
                error=error.message,
                hint=error.hint,
            )

    def discard(self, upload: Upload) -> None:
        """Forget an accepted file, with what a crash may have left of it in the store."""
        with self._home.writing:
            self._home.uploads.forget(upload)
            self._clean([upload.sha256])

    def delete(self, document_ids: Iterable[str]) -> None:
        """Remove documents with their chunks, vectors and originals.

        Raises:
            UnknownDocumentError: for an id that is not there; then nothing is removed.
        """
        with self._home.writing:
            known = {info.id: info for info in self._home.catalog.documents(self._collection)}
            wanted = list(dict.fromkeys(document_ids))
            for document_id in wanted:
                if document_id not in known:
                    raise UnknownDocumentError(
                        f"No document has the id {document_id!r}.",
                        hint="List the documents to see their ids.",
                    )
            self._home.catalog.retire(self._collection, wanted)
            self._clean([known[document_id].sha256 for document_id in wanted])

    def recover(self, store: VectorStore) -> None:
        """Remove from a store that was just opened, and from the disk, what a crash left there."""
        with self._home.writing:
            self._remove_unwanted(store)
            self._home.originals.sweep(self._home.catalog.originals())

    def check_model(self) -> None:
        """Make sure that the collection's vectors are of this embedder (law 7).

        Raises:
            FingerprintError: when they are of another.
        """
        model = self._home.catalog.model(self._collection)
        if model and model.fingerprint != self._embedder.fingerprint:
            raise FingerprintError(
                f"The collection {self._collection!r} was embedded with {model.name} "
                f"({model.fingerprint}), not with {self._embedder.name} "
                f"({self._embedder.fingerprint}).",
                hint=f"Open it with {model.name} as it was then, or use another collection.",
            )

    # -- steps ------------------------------------------------------------------------------

    def _process(
        self, upload: Upload, chunker: Chunker, on_progress: OnProgress | None, start: float
    ) -> FileReport:
        report = _named(on_progress, upload.name)
        settings = {"name": chunker.name, **chunker.settings}
        before = self._home.catalog.named(self._collection, upload.name)
        if before and before.sha256 == upload.sha256 and _up_to_date(before, settings):
            noted = self._home.uploads.document(upload)
            if noted is None or noted.id == before.id:
                self._home.uploads.forget(upload)
                return self._reported(before, "unchanged", 0.0)
        report(Progress("reading", 0, 1))
        document = self._read(upload, report)
        report(Progress("chunking", 0, 1))
        chunks = [_described(chunk, document) for chunk in chunker.chunk(document)]
        report(Progress("chunking", 1, 1))
        self.check_model()
        vectors = self._embedder.embed_documents(
            [chunk.text for chunk in chunks], on_progress=report
        )
        report(Progress("storing", 0, len(chunks)))
        with self._home.writing:
            self._write(document, chunks, vectors)
            self._home.catalog.commit(
                self._collection,
                document,
                chunks,
                upload=upload,
                chunker=settings,
                seconds=time.perf_counter() - start,
            )
            self._clean([before.sha256] if before else [])
        info = self._home.catalog.named(self._collection, document.name)
        if info is None:  # deleted by another thread between commit and here
            raise Cancelled(f"{document.name} was deleted while it was being indexed.")
        return self._reported(info, "replaced" if before else "added", info.seconds)

    def _read(self, upload: Upload, report: OnProgress) -> Document:
        noted = self._home.uploads.document(upload)
        if noted is not None:
            return noted
        return load(upload.name, self._home.originals.get(upload.sha256), on_progress=report)

    def _write(self, document: Document, chunks: Sequence[Chunk], vectors: FloatArray) -> None:
        store, embedder = self._store(), self._embedder
        self._home.catalog.set_model(
            self._collection, Model(embedder.fingerprint, embedder.name, embedder.dimension)
        )
        self._home.catalog.announce(self._collection, [chunk.id for chunk in chunks])
        if chunks:
            store.upsert(chunks, vectors)

    def _clean(self, sha256s: Iterable[str]) -> None:
        if self._home.catalog.unwanted(self._collection):
            self._remove_unwanted(self._store())
        for sha256 in set(sha256s) - self._home.catalog.originals():
            self._home.originals.delete(sha256)

    def _remove_unwanted(self, store: VectorStore) -> None:
        unwanted = self._home.catalog.unwanted(self._collection)
        if unwanted:
            store.delete(unwanted)
            self._home.catalog.removed(self._collection, unwanted)

    def _reported(self, info: DocumentInfo, status: Status, seconds: float) -> FileReport:
        document = self._home.catalog.document(self._collection, info.id)
        text = document.text if document else ""
        return FileReport(
            info.name,
            status,
            document_id=info.id,
            pages=info.pages,
            characters=info.characters,
            chunks=info.chunks,
            seconds=seconds,
            notes=info.notes,
            same_as=tuple(
                self._home.catalog.same_content(self._collection, info.sha256, text, but=info.name)
            ),
        )


def _up_to_date(info: DocumentInfo, settings: Mapping[str, Any]) -> bool:
    return dict(info.chunker) == dict(settings)


def _named(on_progress: OnProgress | None, name: str) -> OnProgress:
    def report(progress: Progress) -> None:
        if on_progress is not None:
            on_progress(replace(progress, name=name))

    return report


def _described(chunk: Chunk, document: Document) -> Chunk:
    """Give the chunk what filters and readers want to know of its document."""
    plain = {
        key: value
        for key, value in document.metadata.items()
        if isinstance(value, str | int | float | bool)
    }
    page = document.page_at(chunk.start)
    place = {"name": document.name} if page is None else {"name": document.name, "page": page}
    return replace(chunk, metadata={**plain, **chunk.metadata, **place})
