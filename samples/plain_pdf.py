"""A small PDF writer for the sample documents: flowing text in Helvetica, and nothing else.

It needs no library, embeds no font and compresses nothing, so the same text gives the same bytes
on every machine. Paragraphs are never broken across two pages: what is read back by a PDF reader
holds whole sentences, with the page number after them and not inside them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

PAGE_WIDTH, PAGE_HEIGHT, MARGIN = 595.28, 841.89, 80.0  # A4, in points
BODY_SIZE, BODY_LEADING = 12.0, 17.5
HEADINGS = {1: (23.0, 28.0), 2: (15.0, 20.0)}  # level: size, leading

# Advance widths of Adobe's Helvetica in thousandths of the size, for the characters 32 to 126.
_REGULAR = (
    "278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 "
    "556 556 556 278 278 584 584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 "
    "722 778 667 778 722 667 611 722 667 944 667 667 611 278 278 278 469 556 333 556 556 500 556 "
    "556 278 556 556 222 222 500 222 833 556 556 556 556 333 500 278 556 500 722 500 500 500 334 "
    "260 334 584"
)
_BOLD = (
    "278 333 474 556 556 889 722 238 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 "
    "556 556 556 333 333 584 584 584 611 975 722 722 722 722 667 611 778 722 278 556 722 611 833 "
    "722 778 667 778 722 667 611 722 667 944 667 667 611 333 278 333 584 556 333 556 611 556 611 "
    "556 333 611 611 278 278 556 278 889 611 611 611 611 389 556 333 611 556 778 556 556 500 389 "
    "280 389 584"
)
WIDTHS = {
    font: {chr(32 + place): int(width) for place, width in enumerate(table.split())}
    for font, table in (("F1", _REGULAR), ("F2", _BOLD))
}


def text_width(text: str, font: str, size: float) -> float:
    """Return the width of `text` in points; a character without a known width is an error."""
    unknown = sorted(set(text) - WIDTHS[font].keys())
    if unknown:
        raise ValueError(f"no Helvetica width for {unknown!r} in {text!r}")
    return sum(WIDTHS[font][character] for character in text) * size / 1000


def wrap(text: str, font: str, size: float, width: float) -> list[str]:
    """Break `text` between words into lines no wider than `width`; a tie (~) never breaks."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        word = word.replace("~", " ")
        longer = f"{line} {word}" if line else word
        if line and text_width(longer, font, size) > width:
            lines.append(line)
            line = word
        else:
            line = longer
    return [*lines, line] if line else lines


def _string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
    return f"({escaped})"


class PlainPdf:
    """Collects headings, paragraphs and tables, and sets them on pages from the top down."""

    def __init__(self, *, title: str, author: str, date: str) -> None:
        self._title, self._author, self._date = title, author, date
        self._pages: list[list[str]] = []
        self._y = 0.0
        self._new_page()

    def heading(self, text: str, level: int) -> None:
        """Set a heading; it never stands alone at the foot of a page."""
        size, leading = HEADINGS[level]
        lines = wrap(text, "F2", size, PAGE_WIDTH - 2 * MARGIN)
        self._need(leading * len(lines) + 5 * BODY_LEADING)
        self._gap(10)
        for line in lines:
            self._line([(MARGIN, line)], "F2", size, leading)
        self._gap(5)

    def paragraph(self, text: str) -> None:
        """Set a paragraph, whole, on this page or on the next."""
        lines = wrap(text, "F1", BODY_SIZE, PAGE_WIDTH - 2 * MARGIN)
        self._need(BODY_LEADING * len(lines))
        for line in lines:
            self._line([(MARGIN, line)], "F1", BODY_SIZE, BODY_LEADING)
        self._gap(8)

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """Set rows in even columns, the first of them bold; every cell has to fit on one line."""
        self._need(BODY_LEADING * len(rows))
        columns = max(len(row) for row in rows)
        widths = [
            max(text_width(row[column], "F2", BODY_SIZE) for row in rows) + 24
            for column in range(columns)
        ]
        starts = [MARGIN + sum(widths[:column]) for column in range(columns)]
        if starts[-1] + widths[-1] - 24 > PAGE_WIDTH - MARGIN:
            raise ValueError(f"table too wide: {rows[0]!r}")
        for place, row in enumerate(rows):
            font = "F1" if place else "F2"
            self._line(list(zip(starts, row, strict=True)), font, BODY_SIZE, BODY_LEADING)
        self._gap(8)

    def to_bytes(self) -> bytes:
        """Return the file; the same calls give the same bytes."""
        count = len(self._pages)
        kids = " ".join(f"{6 + 2 * index} 0 R" for index in range(count))
        info = (
            f"<< /Title {_string(self._title)} /Author {_string(self._author)} "
            f"/CreationDate (D:{self._date.replace('-', '')}120000Z) >>"
        )
        objects = [
            "<< /Type /Catalog /Pages 2 0 R /Lang (en) >>",
            f"<< /Type /Pages /Kids [{kids}] /Count {count} >>",
            self._font("Helvetica"),
            self._font("Helvetica-Bold"),
            info,
        ]
        for index, commands in enumerate(self._pages):
            objects.append(
                f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {PAGE_WIDTH} {PAGE_HEIGHT}] "
                "/Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> "
                f"/Contents {7 + 2 * index} 0 R >>"
            )
            stream = "\n".join([*commands, self._footer(index + 1)])
            objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
        return self._file(objects)

    @staticmethod
    def _font(name: str) -> str:
        return f"<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>"

    @staticmethod
    def _footer(number: int) -> str:
        x = (PAGE_WIDTH - text_width(str(number), "F1", 9)) / 2
        return f"BT /F1 9 Tf 1 0 0 1 {x:.2f} 36 Tm {_string(str(number))} Tj ET"

    @staticmethod
    def _file(objects: Sequence[str]) -> bytes:
        out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
        offsets = []
        for number, body in enumerate(objects, 1):
            offsets.append(len(out))
            out += f"{number} 0 obj\n{body}\nendobj\n".encode("ascii")
        identity = hashlib.sha256(bytes(out)).hexdigest()[:32]
        start = len(out)
        out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode("ascii")
        out += b"".join(f"{offset:010d} 00000 n \n".encode("ascii") for offset in offsets)
        out += (
            f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R /Info 5 0 R "
            f"/ID [<{identity}> <{identity}>] >>\nstartxref\n{start}\n%%EOF\n"
        ).encode("ascii")
        return bytes(out)

    def _new_page(self) -> None:
        self._pages.append([])
        self._y = PAGE_HEIGHT - MARGIN

    def _at_top(self) -> bool:
        return not self._pages[-1]

    def _need(self, height: float) -> None:
        if self._y - height < MARGIN and not self._at_top():
            self._new_page()

    def _gap(self, height: float) -> None:
        """Leave room, and an empty line of text, which shows readers of the file a paragraph."""
        if not self._at_top():
            self._line([(MARGIN, " ")], "F1", 5, height)

    def _line(
        self, cells: Sequence[tuple[float, str]], font: str, size: float, leading: float
    ) -> None:
        self._y -= leading
        for x, text in cells:
            self._pages[-1].append(
                f"BT /{font} {size:g} Tf 1 0 0 1 {x:.2f} {self._y:.2f} Tm {_string(text)} Tj ET"
            )
