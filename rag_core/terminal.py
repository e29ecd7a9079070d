"""What the commands show: text, progress, results and errors, whatever a document holds."""

from __future__ import annotations

import json
import re
import shutil
import sys
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import click

from rag_core.catalog import DocumentInfo
from rag_core.datatypes import Answer, Chunk, Citation, SearchHit
from rag_core.errors import (
    FilterError,
    HomeError,
    LoadError,
    MissingDependencyError,
    ModelError,
    RagError,
    SettingsError,
    StoreError,
    UnknownDocumentError,
)
from rag_core.protocols import Progress
from rag_core.reports import FileReport

_REDRAW_SECONDS = 0.1
_BAR = 20
_EXCERPT = 300  # characters of a hit that are printed; --json has them all
_EXIT_CODES: tuple[tuple[int, tuple[type[RagError], ...]], ...] = (
    (1, (LoadError, UnknownDocumentError)),
    (2, (FilterError, SettingsError)),
    (3, (HomeError,)),
    (4, (ModelError, StoreError, MissingDependencyError)),
)
# These turn the reading direction around, so that a line can look like another one.
_TURNS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    """Return the text without what a terminal would obey; line ends and tabs stay.

    Documents and models can hold escape sequences, which move the cursor, retitle the window or
    write to the clipboard.
    """
    kept = (c if c in "\n\t" or unicodedata.category(c) != "Cc" else "" for c in text)
    return _TURNS.sub("", "".join(kept))


def one_line(text: str, width: int | None = None) -> str:
    """Return the text plain and on one line, cut with "…" to at most `width` characters."""
    line = " ".join(plain(text).split())
    return line if width is None or len(line) <= width else line[: width - 1].rstrip() + "…"


class ProgressBar:
    """One line on stderr that is drawn over and over; nothing unless stderr is a terminal."""

    def __init__(self, total: int, *, quiet: bool = False) -> None:
        self._total = total
        self._done = 0
        self._shown = not quiet and sys.stderr.isatty()
        self._drawn = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._clear()

    def update(self, progress: Progress) -> None:
        """Show how far the file at work is, at most ten times a second."""
        now = time.monotonic()
        if not self._shown or now - self._drawn < _REDRAW_SECONDS:
            return
        self._drawn = now
        part = progress.done / progress.total if progress.total else 0.0
        filled = int(_BAR * min(self._done / max(self._total, 1), 1.0))
        line = (
            f"[{'#' * filled}{'-' * (_BAR - filled)}] {self._done + 1}/{self._total} "
            f"{progress.stage} {part:.0%} {progress.name}"
        )
        width = shutil.get_terminal_size().columns - 1
        click.echo(f"\r\x1b[K{one_line(line, width)}", nl=False, err=True)

    def step(self) -> None:
        """Note that a file is through, and clear the line so that a message can be printed."""
        self._done += 1
        self._clear()

    def _clear(self) -> None:
        if self._shown and self._drawn:
            click.echo("\r\x1b[K", nl=False, err=True)
            self._drawn = 0.0


@contextmanager
def errors_shown() -> Iterator[None]:
    """Print a `RagError` as message and hint, and end with its exit code."""
    try:
        yield
    except RagError as error:
        click.echo(f"Error: {plain(error.message)}", err=True)
        if error.hint:
            click.echo(plain(error.hint), err=True)
        codes = (code for code, kinds in _EXIT_CODES if isinstance(error, kinds))
        raise SystemExit(next(codes, 1)) from error


def show_report(report: FileReport) -> None:
    """Print what became of a file."""
    name = one_line(report.name)
    if report.status == "failed":
        click.echo(f"failed     {name}", err=True)
        note(f"           {one_line(report.error.removeprefix(f'{report.name}: '))}")
        note(f"           {one_line(report.hint)}")
        return
    pages = f", {_count(report.pages, 'page')}" if report.pages else ""
    click.echo(f"{report.status:<10} {name}  ({_count(report.chunks, 'chunk')}{pages})")
    for remark in report.notes:
        note(f"           {one_line(remark)}")
    if report.same_as:
        others = ", ".join(one_line(other) for other in report.same_as)
        note(f"           The same content is indexed as {others}.")


def show_hit(hit: SearchHit) -> None:
    """Print a hit: its rank, place and score, and the beginning of its text."""
    chunk = hit.chunk
    click.echo(f"{hit.rank}. {_place(chunk, chunk.start, chunk.end)}  score {hit.score:.4f}")
    click.echo(f"   {one_line(chunk.text, _EXCERPT)}")


def show_sources(answer: Answer) -> None:
    """Print where an answer's citations lead, and what wrote it."""
    click.echo()
    for citation in answer.citations:
        where = _place(citation.hit.chunk, citation.span.start, citation.span.end)
        click.echo(f"[{citation.number}] {where}")
    click.echo(f"({one_line(answer.model)})")


def show_document(info: DocumentInfo) -> None:
    """Print a document's id, name and size."""
    pages = f", {_count(info.pages, 'page')}" if info.pages else ""
    click.echo(f"{info.id}  {one_line(info.name)}  ({_count(info.chunks, 'chunk')}{pages})")


def note(text: str) -> None:
    """Print a remark; results alone go to stdout."""
    click.echo(text, err=True)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _place(chunk: Chunk, start: int, end: int) -> str:
    name = one_line(str(chunk.metadata.get("name", chunk.document_id)))
    page = f", page {chunk.metadata['page']}" if "page" in chunk.metadata else ""
    return f"{name}{page}, characters {start}-{end}"


def print_json(**values: object) -> None:
    """Print one JSON object; its ASCII escapes leave a terminal nothing to obey."""
    click.echo(json.dumps(values, indent=2))


def json_hit(hit: SearchHit) -> dict[str, object]:
    """Return a hit as the help of `search` describes it."""
    return {
        "rank": hit.rank,
        "score": hit.score,
        "scores": dict(hit.scores),
        **_json_place(hit.chunk),
        "start": hit.chunk.start,
        "end": hit.chunk.end,
        "text": hit.chunk.text,
        "metadata": dict(hit.chunk.metadata),
    }


def json_citation(citation: Citation) -> dict[str, object]:
    """Return a citation as the help of `ask` describes it."""
    chunk, span = citation.hit.chunk, citation.span
    return {
        "number": citation.number,
        **_json_place(chunk),
        "start": span.start,
        "end": span.end,
        "text": chunk.text[span.start - chunk.start : span.end - chunk.start],
    }


def _json_place(chunk: Chunk) -> dict[str, object]:
    return {
        "name": chunk.metadata.get("name", ""),
        "page": chunk.metadata.get("page"),
        "document_id": chunk.document_id,
        "chunk_id": chunk.id,
    }


def json_document(info: DocumentInfo) -> dict[str, object]:
    """Return a document as the help of `documents` describes it."""
    keys = ("id", "name", "characters", "pages", "chunks", "size", "added_at")
    return {
        **{key: getattr(info, key) for key in keys},
        "metadata": dict(info.metadata),
        "notes": list(info.notes),
    }
