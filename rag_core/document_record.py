"""A document as one text: all that another instance needs to have it in its own catalog."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rag_core.catalog_rows import DocumentInfo, Model, Stamp
from rag_core.datatypes import Chunk, Document, content_id


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """An indexed document with its text, its chunks' places, and what they were embedded with."""

    info: DocumentInfo
    document: Document
    chunks: tuple[Chunk, ...]
    stamps: Mapping[str, Stamp] = field(hash=False)
    model: Model

    @property
    def version(self) -> str:
        """An id of what is in it but for times: the same file, indexed alike, has the same."""
        document = self.document
        parts = {
            "document": [document.id, document.name, self.info.sha256, dict(document.metadata)],
            "pages": document.pages,
            "notes": document.notes,
            "chunker": dict(self.info.chunker),
            "chunks": [[chunk.id, dict(chunk.metadata)] for chunk in self.chunks],
            "model": self.model.fingerprint,
        }
        return content_id(json.dumps(parts, sort_keys=True))

    def packed(self) -> str:
        """Return it as JSON; the chunks without their texts, which are cut from the document."""
        info, document = self.info, self.document
        values = {
            "id": document.id,
            "name": document.name,
            "text": document.text,
            "metadata": dict(document.metadata),
            "pages": document.pages,
            "notes": document.notes,
            "sha256": info.sha256,
            "size": info.size,
            "seconds": info.seconds,
            "added_at": info.added_at,
            "chunker": dict(info.chunker),
            "chunks": [_placed(chunk, self.stamps) for chunk in self.chunks],
            "model": [self.model.fingerprint, self.model.name, self.model.dimension],
        }
        return json.dumps(values)


def unpacked(text: str) -> DocumentRecord:
    """Return the record that was packed.

    Raises:
        ValueError, KeyError, TypeError: when it is none.
    """
    values = json.loads(text)
    document = Document(
        id=values["id"],
        name=values["name"],
        text=values["text"],
        metadata=values["metadata"],
        pages=tuple((int(start), int(end)) for start, end in values["pages"]),
        notes=tuple(values["notes"]),
    )
    info = DocumentInfo(
        id=document.id,
        name=document.name,
        sha256=values["sha256"],
        characters=len(document.text),
        pages=len(document.pages),
        chunks=len(values["chunks"]),
        size=int(values["size"]),
        seconds=float(values["seconds"]),
        added_at=float(values["added_at"]),
        chunker=values["chunker"],
        metadata=document.metadata,
        notes=document.notes,
    )
    rows: Sequence[Sequence[object]] = values["chunks"]
    chunks = [_chunk(document, row) for row in rows]
    stamps = {chunk.id: _stamp(row) for chunk, row in zip(chunks, rows, strict=True)}
    fingerprint, name, dimension = values["model"]
    return DocumentRecord(
        info, document, tuple(chunks), stamps, Model(fingerprint, name, int(dimension))
    )


def _placed(chunk: Chunk, stamps: Mapping[str, Stamp]) -> list[object]:
    stamp = stamps.get(chunk.id, Stamp("", 0.0))
    place = [chunk.id, chunk.index, chunk.start, chunk.end]
    return [*place, dict(chunk.metadata), stamp.fingerprint, stamp.embedded_at]


def _chunk(document: Document, row: Sequence[object]) -> Chunk:
    id_, index, start, end, metadata = row[:5]
    first, last = int(str(start)), int(str(end))
    if not isinstance(metadata, dict):
        raise TypeError("a chunk's metadata is no mapping")
    return Chunk(
        str(id_), document.id, int(str(index)), first, last, document.text[first:last], metadata
    )


def _stamp(row: Sequence[object]) -> Stamp:
    return Stamp(str(row[5]), float(str(row[6])))
