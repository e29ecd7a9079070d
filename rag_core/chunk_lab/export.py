"""Taking chunks along: JSON lines, CSV, and a script that makes the same chunks again."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from rag_core.chunk_lab.cutting import Choice
from rag_core.datatypes import Chunk, Document
from rag_core.spreadsheets import neutral

COLUMNS = ("id", "document", "index", "start", "end", "tokens", "text", "metadata")


def as_jsonl(document: Document, chunks: Sequence[Chunk], counts: Sequence[int]) -> bytes:
    """Return one JSON object a chunk and line, in UTF-8. `counts` are the chunks' tokens."""
    lines = [
        json.dumps(dict(zip(COLUMNS, row, strict=True)), ensure_ascii=False)
        for row in _rows(document, chunks, counts)
    ]
    # A lone surrogate cannot be UTF-8, but its escape is what JSON would write anyway.
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")


def as_csv(document: Document, chunks: Sequence[Chunk], counts: Sequence[int]) -> bytes:
    """Return a table with a heading, in UTF-8 with a BOM, so that spreadsheets read it rightly.

    A cell that a spreadsheet could take for a formula gets an apostrophe in front.
    """
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    writer.writerow(COLUMNS)
    for *cells, metadata in _rows(document, chunks, counts):
        packed = json.dumps(metadata, ensure_ascii=False)
        writer.writerow([neutral(cell) for cell in (*cells, packed)])
    return table.getvalue().encode("utf-8-sig", "backslashreplace")


def as_python(
    document: Document, choice: Choice, settings: Mapping[str, Any], path: str | None
) -> str:
    """Return a script on rag_core whose `chunks` are exactly these.

    Args:
        document: what was cut.
        choice: how it was cut.
        settings: every parameter of the chunker, as `chunker.settings` tells.
        path: where the document's file is; None puts the text itself into the script.
    """
    names = ["make_chunker", "load" if path is not None else "Document"]
    tools = []
    if settings.get("unit") == "tokens":
        tools.append("tokenizer=default_tokenizer()")
    arguments = [repr(choice.strategy)]
    arguments += [f"{name}={value!r}" for name, value in settings.items()] + tools
    lines = [f'"""Cuts a document as Ragscope\'s chunking page did: {choice}."""', ""]
    if path is not None:
        lines += ["from pathlib import Path", ""]
    lines.append(f"from rag_core import {', '.join(sorted(names))}")
    if "tokenizer=default_tokenizer()" in tools:
        lines.append("from rag_core.embedders.tokenizer import default_tokenizer")
    lines += ["", *_document_lines(document, path), "chunker = make_chunker("]
    lines += [f"    {argument}," for argument in arguments]
    lines += [")", "chunks = chunker.chunk(document)", "for chunk in chunks:"]
    lines += ["    print(chunk.id, chunk.start, chunk.end)", ""]
    return "\n".join(lines)


def _document_lines(document: Document, path: str | None) -> list[str]:
    if path is None:
        return [f"document = Document.from_text({document.name!r}, {document.text!r})"]
    return [
        f"file = Path({path!r})",
        f"document = load({document.name!r}, file.read_bytes())",
    ]


def _rows(
    document: Document, chunks: Sequence[Chunk], counts: Sequence[int]
) -> list[tuple[Any, ...]]:
    return [
        (c.id, document.name, c.index, c.start, c.end, count, c.text, dict(c.metadata))
        for c, count in zip(chunks, counts, strict=True)
    ]
