"""CSV: one line of text a row, every value with its column's name, so that a row can be found."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter

from rag_core.loaders.encodings import decode
from rag_core.loaders.limits import Limits
from rag_core.loaders.parsed import OnStep, Parsed, Refusal, Scalar, TextBuilder

_DELIMITERS = ",;\t|"
_SAMPLE_LINES = 50
_SAMPLE_CHARACTERS = 100_000
_MAX_FIELD = 1_000_000
_MAX_COLUMNS = 10_000
_HEADER_LENGTH = 80
_NUMBER = re.compile(r"[-+(]?[\d.,/:%€$£ eE()-]+$")
_STEP = 5_000


def parse_csv(data: bytes, limits: Limits, on_step: OnStep) -> Parsed:
    """Return a line "column: value; column: value" for every row; empty values are left out.

    The delimiter (, ; tab or |) and whether there is a header are found out. Raises `Refusal` for
    a field longer than a million characters, which is what a quote that never closes looks like.
    """
    decoded = decode(data)
    text, delimiter = _declared_delimiter(decoded.text)
    delimiter = delimiter or _delimiter(text)
    csv.field_size_limit(_MAX_FIELD)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    builder = TextBuilder(limits)
    header: list[str] | None = None
    rows, lines = 0, text.count("\n") + 1
    try:
        for row in reader:
            cells = [" ".join(cell.split()) for cell in row]
            if not any(cells):
                continue
            if header is None:
                header = cells if _is_header(cells) else []
                if header:
                    continue
            rows += 1
            if rows % _STEP == 0:
                on_step(min(reader.line_num, lines), lines)
            builder.add(_line(header, cells) + "\n")
    except csv.Error as error:
        raise Refusal(
            f"The table breaks off at line {reader.line_num:,} ({error}).",
            "Look there for a quotation mark that is never closed, and save the table again.",
        ) from error
    if rows == 0 and header:
        builder.add("; ".join(header) + "\n")
    metadata: dict[str, Scalar] = {
        "encoding": decoded.encoding,
        "rows": rows,
        "columns": ", ".join(header or [])[:500],
    }
    on_step(1, 1)
    return Parsed(builder.text().rstrip("\n"), metadata, notes=decoded.notes)


def _declared_delimiter(text: str) -> tuple[str, str]:
    """Return the text without Excel's "sep=;" line, and the delimiter it names, or ""."""
    match = re.match(r'"?sep=([,;\t|])"?\n', text)
    return (text[match.end() :], match[1]) if match else (text, "")


def _delimiter(text: str) -> str:
    """Return the delimiter that cuts the first lines into the most even rows."""
    sample = text[:_SAMPLE_CHARACTERS].split("\n")[:_SAMPLE_LINES]
    best, best_score = ",", 0.0
    for delimiter in _DELIMITERS:
        try:
            widths = Counter(len(row) for row in csv.reader(sample, delimiter=delimiter) if row)
        except csv.Error:
            continue
        width, count = widths.most_common(1)[0] if widths else (0, 0)
        if width > 1 and (score := count / widths.total() + min(width, 50) / 1_000) > best_score:
            best, best_score = delimiter, score
    return best


def _is_header(cells: list[str]) -> bool:
    """Return whether a first row reads like names: all there, all different, short, no numbers."""
    if len(cells) > _MAX_COLUMNS:
        raise Refusal(
            f"The table has {len(cells):,} columns.", "Check its delimiter, or turn it on its side."
        )
    named = [cell for cell in cells if cell]
    return (
        len(named) == len(set(named)) >= max(1, len(cells) - 1)
        and all(len(cell) <= _HEADER_LENGTH and not _NUMBER.match(cell) for cell in named)
    )  # fmt: skip


def _line(header: list[str] | None, cells: list[str]) -> str:
    """Return one row as text."""
    if not header:
        return "; ".join(cell for cell in cells if cell)
    names = header + [f"column {n}" for n in range(len(header) + 1, len(cells) + 1)]
    return "; ".join(
        f"{name}: {cell}" if name else cell
        for name, cell in zip(names, cells, strict=False)
        if cell
    )
