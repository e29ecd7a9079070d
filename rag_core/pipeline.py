"""RagPipeline: one collection of a data folder, from files to answers."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Self, Unpack

from rag_core.access import require
from rag_core.answers import AnswerStream, timings
from rag_core.catalog import DocumentInfo
from rag_core.collection_settings import SearchDefaults, search_defaults
from rag_core.datatypes import Answer, Chunk, Document, Message, SearchResult, Span
from rag_core.embedders import open_embedder
from rag_core.errors import HomeError, SettingsError, UnknownDocumentError
from rag_core.findings import Trace
from rag_core.followups import stand_alone
from rag_core.home import Home, home_from_env
from rag_core.ingestion import Superseded, checked
from rag_core.parts import PipelineParts
from rag_core.prompts import SYSTEM_PROMPT, build_prompt
from rag_core.protocols import (
    Chunker,
    Embedder,
    Generator,
    OnProgress,
    Reranker,
    TokenEmbedder,
    Where,
)
from rag_core.reports import FileReport, IngestReport
from rag_core.retrieval import FinerOptions, Mode, SearchOptions
from rag_core.trace import where_did_it_die
from rag_core.uploads import Upload

DEFAULT_COLLECTION = "default"
_COLLECTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]")


class RagPipeline(PipelineParts):
    """One collection: its documents, its index, its answers. Thread-safe.

    Opening is quick: the store, the model and the keyword index are made when first needed.
    """

    @classmethod
    def open(
        cls,
        home: Path | str | None = None,
        *,
        collection: str = DEFAULT_COLLECTION,
        store_url: str | None = None,
        embedder: Embedder | str | None = None,
        generator: Generator | None = None,
    ) -> Self:
        """Open a collection of a data folder, creating both if need be.

        Args:
            home: the data folder; RAGSCOPE_HOME or ./.ragscope when None.
            collection: 3 to 63 letters, digits, dots, dashes and underscores.
            store_url: see `open_store`; the Chroma directory in the home when None.
            embedder: an embedder or a name for `open_embedder`.
            generator: what writes answers; the chat model of the environment, or else the
                extractive one, when None.

        Raises:
            SettingsError: for a collection name that stores cannot take.
            HomeInUseError: when another process owns the folder.
            HomeError: when the folder cannot be used.
        """
        if not _COLLECTION.fullmatch(collection):
            raise SettingsError(
                f"A collection cannot be called {collection!r}.",
                hint="Use 3 to 63 letters (a to z), digits, dots, dashes or underscores, with a "
                "letter or digit at both ends.",
            )
        opened = open_embedder(embedder) if isinstance(embedder, str) else embedder
        folder = Home.open(Path(home) if home is not None else home_from_env())
        try:
            if collection not in (DEFAULT_COLLECTION, *folder.catalog.collections()):
                require("editor", "create a collection")
            folder.catalog.add_collection(collection)
            return cls(
                folder, collection, store_url=store_url, embedder=opened, generator=generator
            )
        except BaseException:
            folder.close()
            raise

    def again(self) -> Self:
        """Open the same collection once more, to be closed on its own."""
        return type(self).open(
            self.home.path,
            collection=self.collection,
            store_url=self._store_url,
            embedder=self.embedder,
        )

    def close(self) -> None:
        """Give the data folder back to other processes; the pipeline cannot be used afterwards."""
        with self.home.writing, self._making:  # a write under way is finished first
            if not self._closed:
                self._closed = True
                self.close_stores()
                self.home.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # -- documents ----------------------------------------------------------------------------

    def ingest(
        self,
        documents: Iterable[Document],
        *,
        chunker: Chunker | None = None,
        on_progress: OnProgress | None = None,
    ) -> IngestReport:
        """Index documents; one of the same name is replaced, an unchanged one costs nothing.

        All are accepted before the first is indexed: a crash forgets none of them.

        Raises:
            ValueError: for text that UTF-8 cannot hold; then none is accepted.
            HomeError: when one cannot be kept; those before it are unfinished.
        """
        require("editor", "add documents")
        uploads = [
            self._ingestor.accept(
                document.name,
                document.text.encode() if document.original is None else document.original,
                document,
            )
            for document in [checked(document) for document in documents]
        ]
        return IngestReport(
            tuple(self.process(up, chunker=chunker, on_progress=on_progress) for up in uploads)
        )

    def accept(self, name: str, data: bytes) -> Upload:
        """Keep a file that is to be indexed; once this returns, it is not forgotten.

        Raises:
            AccessError: for a viewer.
        """
        require("editor", "add documents")
        return self._ingestor.accept(name, data)

    def process(
        self,
        upload: Upload,
        *,
        chunker: Chunker | None = None,
        on_progress: OnProgress | None = None,
    ) -> FileReport:
        """Index an accepted file: read, chunk, embed, store."""
        self.look()
        while True:
            self.follow()
            try:
                return self._ingestor.process(upload, chunker=chunker, on_progress=on_progress)
            except Superseded:  # by a rebuild, while it was embedded: again, with its model
                continue

    def unfinished(self) -> list[Upload]:
        """Return accepted files that are not indexed yet: work in progress, or left by a crash."""
        return self.home.uploads.pending(self.collection)

    def discard(self, upload: Upload) -> None:
        """Forget an unfinished file."""
        require("editor", "discard a file")
        self._ingestor.discard(upload)

    def delete(self, document_ids: Iterable[str]) -> None:
        """Remove documents and every trace of them.

        Raises:
            UnknownDocumentError: for an id that is not there; then nothing is removed.
        """
        require("editor", "delete documents")
        self._ingestor.delete(document_ids)

    def documents(self) -> list[DocumentInfo]:
        """Return what is indexed, by name."""
        self.look()
        return self.home.catalog.documents(self.collection)

    def document(self, document_id: str) -> Document:
        """Return a document with its text.

        Raises:
            UnknownDocumentError: when it is not indexed.
        """
        self.look()
        found = self.home.catalog.document(self.collection, document_id)
        if found is None:
            raise _unknown(document_id)
        return found

    def original(self, document_id: str) -> bytes:
        """Return the file that a document was made from, as it came.

        Raises:
            UnknownDocumentError: when it is not indexed.
            HomeError: when the file is damaged or missing, or lies with the instance that has it.
        """
        found = next((info for info in self.documents() if info.id == document_id), None)
        if found is None:
            raise _unknown(document_id)
        if self.elsewhere(found):
            raise HomeError(
                f"The original of {found.name} is in the data folder of the instance that it was "
                "uploaded to; here are its text and its index.",
                hint="Open it there, or upload the file here too.",
            )
        return self.home.originals.get(found.sha256)

    def chunks(self, document_id: str) -> list[Chunk]:
        """Return a document's chunks, in order."""
        return self.home.catalog.document_chunks(self.collection, document_id)

    # -- questions ----------------------------------------------------------------------------

    def search(
        self,
        query: str,
        *,
        mode: Mode = "hybrid",
        k: int = 5,
        where: Where | None = None,
        rerank: str | Reranker | None = None,
        **finer: Unpack[FinerOptions],
    ) -> SearchResult:
        """Return the k best chunks for a query, with the stages that led to them.

        Args:
            query: words or a question; an empty one finds nothing.
            mode: "vector", "keyword" or "hybrid".
            k: how many hits, at least 1.
            where: a metadata filter; see `filters`.
            rerank: None, "late-interaction", "cross-encoder", "cross-encoder:NAME" (a model on the
                hub or a folder), or a reranker.
            finer: `fusion`, `weights`, `rrf_k`, `candidates`, `reranked`, `diversity`; see
                `SearchOptions`.

        Raises:
            ValueError: for an unknown mode, fusion or reranker, or a number out of its range.
            FilterError, ModelError, StoreError: as their parts raise them.
        """
        options = SearchOptions(mode=mode, k=k, where=where, rerank=rerank, **finer)
        return self.search_with(query, options)

    def trace(
        self, query: str, place: Span | str, *, options: SearchOptions | None = None
    ) -> Trace:
        """Search, and follow a passage (a span, or a chunk's id); see `where_did_it_die`."""
        return where_did_it_die(self, query, place, options)

    def answer(
        self,
        question: str,
        *,
        k: int | None = None,
        where: Where | None = None,
        history: Sequence[Message] = (),
        generator: Generator | None = None,
    ) -> Answer:
        """Return the answer to a question, with citations; see `stream`."""
        return self.stream(question, k=k, where=where, history=history, generator=generator).answer

    def stream(
        self,
        question: str,
        *,
        k: int | None = None,
        where: Where | None = None,
        history: Sequence[Message] = (),
        generator: Generator | None = None,
        search: Callable[[str], SearchResult] | None = None,
    ) -> AnswerStream:
        """Search now, and return the answer as a stream of text with everything it is made from.

        A question that leans on `history` is made to stand alone first; see `followups`. With no
        relevant source found, no model is called and the answer says so.

        Args:
            question: as the person typed it.
            k: how many sources, at least 1; fewer when the model's window has no room. None for
                the collection's own number.
            where: a metadata filter.
            history: the messages before, oldest first.
            generator: what writes this answer; the pipeline's own when None.
            search: how to search, given the question as it stands alone, in place of k and where.

        Raises:
            ValueError, FilterError, StoreError: as `search` does.
            ModelError: when not even the best source fits the model's window.
        """
        started = time.perf_counter()
        model = generator or self.generator
        alone = stand_alone(question, history, model)
        rewritten = time.perf_counter()
        result = (search or self._default_search(k, where))(alone.question)
        searched = time.perf_counter()
        prompt = build_prompt(
            alone.question,
            result.hits if self._relevant(result) else (),
            history,
            system_prompt=getattr(model, "system_prompt", SYSTEM_PROMPT),
            asked=question,
            max_tokens=getattr(model, "prompt_tokens", None),
        )
        times = timings(result, rewrite=rewritten - started, prompt=time.perf_counter() - searched)
        return AnswerStream(prompt, result, model, note=alone.note, stages=times)

    def default_options(self, k: int | None = None, where: Where | None = None) -> SearchOptions:
        """Return how questions are searched: as the collection is set, or the best there is."""
        chosen = search_defaults(self.home.settings, self.collection)
        if chosen is None:
            reader = "late-interaction" if isinstance(self.embedder, TokenEmbedder) else None
            chosen = SearchDefaults(rerank=reader)
        return SearchOptions(
            mode=chosen.mode, k=chosen.k if k is None else k, where=where, rerank=chosen.rerank
        )

    def _default_search(self, k: int | None, where: Where | None) -> Callable[[str], SearchResult]:
        options = self.default_options(k, where)
        return lambda question: self.search_with(question, options)


def _unknown(document_id: str) -> UnknownDocumentError:
    return UnknownDocumentError(
        f"No document has the id {document_id!r}.", hint="It may have been deleted."
    )
