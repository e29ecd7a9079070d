"""Real files that are hard to read, where they are at hand beside the repository."""

import csv
from pathlib import Path

import pytest

from rag_core.errors import LoadError
from rag_core.loaders import load

_FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data" / "awkward"
_MANIFEST = _FOLDER / "manifest.csv"
_LINES = _MANIFEST.read_text("utf-8").splitlines() if _MANIFEST.exists() else []
_ROWS = list(csv.DictReader(_LINES))

# Where what we do differs from what the manifest says of one parser's output, and why.
_REFUSED = {
    "pdf/TAMReview.pdf": "garbled",  # glyph names in pypdf, control codes in pypdfium2
    "pdf/font_ascent_descent.pdf": "garbled",
    "text/empty.txt": "empty",
    "text/white_space.txt": "no text",
}
_READ = {"pdf/operator-in-TJ-array.pdf": "Grandes Clientèles, Financements et Marchés"}
_REASONS = {"no-text": "no text layer", "encrypted": "password", "corrupt": "damaged"}
_BEGINNINGS = {
    "pdf/issue16538.pdf": "標準 マーケットモデルは",
    "pdf/r6-owner-password.pdf": "pdf encryption test",
    "text/latin1.txt": "Vielä ehdit perehtyä",
    "text/windows1252_short.txt": "Then he said, “The names",
    "text/utf16le_nobom.txt": "DateTime,Bid,Ask\n07/19/2015",
    "text/truncated_utf8.txt": "Übermäßig naïve façade ",
    "text/cr_only.txt": "Black Death\n\nThe Black Death",
}
_INSIDE = {
    "text/windows1251_russian.xml": "Россия",
    "text/shift_jis.txt": "キリスト",
    "text/gb2312.xml": "订阅服务",
    "text/mixed_encodings.txt": "Übermäßig naïve façade – “quotes” €5",
    "text/test.docx": "AutoGen",
}


@pytest.mark.skipif(not _ROWS, reason="the folder of awkward files is not here")
@pytest.mark.parametrize("row", _ROWS, ids=[row["file"] for row in _ROWS])
def test_awkward_files(row):
    name = row["file"]
    data = (_FOLDER / name).read_bytes()
    expected = "text" if name in _READ else row["expected"] or "text"
    reason = _REFUSED.get(name) or _REASONS.get(expected)
    if reason:
        with pytest.raises(LoadError, match=reason) as caught:
            load(name, data)
        assert caught.value.name == Path(name).name
        assert caught.value.hint
        return
    document = load(name, data)
    visible = sum(not c.isspace() for c in document.text)
    assert document.text.startswith(_READ.get(name, "") or _BEGINNINGS.get(name, ""))
    assert _INSIDE.get(name, "") in document.text
    assert not set("\0\r\ufffd").intersection(document.text)
    if row["characters"] and name.startswith("pdf/"):
        assert visible > 0.7 * int(row["characters"])
    for start, end in document.pages:
        assert 0 <= start <= end <= len(document.text)
