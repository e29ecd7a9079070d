"""PDF: pypdf reads, pypdfium2 checks it and steps in where pypdf fails."""

from __future__ import annotations

import io
import logging
import re
import struct
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from rag_core.loaders.cleaning import clean_text, has_text, listed
from rag_core.loaders.garble import SUSPICIOUS, UNREADABLE, alike, noise
from rag_core.loaders.limits import Limits
from rag_core.loaders.parsed import OnStep, Parsed, Refusal, Scalar, TextBuilder

if TYPE_CHECKING:
    import pypdf
    import pypdfium2

# pypdf says of itself that broken files "might cause other Exceptions": these are the ones that
# wrong bytes can cause in Python code that trusts them, pypdf's own (see _damages) aside.
_BROKEN = (ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, OSError,
           RecursionError, NotImplementedError, TypeError, ValueError, struct.error,
           zlib.error)  # fmt: skip
_SEPARATOR = "\n\n"
# pdfium puts one of these for a hyphen at a line's end, and leaves out the line's end.
_SOFT_HYPHEN = re.compile("[\x02\ufffe](?:\r?\n)?")
# What a formula's unmapped symbols come out as: nobody can see or search for them.
_CODES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SAME = 0.6


def parse_pdf(data: bytes, limits: Limits, on_step: OnStep) -> Parsed:
    """Return the text of every page, two line ends apart, with title, author and creation date.

    Raises `Refusal` for what is no PDF, is damaged, needs a password, has no text layer, or whose
    text is noise in both parsers.
    """
    if b"%PDF-" not in data[:1024]:
        raise Refusal(
            "This is not a PDF: its first bytes are those of something else.",
            "Download or export it again; a web page saved as .pdf has to be named .html.",
        )
    if _is_cut_off(data):
        raise _damaged()
    logging.getLogger("pypdf").setLevel(logging.CRITICAL + 1)
    source = _Source(data)
    if source.count > limits.max_pages:
        raise Refusal(
            f"The PDF has {source.count:,} pages; the limit is {limits.max_pages:,}.",
            "Split it, or raise RAGSCOPE_MAX_PAGES.",
        )
    report = _Report(source.count)
    builder = TextBuilder(limits)
    ranges: list[tuple[int, int]] = []
    # pypdf is the slower by far. When it has used up half of the time, the rest is left to pdfium.
    hurry = time.monotonic() + limits.max_seconds / 2
    for index in range(source.count):
        on_step(index, source.count)
        text = report.judge(index + 1, *source.read(index, only_second=time.monotonic() > hurry))
        if index:
            builder.add(_SEPARATOR)
        start = builder.length
        builder.add(text)
        ranges.append((start, builder.length))
    on_step(source.count, source.count)
    report.refuse_if_hopeless()
    metadata = {**source.metadata(), **report.metadata()}
    return Parsed(builder.text(), metadata, tuple(ranges), report.notes())


def _is_cut_off(data: bytes) -> bool:
    """Return whether nothing of a trailer follows the last object: the file's end is missing.

    Parsers repair such files silently, and what was in the missing part is just not there.
    """
    ends = (data.rfind(mark) for mark in (b"trailer", b"startxref", b"%%EOF"))
    return max(ends) < data.rfind(b"obj")


def _damaged() -> Refusal:
    return Refusal(
        "The PDF is damaged or cut off.",
        "Download it again, or open it in a viewer and print it to a new PDF.",
    )


class _Source:
    """One PDF open in both parsers; either may be missing, but not both."""

    def __init__(self, data: bytes) -> None:
        self._first = _open_first(data)
        self._second = _open_second(data)
        if self._first:
            self.count = len(self._first.pages)
        else:
            self.count = len(self._second) if self._second else 0
        if not self.count:
            raise _damaged()

    def read(self, index: int, *, only_second: bool = False) -> tuple[str, str]:
        """Return the page's text as pypdf and as pdfium read it, "" where they cannot."""
        first = second = ""
        if self._first and not only_second:
            with suppress(*_damages()):
                first = clean_text(self._first.pages[index].extract_text())
        if self._second and index < len(self._second):
            text = _second_text(self._second, index)
            # With one parser left, a page that it cannot load either is lost.
            if text is None and self._first is None:
                raise _damaged()
            second = text or ""
        return first.strip("\n"), second.strip("\n")

    def metadata(self) -> dict[str, Scalar]:
        """Return title, author and creation date (ISO 8601), as far as the file has them."""
        found: dict[str, Scalar] = {}
        if self._first is None:
            return found
        with suppress(*_damages()):
            info = self._first.metadata
            for key, value in (("title", info and info.title), ("author", info and info.author)):
                if isinstance(value, str) and has_text(value):
                    found[key] = clean_text(value).strip()[:500]
            if info and info.creation_date:
                found["created"] = info.creation_date.isoformat()
        return found


class _Report:
    """Decides page by page which parser is believed, and remembers what has to be said."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._parsers: set[str] = set()
        self._empty: list[int] = []
        self._garbled: list[int] = []
        self._rescued: list[int] = []

    def judge(self, number: int, first: str, second: str) -> str:
        """Return the page's text from the parser that reads it better; "" if neither can."""
        text, parser = first, "pypdf"
        if _second_is_better(first, second):
            text, parser = second, "pypdfium2"
        if not has_text(text):
            self._empty.append(number)
            return ""
        if noise(text) > UNREADABLE:
            self._garbled.append(number)
            return ""
        self._parsers.add(parser)
        text = _CODES.sub("", text)
        if parser == "pypdfium2":
            self._rescued.append(number)
        return text

    def refuse_if_hopeless(self) -> None:
        """Raise `Refusal` when no page, or less than half of those with text, can be used."""
        good = self._count - len(self._empty) - len(self._garbled)
        if len(self._garbled) > good:
            raise Refusal(
                f"The text of this PDF is garbled on {_pages(self._garbled)}: its fonts do not say "
                "which letters they draw, and two parsers return noise instead of words.",
                "Run it through OCR (for instance ocrmypdf --force-ocr) and upload the result.",
            )
        if good == 0:
            raise Refusal(
                "This PDF has no text layer: its pages are scans, drawings or blank.",
                "Run it through OCR (for instance ocrmypdf) and upload the result.",
            )

    def metadata(self) -> dict[str, Scalar]:
        """Return the page counts and the parsers' names."""
        return {
            "pages": self._count,
            "pages_without_text": len(self._empty),
            "pages_garbled": len(self._garbled),
            "parser": " and ".join(sorted(self._parsers)),
        }

    def notes(self) -> tuple[str, ...]:
        """Return what a reader should know, in sentences."""
        return tuple(_note_lines(self._empty, self._garbled, self._rescued))


def _note_lines(empty: list[int], garbled: list[int], rescued: list[int]) -> Iterator[str]:
    if empty:
        yield f"No text on {_pages(empty)}: blank, or a picture that would need OCR."
    if garbled:
        yield f"Left out as garbled: {_pages(garbled)}."
    if rescued:
        yield f"Read with pypdfium2 instead of pypdf: {_pages(rescued)}."


def _pages(numbers: list[int]) -> str:
    return f"page{'s' if len(numbers) > 1 else ''} {listed(numbers)}"


def _second_is_better(first: str, second: str) -> bool:
    """Return whether pdfium's text of a page is to be believed rather than pypdf's."""
    if not has_text(second):
        return False
    if not has_text(first):
        return True
    mine, other = noise(first), noise(second)
    if mine > SUSPICIOUS and other < mine / 2:
        return True
    letters, others = (sum(map(str.isalpha, text)) for text in (first, second))
    if other <= SUSPICIOUS and others > 2 * letters + 100:
        return True
    # Two quite different sets of letters: one parser maps the font wrongly. pdfium is what
    # browsers select text with, so its mapping is the better tested one.
    return other <= mine and alike(first, second) < _SAME


def _damages() -> tuple[type[Exception], ...]:
    """Return what pypdf raises on damaged files: its own errors and those of Python."""
    from pypdf.errors import DependencyError, PyPdfError

    return (PyPdfError, DependencyError, *_BROKEN)


def _open_first(data: bytes) -> pypdf.PdfReader | None:
    import pypdf
    from pypdf.errors import FileNotDecryptedError

    try:
        reader = pypdf.PdfReader(io.BytesIO(data))
        len(reader.pages)
    except FileNotDecryptedError as error:
        raise Refusal(
            "This PDF is protected with a password.",
            "Open it in a viewer, save a copy without a password, and upload that.",
        ) from error
    except _damages():
        return None
    return reader


def _open_second(data: bytes) -> pypdfium2.PdfDocument | None:
    import pypdfium2

    try:
        return pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError:
        return None


def _second_text(document: pypdfium2.PdfDocument, index: int) -> str | None:
    """Return a page's text as pdfium reads it, or None when it cannot load the page."""
    import pypdfium2

    try:
        page = document[index]
    except pypdfium2.PdfiumError:
        return None
    textpage = None
    try:
        textpage = page.get_textpage()
        return clean_text(_SOFT_HYPHEN.sub("-\n", textpage.get_text_range()))
    except pypdfium2.PdfiumError:
        return None
    finally:
        if textpage is not None:
            textpage.close()
        page.close()
