"""Build the binary documents of the sample library, and find the gold spans of its questions.

    python -m samples.build              write into samples/
    python -m samples.build --check      write nothing; fail if samples/ is not what would be built

The PDF and Word documents are made from `sources/*.md`; the other documents are written by hand in
`library/` and are their own sources. `sources/questions.toml` holds each question with quotes, word
for word, from the text that `rag_core.load` gives; their offsets are found here and nowhere else.
Everything is deterministic: the same sources give the same bytes.
"""

from __future__ import annotations

import argparse
import datetime
import io
import json
import re
import sys
import tomllib
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docx
from docx.enum.style import WD_STYLE_TYPE

from rag_core.loaders import load
from samples.plain_pdf import PlainPdf

HERE = Path(__file__).resolve().parent
KINDS = ("fact", "code", "paraphrase", "across", "unanswerable")


class BuildError(Exception):
    """A source cannot be turned into what it should become; the message names it."""


@dataclass(frozen=True)
class Block:
    """One piece of a source: `kind` is "1" or "2" for a heading, "paragraph" or "table"."""

    kind: str
    text: str = ""
    rows: list[list[str]] = field(default_factory=list)


@dataclass(frozen=True)
class Source:
    """A parsed source: what its front matter says, and its blocks."""

    name: str
    title: str
    author: str
    date: str
    format: str
    blocks: list[Block]


def read_source(path: Path) -> Source:
    """Parse front matter, headings (# and ##), paragraphs (one a line) and tables (|).

    A PDF source may tie words with ~, as in "Ingrid~Solheim", to keep them on one line.
    """
    _, front, body = path.read_text(encoding="utf-8").split("---\n", 2)
    fields = dict(line.split(": ", 1) for line in front.splitlines())
    blocks: list[Block] = []
    for line in filter(None, body.splitlines()):
        if line.startswith("|"):
            if blocks[-1].kind != "table":
                blocks.append(Block("table"))
            blocks[-1].rows.append([cell.strip() for cell in line.strip("|").split("|")])
        elif heading := re.fullmatch(r"(#{1,2}) (.+)", line):
            blocks.append(Block(str(len(heading[1])), heading[2]))
        else:
            blocks.append(Block("paragraph", line))
    return Source(name=f"{path.stem}.{fields['format']}", blocks=blocks, **fields)


def render_pdf(source: Source) -> bytes:
    """Return the source as a PDF file."""
    pdf = PlainPdf(title=source.title, author=source.author, date=source.date)
    for block in source.blocks:
        if block.kind == "table":
            pdf.table(block.rows)
        elif block.kind == "paragraph":
            pdf.paragraph(block.text)
        else:
            pdf.heading(block.text, int(block.kind))
    return pdf.to_bytes()


def render_docx(source: Source) -> bytes:
    """Return the source as a Word file."""
    document = docx.Document()
    _slim(document)
    for block in source.blocks:
        if block.kind == "table":
            _add_table(document, block.rows)
        elif block.kind == "paragraph":
            document.add_paragraph(block.text)
        else:
            document.add_heading(block.text, int(block.kind) - 1)
    properties = document.core_properties
    properties.title, properties.author, properties.comments = source.title, source.author, ""
    properties.last_modified_by, properties.revision = source.author, 1
    properties.created = properties.modified = datetime.datetime.fromisoformat(source.date)
    buffer = io.BytesIO()
    document.save(buffer)
    return _pack_again(buffer)


def _slim(document: Any) -> None:  # noqa: ANN401 - docx has no types
    """Leave out what the template brings and no sample uses: 800 kB of table styles."""
    for style in list(document.styles):
        if style.type == WD_STYLE_TYPE.TABLE and style.name not in ("Normal Table", "Table Grid"):
            style.element.getparent().remove(style.element)
    for relations in (document.part.rels, document.part.package.rels):
        for key, relation in list(relations.items()):
            if relation.reltype.endswith(("/stylesWithEffects", "/thumbnail", "/customXml")):
                del relations[key]


def _add_table(document: Any, rows: list[list[str]]) -> None:  # noqa: ANN401 - docx has no types
    table = document.add_table(rows=0, cols=len(rows[0]), style="Table Grid")
    for place, row in enumerate(rows):
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.paragraphs[0].add_run(text).bold = place == 0
    document.add_paragraph()


def _pack_again(archive: io.BytesIO) -> bytes:
    """Return the archive with fixed dates and no compression: zlib differs between machines."""
    out = io.BytesIO()
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.create_system = 3
            new.writestr(entry, old.read(name))
    return out.getvalue()


RENDERERS: Mapping[str, Callable[[Source], bytes]] = {"pdf": render_pdf, "docx": render_docx}


def locate(text: str, quote: str) -> tuple[int, int]:
    """Return where `quote` stands in `text`; white space may differ, the words may not.

    Raises:
        BuildError: The quote is absent, or stands there more than once.
    """
    pattern = r"\s+".join(re.escape(word) for word in quote.split())
    found = [match.span() for match in re.finditer(pattern, text)]
    if len(found) != 1:
        raise BuildError(f"found {len(found)} times: {quote!r}")
    return found[0]


def _question(entry: Mapping[str, Any], texts: Mapping[str, str]) -> dict[str, Any]:
    spans = []
    for quote in entry.get("quotes", []):
        name = quote["document"]
        start, end = locate(texts[name], quote["text"])
        spans.append({"document": name, "start": start, "end": end, "text": texts[name][start:end]})
    answer = entry.get("answer")
    if entry["kind"] not in KINDS:
        raise BuildError(f"unknown kind {entry['kind']!r}; known: {', '.join(KINDS)}")
    if (entry["kind"] == "unanswerable") != (answer is None and not spans):
        raise BuildError("an unanswerable question, and only that, has no answer and no quotes")
    if answer is not None and not any(answer in span["text"] for span in spans):
        raise BuildError(f"the answer {answer!r} does not stand in a quote")
    return {
        "id": entry["id"],
        "question": entry["question"],
        "kind": entry["kind"],
        "document": spans[0]["document"] if spans else None,
        "answer": answer,
        "spans": spans,
    }


def make_questions(files: Mapping[str, bytes]) -> bytes:
    """Return questions.jsonl for a library of these files.

    Raises:
        BuildError: A quote or an answer is not in its place; the message names every one.
    """
    texts = {name: load(name, data).text for name, data in files.items()}
    entries = tomllib.loads((HERE / "sources/questions.toml").read_text(encoding="utf-8"))
    lines, problems = [], []
    for entry in entries["question"]:
        try:
            lines.append(json.dumps(_question(entry, texts), ensure_ascii=False) + "\n")
        except (BuildError, KeyError) as error:
            problems.append(f"{entry.get('id')}: {error}")
    if problems:
        raise BuildError("\n".join(problems))
    return "".join(lines).encode("utf-8")


def build() -> Iterator[tuple[str, bytes]]:
    """Yield the path, relative to samples/, and the bytes of every file that is made."""
    made = {}
    for path in sorted((HERE / "sources").glob("*.md")):
        source = read_source(path)
        made[source.name] = RENDERERS[source.format](source)
        yield f"library/{source.name}", made[source.name]
    written = {
        path.name: path.read_bytes()
        for path in sorted((HERE / "library").iterdir())
        if path.suffix.lstrip(".") not in RENDERERS
    }
    yield "questions.jsonl", make_questions(written | made)


def main(arguments: list[str] | None = None) -> int:
    """Build into samples/ or another folder, or check that samples/ is up to date."""
    parser = argparse.ArgumentParser(description="Build the sample library.")
    parser.add_argument("--check", action="store_true", help="write nothing, compare only")
    parser.add_argument("--out", type=Path, default=HERE, help="the folder to write into")
    options = parser.parse_args(arguments)
    stale = []
    try:
        for name, data in build():
            path = options.out / name
            if path.is_file() and path.read_bytes() == data:
                continue
            stale.append(name)
            if not options.check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
    except BuildError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    verb = "out of date" if options.check else "written"
    sys.stdout.writelines(f"{verb}: {name}\n" for name in stale)
    return 1 if options.check and stale else 0


if __name__ == "__main__":
    raise SystemExit(main())
