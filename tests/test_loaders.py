import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag_core.errors import LoadError
from rag_core.loaders import LOADERS, load
from rag_core.loaders.cleaning import display_name, listed
from tests.loader_files import text_pdf, tried, word_file, word_with, zipped


def test_plain_text_is_kept_but_for_line_ends_and_nul():
    text = load("a.txt", "\ufeffone\r\ntwo\rthree\0\tcafe\u0301  \n".encode()).text
    assert text == "one\ntwo\nthree\tcafe\u0301  \n"


def test_document_knows_where_it_came_from():
    data = "Grüße".encode()
    document = load("Notes.MD", data)
    assert document.original == data
    assert document.name == "Notes.MD"
    assert dict(document.metadata) == {"format": "md", "encoding": "utf-8"}
    assert document.id == load("Notes.MD", data).id != load("Other.md", data).id


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("Black Death – été (1) [x] %20 日本.txt", "Black Death – été (1) [x] %20 日本.txt"),
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\Users\\me\\a.txt", "a.txt"),
        ("a\x00\n\x1b[31mb.txt", "a[31mb.txt"),
        ("evil\u202etxt.exe.txt", "eviltxt.exe.txt"),
        (" a.txt ", "a.txt"),
        ("", "unnamed"),
        ("..", "unnamed"),
        ("/", "unnamed"),
        ("\ud800.txt", "\ufffd.txt"),
    ],
)
def test_names_are_made_fit_to_be_shown(given_name, shown):
    assert display_name(given_name) == shown


def test_long_names_keep_their_suffix():
    name = display_name("x" * 5_000 + ".txt")
    assert len(name) == 200
    assert load(name, b"hello").name == name


def test_suffixes_are_read_in_any_case():
    assert load("UPPER.TXT", b"hello").metadata["format"] == "txt"


@pytest.mark.parametrize("name", ["a.xyz", "a", "a.doc", "a.xlsx", "a.", ".pdf/x", "a.PPTX"])
def test_unknown_types_list_the_known_ones(name):
    with pytest.raises(LoadError) as caught:
        load(name, b"data")
    assert ".pdf" in caught.value.hint
    assert ".docx" in caught.value.hint


def test_known_but_unread_types_say_how_to_convert():
    with pytest.raises(LoadError, match=r"\.doc are not read") as caught:
        load("letter.doc", b"\xd0\xcf\x11\xe0")
    assert "save it as .docx" in caught.value.hint


@pytest.mark.parametrize("suffix", sorted(LOADERS))
def test_empty_files_are_refused_in_every_format(suffix):
    for data in (b"", b" \n\t \r\n"):
        with pytest.raises(LoadError) as caught:
            load(f"file{suffix}", data)
        assert caught.value.name == f"file{suffix}"
        assert caught.value.hint


def test_invisible_characters_are_no_text():
    with pytest.raises(LoadError, match="no text"):
        load("a.txt", " \u00a0\u200b\u200d\u2060\ufeff\u3000\u00ad\n".encode())


@pytest.mark.parametrize(
    "data", [b"\x89PNG\r\n\x1a\n\0\0", b"%PDF-1.4 x", b"PK\x03\x04..", bytes(range(256)) * 40]
)
def test_binary_data_is_no_text(data):
    with pytest.raises(LoadError, match="not text"):
        load("a.txt", data)


def test_page_numbers_are_listed_as_people_write_them():
    assert listed([3]) == "3"
    assert listed([1, 2, 3, 7]) == "1-3 and 7"
    assert listed([1, 3, 5, 6]) == "1, 3 and 5-6"
    assert listed(list(range(1, 40, 2))) == "1, 3, 5, 7, 9, 11, 13, 15 and 12 more"


# CSV


def test_csv_rows_carry_their_columns():
    document = load("a.csv", b'name,height,note\nSkerry,31,"lit, at\ndusk"\nMull,,\n')
    assert document.text == "name: Skerry; height: 31; note: lit, at dusk\nname: Mull"
    assert document.metadata["rows"] == 2
    assert document.metadata["columns"] == "name, height, note"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_delimiters_are_found_out(delimiter):
    lines = [["city", "people"], ["Bern", "134,794"], ["Rome", "2,755,309"]]
    quoted = [[f'"{c}"' if delimiter in c else c for c in line] for line in lines]
    data = "\r\n".join(delimiter.join(line) for line in quoted).encode("utf-16")
    assert load("a.csv", data).text == "city: Bern; people: 134,794\ncity: Rome; people: 2,755,309"


def test_csv_without_header_and_with_uneven_rows():
    assert load("a.csv", b"1,2\n3,4\n").text == "1; 2\n3; 4"
    assert load("a.csv", b"a,b\n1,2,3\n4\n").text == "a: 1; b: 2; column 3: 3\na: 4"
    assert load("a.csv", b"sep=;\na;b\n1,5;2\n").text == "a: 1,5; b: 2"
    assert load("a.csv", b"just,a,header\n").text == "just; a; header"
    assert load("a.csv", b"one\ntwo\n").text == "one: two"


def test_csv_with_a_quote_that_never_closes():
    with pytest.raises(LoadError, match="breaks off at line"):
        load("a.csv", b'a,b\n1,"' + b"x" * 1_100_000)


# JSON


def test_json_is_flattened_a_paragraph_a_record():
    data = json.dumps(
        [{"name": "Åsa", "tags": ["x", "y"], "at": {"city": "Bo", "no": None}}, {"name": "Bo"}]
    )
    document = load("a.json", data.encode("utf-16-le"))
    assert document.text == "name: Åsa\ntags: x, y\nat.city: Bo\n\nname: Bo"
    assert document.metadata["records"] == 2


def test_json_with_one_list_inside():
    data = b'{"museum": "Clocks", "items": [{"id": 1.50, "ok": true}, {"id": 2, "deep": [[1], 2]}]}'
    assert load("a.json", data).text == (
        "museum: Clocks\n\nitems.id: 1.50\nitems.ok: true\n\n"
        "items.id: 2\nitems.deep[0]: 1\nitems.deep[1]: 2"
    )


def test_json_odds_and_ends():
    assert load("a.json", b'"just a string"').text == "just a string"
    assert load("a.json", b'["\\ud800 lone"]').text == "\ufffd lone"
    assert load("a.json", b"[" + b"9" * 10_000 + b"]").text == "9" * 10_000
    assert load("a.json", b'{"a": 1}\n{"a": 2}\n').text == "a: 1\n\na: 2"
    assert load("a.jsonl", b'{"a": 1}\n\n{"a": 2}').text == "a: 1\n\na: 2"


@pytest.mark.parametrize(
    ("name", "data", "place"),
    [
        ("a.json", b'{"a": 1,\n "b" 2}', "line 2, column 6"),
        ("a.jsonl", b'{"a": 1}\n{"a": }', "line 2, column 7"),
        ("a.json", b'{"a": 1}\n{"a": }', "line 2, column 7"),
        ("a.json", b'{"a": "cut', "line 1, column 7"),
    ],
)
def test_invalid_json_names_the_place(name, data, place):
    with pytest.raises(LoadError, match=place):
        load(name, data)


# HTML


def test_html_is_read_as_a_browser_shows_it():
    document = load(
        "a.html",
        b"<html><head><title>The  lamp &amp; I</title><style>p{color:red}</style></head><body>"
        b"<script>var x</script><h1>Lamp</h1><p>Lit <b>at</b> dusk.</p><p>Out at dawn.</p>"
        b"<h2>Facts</h2><ul><li>tall</li></ul><table><tr><th>A</th><th>B</th></tr>"
        b"<tr><td>1</td><td>2</td></tr></table><svg><text>icon</text></svg></body></html>",
    )
    assert document.metadata["title"] == "The lamp & I"
    assert document.text.startswith("Lamp\n\nLit at dusk.\n\nOut at dawn.\n\nFacts\n\n")
    assert "1  2" in document.text
    assert not any(word in document.text for word in ("color", "var", "icon", "The  lamp"))


@pytest.mark.parametrize(
    ("head", "codec"),
    [
        ('<meta charset="windows-1251">', "cp1251"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=KOI8-R">', "koi8_r"),
        ('<?xml version="1.0" encoding="iso-8859-5"?><html>', "iso8859_5"),
        ('<meta charset="windows-1251">', "utf-8"),
        ('<meta charset="nonsense">', "utf-16"),
    ],
)
def test_html_declares_its_charset_but_unicode_wins(head, codec):
    assert load("a.html", f"{head}<p>Маяк</p>".encode(codec)).text == "Маяк"


def test_html_forgives_what_browsers_forgive():
    assert load("a.htm", b"<p>a<b>c</p><foo>x < y &amp; &nope; <!-- no -->").text == (
        "ac\n\nx < y & &nope;"
    )
    assert load("a.html", b"no markup at all").text == "no markup at all"
    assert load("a.html", b"<div>" * 1_500 + b"deep").text == "deep"


# DOCX


def test_word_in_the_order_of_the_document():
    document = load("a.docx", word_file())
    assert document.text == (
        "The lamp\n\nIt is lit at dusk.\n\nName | Height | Built\nSkerry | 31 m 1844\n\n"
        "The keeper\n\nHe sleeps by day."
    )
    assert document.metadata["title"] == "Lighthouses"
    assert document.metadata["author"] == "E. Keeper"


def test_word_with_content_controls_changes_breaks_and_text_boxes():
    run = "<w:r><w:t>{}</w:t></w:r>"
    alternate = "http://schemas.openxmlformats.org/markup-compatibility/2006"
    body = (
        f"<w:sdt><w:sdtContent><w:p>{run.format('in a control')}</w:p></w:sdtContent></w:sdt>"
        f"<w:p><w:ins>{run.format('added')}</w:ins>"
        "<w:del><w:r><w:delText>deleted</w:delText></w:r></w:del>"
        "<w:r><w:tab/><w:t>tab</w:t><w:br/><w:t>break</w:t></w:r></w:p>"
        f'<w:p xmlns:mc="{alternate}"><mc:AlternateContent><mc:Choice>{run.format("box")}'
        f"</mc:Choice><mc:Fallback>{run.format('box')}</mc:Fallback></mc:AlternateContent></w:p>"
    )
    document = load("a.docx", word_with(body))
    assert document.text == "in a control\n\nadded\ttab\nbreak\n\nbox"
    assert dict(document.metadata) == {"format": "docx"}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "encrypted document, or an old .doc"),
        (b"plain text", "not a Word document"),
        (word_file()[:5_000], "cut off"),
        (zipped({"mimetype": "application/vnd.oasis.opendocument.text"}), "another kind"),
        (word_with("<w:p>")[:-40], "not a Word document"),
        (word_with("<w:p><broken"), "damaged"),
    ],
)
def test_word_files_that_are_none(data, reason):
    with pytest.raises(LoadError, match=reason):
        load("a.docx", data)


# Whatever comes


@pytest.mark.parametrize("suffix", sorted(LOADERS))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.binary(max_size=300))
def test_any_bytes_give_a_document_or_a_load_error(suffix, data):
    prefix = {".pdf": b"%PDF-1.4\n"}.get(suffix, b"")
    result = tried(f"a{suffix}", prefix + data)
    if isinstance(result, LoadError):
        assert result.hint
    else:
        result.text.encode("utf-8")
        assert "\0" not in result.text
        assert "\r" not in result.text


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_files_give_a_document_or_a_load_error(data):
    """Good files with some bytes changed, which gets further into the parsers than noise does."""
    name, good = data.draw(st.sampled_from(sorted(_GOOD.items())))
    damaged = bytearray(good)
    for _ in range(data.draw(st.integers(1, 12))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    result = tried(name, bytes(damaged))
    assert result.name == name


_GOOD = {
    "a.pdf": text_pdf(["Page one of it", "", "Page three (with\\) odds"]),
    "a.docx": word_with("<w:p><w:r><w:t>Hello</w:t></w:r></w:p>"),
    "a.html": b"<html><head><title>x</title></head><body><table><tr><td colspan=2>y</table>",
    "a.json": b'{"a": [1, 2, {"b": "c"}], "d": null}',
    "a.csv": b'a;b\n1;"2"\n',
}
