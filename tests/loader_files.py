"""Files for the loaders' tests, good and awkward, made in code to show what is in them."""

import io
import zipfile
import zlib

import docx
import pypdf

from rag_core.datatypes import Document
from rag_core.errors import LoadError
from rag_core.loaders import load

_CONTENT_TYPES = (
    '<?xml version="1.0"?>'
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels"'
    ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/word/document.xml" ContentType="application/'
    'vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
)
_RELATIONS = (
    '<?xml version="1.0"?>'
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Target="word/document.xml" Type="http://schemas.openxmlformats.org/'
    'officeDocument/2006/relationships/officeDocument"/></Relationships>'
)
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def pdf_of(objects: list[bytes], *, info: bytes = b"") -> bytes:
    """A PDF file of these objects, numbered from 1; the first is the catalog."""
    out, offsets = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"/Size %d/Root 1 0 R" % (len(objects) + 1) + info
    return out + b"trailer\n<<" + trailer + b">>\nstartxref\n%d\n%%%%EOF\n" % start


def stream(data: bytes, *, packed: bool = False) -> bytes:
    """A stream object, compressed or not."""
    extra = b"/Filter/FlateDecode" if packed else b""
    data = zlib.compress(data, 9) if packed else data
    return b"<</Length %d%s>>stream\n" % (len(data), extra) + data + b"\nendstream"


def pdf_with(contents: list[bytes], *, font: bytes | None = None, packed: bool = False) -> bytes:
    """A PDF with one page for each content stream; F1 is Helvetica unless given."""
    font = font or b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"
    kids = b" ".join(b"%d 0 R" % (5 + 2 * i) for i in range(len(contents)))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[" + kids + b"]/Count %d>>" % len(contents),
        font,
        b"<</Title(A title)/Author(An author)/CreationDate(D:20240102030405Z)>>",
    ]
    for number, content in enumerate(contents):
        objects.append(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents %d 0 R"
            b"/Resources<</Font<</F1 3 0 R>>>>>>" % (6 + 2 * number)
        )
        objects.append(stream(content, packed=packed))
    return pdf_of(objects, info=b"/Info 4 0 R")


def text_pdf(pages: list[str]) -> bytes:
    """A PDF whose pages hold these texts, a line each; an empty text is a blank page."""
    return pdf_with([_shown(page.encode("cp1252")) for page in pages])


def _shown(text: bytes) -> bytes:
    if not text:
        return b""
    lines = b"".join(b"(" + line + b") Tj 0 -14 Td " for line in text.split(b"\n"))
    return b"BT /F1 12 Tf 50 750 Td " + lines + b"ET"


def glyph_name_pdf(pages: list[str]) -> bytes:
    """A PDF whose font has names like /g33 for its letters, which no parser can read."""
    names = b" ".join(b"%d/g%d" % (code, code + 7) for code in range(161, 255))
    font = (
        b"<</Type/Font/Subtype/Type1/BaseFont/ABCDEF+Odd/Encoding"
        b"<</Type/Encoding/BaseEncoding/WinAnsiEncoding/Differences[" + names + b"]>>>>"
    )
    hidden = [bytes(161 + b % 94 if b > 32 else b for b in page.encode()) for page in pages]
    return pdf_with([_shown(page) for page in hidden], font=font)


def encrypted_pdf(data: bytes, *, user: str, owner: str, algorithm: str = "AES-256") -> bytes:
    """The PDF, encrypted with these passwords."""
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(data))
    writer.encrypt(user, owner, algorithm=algorithm)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def word_file() -> bytes:
    """A Word document with headings, paragraphs, a table with merged cells, and properties."""
    document = docx.Document()
    document.core_properties.title = "Lighthouses"
    document.core_properties.author = "E. Keeper"
    document.add_heading("The lamp", level=1)
    document.add_paragraph("It is lit at dusk.")
    table = document.add_table(rows=2, cols=3)
    for row, values in zip(table.rows, (("Name", "Height", "Built"), ("Skerry", "31 m", "1844")),
                           strict=True):  # fmt: skip
        for cell, value in zip(row.cells, values, strict=True):
            cell.text = value
    table.rows[1].cells[1].merge(table.rows[1].cells[2])
    document.add_heading("The keeper", level=1)
    document.add_paragraph("He sleeps by day.")
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def word_with(body: str, *, doctype: str = "") -> bytes:
    """A Word document whose body is this WordprocessingML."""
    return zipped(
        {
            "[Content_Types].xml": _CONTENT_TYPES,
            "_rels/.rels": _RELATIONS,
            "word/document.xml": f'<?xml version="1.0"?>{doctype}<w:document xmlns:w="{_WORD}">'
            f"<w:body>{body}</w:body></w:document>",
        }
    )


def zipped(parts: dict[str, str | bytes]) -> bytes:
    """A zip archive of these parts."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return out.getvalue()


def tried(name: str, data: bytes) -> Document | LoadError:
    """What loading the file gives, or the error that says why it gives nothing."""
    try:
        return load(name, data)
    except LoadError as error:
        return error


def slow_pdf() -> bytes:
    """A small PDF that unpacks to a page which takes pypdf minutes."""
    return pdf_with([b"BT /F1 12 Tf " + b"(aaaa) Tj " * 3_000_000 + b"ET"], packed=True)
