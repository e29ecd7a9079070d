"""DOCX: paragraphs and tables in the order of the document."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rag_core.loaders.cleaning import clean_text
from rag_core.loaders.limits import Limits
from rag_core.loaders.parsed import OnStep, Parsed, Refusal, Scalar, TextBuilder

if TYPE_CHECKING:
    from docx.document import Document as WordDocument

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MAX_PARTS = 10_000
# An honest document unpacks to a few times its size; a bomb to a thousand times.
_MAX_UNPACKED = 4
_BREAKS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_STEP = 200


def parse_docx(data: bytes, limits: Limits, on_step: OnStep) -> Parsed:
    """Return paragraphs a blank line apart and tables as rows of "cell | cell"."""
    _check_archive(data, limits)
    document = _open(data)
    builder = TextBuilder(limits)
    body = document.element.body
    total = max(1, len(body))
    for index, block in enumerate(_blocks(body)):
        if index % _STEP == 0:
            on_step(min(index, total), total)
        if block:
            builder.add(f"{block}\n\n")
    on_step(total, total)
    return Parsed(clean_text(builder.text()).strip("\n"), _properties(document))


def _check_archive(data: bytes, limits: Limits) -> None:
    """Raise `Refusal` for what is no archive, and for one that would unpack to too much."""
    if data.startswith(_OLE):
        raise Refusal(
            "This is an encrypted document, or an old .doc named .docx.",
            "Open it in Word or LibreOffice, remove the password, and save it as .docx.",
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OverflowError) as error:
        raise Refusal(
            "This is not a Word document, or it is cut off.",
            "Open it in Word or LibreOffice and save it as .docx again.",
        ) from error
    # zipfile never unpacks more of a part than its declared size, so declared sizes will do.
    unpacked = sum(part.file_size for part in parts)
    if unpacked > _MAX_UNPACKED * limits.max_bytes or len(parts) > _MAX_PARTS:
        raise Refusal(
            f"The document would unpack to {unpacked / 1e6:,.0f} MB in {len(parts):,} parts, "
            "which is too large.",
            "Save its text as a new document without pictures, or raise RAGSCOPE_MAX_MB.",
        )
    if any(part.flag_bits & 1 for part in parts):
        raise Refusal(
            "The document's archive is protected with a password.", "Save it without a password."
        )


def _open(data: bytes) -> WordDocument:
    import docx
    from docx.opc.exceptions import OpcError
    from lxml import etree

    try:
        return docx.Document(io.BytesIO(data))
    # python-docx looks parts up by name and content type without asking first, and reports a
    # wrong kind of Office file as ValueError.
    except (OpcError, etree.LxmlError, zipfile.BadZipFile, zlib.error, KeyError, ValueError,
            AttributeError, NotImplementedError, EOFError) as error:  # fmt: skip
        raise Refusal(
            "The Word document is damaged, or is another kind of Office file.",
            "Open it in Word or LibreOffice and save it as .docx again.",
        ) from error


def _blocks(element: Any) -> Iterator[str]:  # noqa: ANN401 - lxml elements have no types
    """Yield paragraphs and table rows in order, with what stands in content controls."""
    for child in element:
        kind = _local(child)
        if kind == "p":
            yield _paragraph(child)
        elif kind == "tbl":
            yield "\n".join(row for row in _rows(child) if row)
        elif kind in ("sdt", "sdtContent", "ins", "customXml", "smartTag"):
            yield from _blocks(child)


def _rows(table: Any) -> Iterator[str]:  # noqa: ANN401
    """Yield "cell | cell" for every row; a nested table is flattened into its cell."""
    for row in table.iter(f"{_prefix(table)}tr"):
        if next(a for a in row.iterancestors() if _local(a) == "tbl") is not table:
            continue
        cells = [" ".join(_cell(cell).split()) for cell in row if _local(cell) in ("tc", "sdt")]
        yield " | ".join(cells) if any(cells) else ""


def _cell(cell: Any) -> str:  # noqa: ANN401
    """Return a cell's paragraphs in one line."""
    return " ".join(_paragraph(p) for p in cell.iter(f"{_prefix(cell)}p"))


def _paragraph(paragraph: Any) -> str:  # noqa: ANN401
    """Return a paragraph's text; text boxes inside it count once, deleted text not at all."""
    pieces: list[str] = []
    skip: Any = None
    for node in paragraph.iter():
        if skip is not None and skip in node.iterancestors():
            continue
        kind = _local(node)
        # Word writes a text box twice; the second is for programs that know no drawings.
        skip = node if kind in ("Fallback", "pPr", "rPr") else None
        if kind == "t":
            pieces.append(node.text or "")
        elif kind in _BREAKS:
            pieces.append(_BREAKS[kind])
    return "".join(pieces).strip()


def _prefix(element: Any) -> str:  # noqa: ANN401
    """Return the element's namespace as "{...}"."""
    return f"{str(element.tag).rpartition('}')[0]}}}"


def _local(element: Any) -> str:  # noqa: ANN401
    """Return the element's name without its namespace; comments have none."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _properties(document: WordDocument) -> dict[str, Scalar]:
    """Return title, author and creation date, as far as they are set and well-formed."""
    from docx.opc.constants import RELATIONSHIP_TYPE

    found: dict[str, Scalar] = {}
    relations = document.part.package.rels.values() if document.part.package else ()
    if not any(relation.reltype == RELATIONSHIP_TYPE.CORE_PROPERTIES for relation in relations):
        # python-docx makes up properties where a document has none.
        return found
    properties = document.core_properties
    for key in ("title", "author"):
        value = getattr(properties, key)
        if value.strip():
            found[key] = clean_text(value).strip()[:500]
    if properties.created:
        found["created"] = properties.created.isoformat()
    return found
