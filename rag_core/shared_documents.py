"""One collection on a server that several instances share: their documents and this home's catalog.

The catalog stays the truth about what is found here; the records on the server are how instances
tell each other what to put there. A document is told once all its chunks are in the store, and its
record goes before its chunks do. What was known to be there and is there no more was deleted
elsewhere; what was never told is told when the two are next brought together. A server that cannot
be reached says nothing, so it never empties a catalog; nor does one that was set up anew, for its
space is another.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from rag_core.catalog_rows import DocumentInfo, Model
from rag_core.document_record import DocumentRecord, unpacked
from rag_core.errors import RagError
from rag_core.home import Home
from rag_core.protocols import VectorStore
from rag_core.shared_marks import Mark
from rag_core.stores import open_records
from rag_core.stores.records import DocumentRecords, Head
from rag_core.uploads import Upload

_EVERY = 1.0  # seconds between two looks, so that a change is seen within two
_ANYWAY = 30.0  # seconds until all is looked at again: a replica may have been behind its state
_REST = 10.0  # seconds until a server that did not answer is asked again
_PATIENCE = 0.5  # seconds: whoever reads does not wait for a long write


class SharedDocuments:
    """The documents of one index, live in this home, whose store other homes may use too.

    Thread-safe. Whoever calls anything but `look` and `others` holds the home's `writing`.
    """

    def __init__(self, home: Home, collection: str, url: str) -> None:
        self._home = home
        self._collection = collection
        self._key = home.catalog.key(collection)
        self._url = url
        self._looking = threading.Lock()
        self._opening = threading.Lock()
        self._next = 0.0
        self._whole = 0.0
        self._state: str | None = None
        self._records: DocumentRecords | None = None

    def close(self) -> None:
        """Let go of the connections; the next use opens them again."""
        with self._opening:
            if self._records is not None:
                self._records.close()
            self._records, self._state = None, None

    def look(self, store: Callable[[], VectorStore]) -> None:
        """Take over what others changed since the last look; at most one a second looks.

        A server that does not answer is left alone for a while, and nothing changes here.
        """
        if time.monotonic() < self._next or not self._looking.acquire(blocking=False):
            return
        try:
            self._next = time.monotonic() + _EVERY
            again = time.monotonic() - self._whole > _ANYWAY
            if self._opened().state() == self._state and not again:
                return
            if self._home.writing.acquire(timeout=_PATIENCE):
                try:
                    self.meet(store)
                finally:
                    self._home.writing.release()
        except RagError:
            self.close()
            self._next = time.monotonic() + _REST
        finally:
            self._looking.release()

    def meet(self, store: Callable[[], VectorStore]) -> None:
        """Bring the catalog and the records together: what was deleted, added and changed.

        Raises:
            StoreError: when the server cannot be reached; what was done until then is whole.
        """
        records = self._opened()
        if self._state is None:
            records.join(self._home.marks.home_id())
        state = records.state()  # before the heads: what changes after this is noticed next time
        heads = records.heads()
        self._withdraw(records, heads)
        self._settle_names(records, heads, store)
        self._forget(records, heads)
        whole = self._adopt(records, heads)
        told = self._tell_the_rest(records, heads, store)
        self._state = state if whole and not told else None
        self._whole = time.monotonic()

    def met(self) -> bool:
        """Return whether catalog and records have been brought together since this was opened."""
        return self._state is not None

    def publish(self, name: str, replaced: DocumentInfo | None = None) -> None:
        """Tell the others of a document, once its chunks are stored and it is in the catalog.

        Raises:
            StoreError: when the server cannot be reached; then it is told at the next meeting.
        """
        info = self._home.catalog.named(self._collection, name)
        if info is None:
            return
        records = self._opened()
        if replaced is not None and replaced.id != info.id:
            # First, or who sees both of the name could take the new one for the older, by its clock
            old = records.head(replaced.id)
            records.remove([old] if old else [])
            self._home.marks.remove(self._key, [replaced.id])
        self._tell(records, info)

    def leave(self, document_ids: Iterable[str]) -> None:
        """Note that documents are about to be deleted here; `meet` removes their records."""
        self._home.marks.leave(self._key, document_ids)

    def leaving(self) -> bool:
        """Return whether records of documents that were deleted here are still on the server."""
        return self._home.marks.leaving(self._key)

    def others(self) -> set[str]:
        """Return the ids of the other data folders that use this index.

        Raises:
            StoreError: when the server cannot be reached.
        """
        return self._opened().instances() - {self._home.marks.home_id()}

    # -- steps of a meeting -------------------------------------------------------------------

    def _withdraw(self, records: DocumentRecords, heads: dict[str, Head]) -> None:
        """Remove the records of what was deleted here, unless another has changed it since."""
        marks = self._home.marks.all(self._key, records.space)
        leaving = {id_: mark for id_, mark in marks.items() if mark.leaving}
        gone = [
            heads[id_]
            for id_, mark in leaving.items()
            if id_ in heads and heads[id_].version == mark.version
        ]
        if gone:
            records.remove(gone)
        for head in gone:
            del heads[head.document_id]
        if leaving:
            self._home.marks.remove(self._key, leaving)

    def _settle_names(
        self,
        records: DocumentRecords,
        heads: dict[str, Head],
        store: Callable[[], VectorStore],
    ) -> None:
        """Keep the last of the documents of one name, where two were put there at once."""
        for older in _older(heads.values()):
            records.remove([older])
            store().delete_document(older.document_id)
            del heads[older.document_id]

    def _forget(self, records: DocumentRecords, heads: Mapping[str, Head]) -> None:
        """Remove from the catalog what was deleted elsewhere, and the originals of it."""
        catalog, collection = self._home.catalog, self._collection
        marks = self._home.marks.all(self._key, records.space)
        gone = [id_ for id_ in marks if id_ not in heads]
        infos = [info for info in catalog.documents(collection) if info.id in set(gone)]
        if infos:
            catalog.retire(collection, [info.id for info in infos], theirs=True)
            for sha256 in {info.sha256 for info in infos} - catalog.originals():
                self._home.originals.delete(sha256)
        if gone:
            self._home.marks.remove(self._key, gone)

    def _adopt(self, records: DocumentRecords, heads: Mapping[str, Head]) -> bool:
        """Put what others added or changed into the catalog; return whether all of it was there."""
        catalog, collection = self._home.catalog, self._collection
        marks = self._home.marks.all(self._key, records.space)
        whole = True
        for head in sorted(heads.values(), key=lambda head: head.document_id):
            if head.document_id in marks and marks[head.document_id].version == head.version:
                continue
            ours = catalog.named(collection, head.name)
            never_told = ours is not None and ours.id not in marks
            other = ours is not None and ours.id != head.document_id
            if ours and never_told and other and ours.added_at > head.added_at:
                continue  # the later one of a name stays, and is told after this
            body = records.body(head)
            if body is None:
                whole = False  # it is being replaced: to be looked at again
                continue
            record = _read(body)
            if record is None or not self._take(record, theirs=not never_told):
                continue
            mark = Mark(head.version, head.writer)
            self._home.marks.put(self._key, records.space, head.document_id, mark)
        return whole

    def _take(self, record: DocumentRecord, *, theirs: bool) -> bool:
        catalog, collection = self._home.catalog, self._collection
        model = catalog.model(collection)
        if model is None:
            catalog.set_model(collection, record.model)
        elif model.fingerprint != record.model.fingerprint:
            return False  # law 7
        info = record.info
        catalog.commit(
            collection,
            record.document,
            record.chunks,
            upload=Upload(0, info.name, info.sha256, info.size, info.added_at),
            chunker=info.chunker,
            seconds=info.seconds,
            stamps=record.stamps,
            added_at=info.added_at,
            theirs=theirs,
        )
        self._home.quota.changed()
        return True

    def _tell_the_rest(
        self,
        records: DocumentRecords,
        heads: Mapping[str, Head],
        store: Callable[[], VectorStore],
    ) -> bool:
        """Tell of documents that were never told: by a crash, or from before there were others."""
        catalog, collection = self._home.catalog, self._collection
        marks = self._home.marks.all(self._key, records.space)
        told = False
        for info in catalog.documents(collection):
            if info.id in marks:
                continue
            chunks = [chunk.id for chunk in catalog.document_chunks(collection, info.id)]
            if len(store().get(chunks)) < len(chunks):
                continue  # the store was set up anew: it is for `repair` to fill it again
            older = [head for head in heads.values() if head.name == info.name]
            records.remove([head for head in older if head.document_id != info.id])
            self._tell(records, info)
            told = True
        return told

    def _tell(self, records: DocumentRecords, info: DocumentInfo) -> None:
        catalog, collection = self._home.catalog, self._collection
        document = catalog.document(collection, info.id)
        if document is None:
            return
        record = DocumentRecord(
            info,
            document,
            tuple(catalog.document_chunks(collection, info.id)),
            catalog.stamps(collection, info.id),
            catalog.model(collection) or Model("", "", 0),
        )
        writer = self._home.marks.home_id()
        head = Head(info.id, info.name, record.version, writer, info.added_at)
        records.put(head, record.packed())
        self._home.marks.put(self._key, records.space, info.id, Mark(head.version, writer))

    def _opened(self) -> DocumentRecords:
        with self._opening:
            if self._records is None:
                self._records = open_records(self._url, collection=self._key)
            return self._records


def _read(body: str) -> DocumentRecord | None:
    try:
        return unpacked(body)
    except (ValueError, KeyError, TypeError):  # of a version to come
        return None


def _older(heads: Iterable[Head]) -> Sequence[Head]:
    """Return all but the last of the documents of each name."""
    last: dict[str, Head] = {}
    older = []
    for head in sorted(heads, key=lambda head: (head.added_at, head.document_id)):
        if head.name in last:
            older.append(last[head.name])
        last[head.name] = head
    return older
