"""Getting documents in and out, so that a kill at any moment leaves each one wholly there or not.

The order of steps is the promise. `accept` keeps the original and notes the upload: from then on
the file is not forgotten. `announce` notes the chunk ids before the store sees them; `commit` makes
the document visible, retires what it replaces and forgets the upload, in one transaction. What a
crash leaves half-way is either an upload to finish or an unwanted id to remove.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from rag_core.catalog import DocumentInfo, Model
from rag_core.changed import Embedded, described, embed_changed
from rag_core.datatypes import Chunk, Document
from rag_core.errors import Cancelled, FingerprintError, LoadError, RagError, UnknownDocumentError
from rag_core.home import Home
from rag_core.loaders import load
from rag_core.loaders.cleaning import display_name
from rag_core.protocols import Chunker, Embedder, FloatArray, OnProgress, Progress, VectorStore
from rag_core.reports import FileReport, Status
from rag_core.shared_documents import SharedDocuments
from rag_core.uploads import Upload

# Errors that the next try would meet again; whatever else fails may pass.
_HOPELESS = (LoadError, FingerprintError, Cancelled)


class Superseded(Exception):
    """Another index has taken the place of the one this ingestor writes; nothing was changed."""


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
        shared: SharedDocuments | None = None,
    ) -> None:
        self._home = home
        self._collection = collection
        self._embedder = embedder
        self._store = store
        self._chunker = chunker
        self._shared = shared
        self._key = home.catalog.key(collection)

    def accept(self, name: str, data: bytes, document: Document | None = None) -> Upload:
        """Keep the file and note that it is to be indexed; durable when it returns.

        The name is cleaned of whatever is not for showing, but keeps its folders: of two files
        called "notes.txt" neither replaces the other.

        Raises:
            HomeError: when it would pass the folder's quota, or cannot be written.
        """
        if document is None:
            name = _shown(name)
        with self._home.writing:
            self._home.quota.take(len(data), name)
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

        A `RagError` ends in the report and not in an exception, so that the next file goes on. Only
        chunks whose text the version before does not have are embedded. What
        was cancelled or can never be indexed is forgotten then; what failed for want of space, a
        model, a store or a setting stays unfinished, to be tried again.

        Raises:
            Superseded: when another index became the live one meanwhile.
        """
        start = time.perf_counter()
        try:
            return self._process(upload, chunker or self._chunker(), on_progress, start)
        except RagError as error:
            self._check_live()  # or an upload would be forgotten for being of the model before
            if isinstance(error, _HOPELESS):
                with suppress(RagError):  # the report tells of the first error, not of this one
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
            self._leave(wanted)
            self._home.catalog.retire(self._collection, wanted)
            self._home.indexes.retire(self._collection, wanted)
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
        if unchanged := self._unchanged(upload, settings):
            return unchanged
        report(Progress("reading", 0, 1))
        document = self._read(upload, report)
        report(Progress("chunking", 0, 1))
        chunks = [described(chunk, document) for chunk in chunker.chunk(document)]
        report(Progress("chunking", 1, 1))
        report(Progress("embedding", 0, len(chunks)))  # before the model loads: that takes long
        self.check_model()
        self._home.quota.take(self._stored_size(chunks), f"What is searched of {document.name}")
        made = self._embedded(document.name, chunks, report)
        report(Progress("storing", 0, len(chunks)))
        with self._home.writing:
            self._check_live()
            before = self._home.catalog.named(self._collection, document.name)
            self._write(chunks, made.vectors)
            seconds = time.perf_counter() - start
            self._home.catalog.commit(
                self._collection,
                document,
                chunks,
                upload=upload,
                chunker=settings,
                seconds=seconds,
                stamps=made.stamps,
            )
            self._home.quota.changed()
            with suppress(RagError):  # what was not told is told with the next change or opening
                self._tell(document.name, before, chunks, made.vectors)
            with suppress(RagError):  # it is noted, and removed with the next change or opening
                self._clean([before.sha256] if before else [])
        status: Status = "replaced" if before else "added"
        found = self._reported(document, upload.sha256, len(chunks), status, seconds)
        return replace(found, embedded=made.embedded, kept=made.kept, removed=made.removed)

    def _unchanged(self, upload: Upload, settings: Mapping[str, Any]) -> FileReport | None:
        """Return the report of a file that is indexed already just as it would be now."""
        info = self._home.catalog.named(self._collection, upload.name)
        if info is None or info.sha256 != upload.sha256 or not _same(info.chunker, settings):
            return None
        noted = self._home.uploads.document(upload)
        indexed = self._home.catalog.document(self._collection, info.id)
        if indexed is None or (noted is not None and noted != indexed):
            return None
        self._home.uploads.forget(upload)
        found = self._reported(indexed, info.sha256, info.chunks, "unchanged", 0.0)
        return replace(found, kept=info.chunks)

    def _read(self, upload: Upload, report: OnProgress) -> Document:
        noted = self._home.uploads.document(upload)
        if noted is not None:
            return noted
        found = load(upload.name, self._home.originals.get(upload.sha256), on_progress=report)
        if found.name == upload.name:
            return found
        return Document.from_text(  # with the folders that `load` leaves out
            upload.name,
            found.text,
            metadata=found.metadata,
            pages=found.pages,
            notes=found.notes,
        )

    def _embedded(self, name: str, chunks: Sequence[Chunk], report: OnProgress) -> Embedded:
        catalog, collection = self._home.catalog, self._collection
        before = catalog.named(collection, name)
        old = catalog.document_chunks(collection, before.id) if before else []
        stamps = catalog.stamps(collection, before.id) if before else {}
        return embed_changed(self._embedder, chunks, old, stamps, self._store, report)

    def _stored_size(self, chunks: Sequence[Chunk]) -> int:
        # A lower bound: the text in the catalog and in the store, the vector there and in the cache
        texts = sum(len(chunk.text) for chunk in chunks)
        return 2 * (texts + len(chunks) * self._embedder.dimension * 4)

    def _check_live(self) -> None:
        if self._home.catalog.key(self._collection) != self._key:
            raise Superseded

    def _write(self, chunks: Sequence[Chunk], vectors: FloatArray) -> None:
        store, embedder = self._store(), self._embedder
        self.check_model()  # again: another pipeline may have been the first to write
        self._home.catalog.set_model(
            self._collection, Model(embedder.fingerprint, embedder.name, embedder.dimension)
        )
        self._home.catalog.announce(self._collection, [chunk.id for chunk in chunks])
        if chunks:
            store.upsert(chunks, vectors)

    def _tell(
        self,
        name: str,
        replaced: DocumentInfo | None,
        chunks: Sequence[Chunk],
        vectors: FloatArray,
    ) -> None:
        """Tell others that share the store of a document that has just been committed."""
        if self._shared is None:
            return
        self._shared.publish(name, replaced)
        # Another may have been deleting the same document, chunk by chunk, until it was told
        if len(self._store().get([chunk.id for chunk in chunks])) < len(chunks):
            self._store().upsert(chunks, vectors)

    def _leave(self, document_ids: Sequence[str]) -> None:
        if self._shared is None:
            return
        if not self._shared.met():  # a crash may have left a record that is not known of here
            with suppress(RagError):
                self._shared.meet(self._store)
        self._shared.leave(document_ids)

    def _clean(self, sha256s: Iterable[str]) -> None:
        left = self._shared is not None and self._shared.leaving()
        if left or self._home.catalog.unwanted(self._collection):
            self._remove_unwanted(self._store())
        for sha256 in set(sha256s) - self._home.catalog.originals():
            self._home.originals.delete(sha256)

    def _remove_unwanted(self, store: VectorStore) -> None:
        if self._shared is not None:  # so that nothing is removed that others have put there since
            self._shared.meet(lambda: store)
        unwanted = self._home.catalog.unwanted(self._collection)
        if unwanted:
            store.delete(unwanted)
            self._home.catalog.removed(self._collection, unwanted)

    def _reported(
        self, document: Document, sha256: str, chunks: int, status: Status, seconds: float
    ) -> FileReport:
        return FileReport(
            document.name,
            status,
            document_id=document.id,
            pages=len(document.pages),
            characters=len(document.text),
            chunks=chunks,
            seconds=seconds,
            notes=document.notes,
            same_as=tuple(
                self._home.catalog.same_content(
                    self._collection, sha256, document.text, but=document.name
                )
            ),
        )


def checked(document: Document) -> Document:
    """Return the document if it can be kept.

    Raises:
        ValueError: when its name, text or metadata holds half a character, which `load` never lets
            through.
    """
    try:
        for text in (document.name, document.text, *map(str, document.metadata.values())):
            text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"the document {document.name!r} has a lone surrogate: {error}") from None
    return document


def _same(kept: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    # The kept ones have been through JSON, where a tuple becomes a list.
    return bool(dict(kept) == json.loads(json.dumps(settings)))


def _shown(name: str) -> str:
    parts = [part for part in name.replace("\\", "/").split("/") if part.strip(". ")]
    return "/".join(display_name(part) for part in parts) or display_name(name)


def _named(on_progress: OnProgress | None, name: str) -> OnProgress:
    def report(progress: Progress) -> None:
        if on_progress is not None:
            on_progress(replace(progress, name=name))

    return report
