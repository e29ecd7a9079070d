import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_core.errors import LoadError
from rag_core.loaders import load
from tests.loader_files import tried

_TEXTS = {
    "cp1252": [
        "café",
        "Größe",
        "“quoted” – it’s",
        "naïve señor €5",
        "Il a été à l'école",
        "Übermäßig viele Bäume säumen die Straße, an der Jürgen täglich fährt.",
    ],
    "cp1251": [
        "Привет мир",
        "ПРИВЕТ, КАК ДЕЛА",
        "Маяк зажигают в сумерках.",
        "Добрий ранок, світе",
    ],
    "koi8_r": ["Маяк зажигают в сумерках, а гасят на рассвете."],
    "cp932": ["こんにちは世界", "東京都", "灯台は夕暮れに点灯する。ABC 123"],
    "euc_jp": ["日本語のテキストです。"],
    "gb18030": ["你好,世界", "今天天气很好，我们去公园散步。", "灯塔在黄昏时点亮。ABC 123"],
    "cp950": ["中文測試,這是一個文件", "燈塔在黃昏時點亮，黎明時熄滅。"],
    "cp949": ["안녕하세요 세계", "등대는 해질녘에 켜진다."],
    "cp1253": ["Καλημέρα κόσμε, τι κάνεις"],
    "cp1255": ["שלום עולם, מה שלומך היום"],
    "cp1256": ["مرحبا بالعالم هذا نص قصير"],
    "cp874": ["สวัสดีชาวโลก ภาษาไทย"],
    "iso2022_jp": ["灯台は夕暮れに点灯する。"],
}


@pytest.mark.parametrize(
    ("codec", "text"), [(codec, text) for codec, texts in _TEXTS.items() for text in texts]
)
def test_short_legacy_texts_come_out_right(codec, text):
    assert load("a.txt", text.encode(codec)).text == text
    long = "plain line\n" * 20 + f"{text}\n" * 30
    assert load("a.txt", long.encode(codec)).text == long


def test_central_european_is_told_from_western_when_there_is_enough():
    text = "Chciałbym powiedzieć, że książka leży na półce, a ja idę po świeże bułki. " * 4
    document = load("a.txt", text.encode("cp1250"))
    assert document.text == text
    assert document.metadata["encoding"] == "cp1250"


@pytest.mark.parametrize(
    "text", ["Plain lines\nof text", "Маяк и\nкот", "灯台 は\n夕暮れ\n", "café"]
)
@pytest.mark.parametrize("order", ["le", "be"])
def test_utf16_with_and_without_mark(text, order):
    text = text * 3
    plain = text.encode(f"utf-16-{order}")
    mark = "\ufeff".encode(f"utf-16-{order}")
    assert load("a.txt", mark + plain).text == text
    assert load("a.txt", plain).text == text
    assert load("a.txt", plain).metadata["encoding"] == f"utf-16-{order}"


@pytest.mark.parametrize("codec", ["utf-32-le", "utf-32-be"])
def test_utf32_with_mark(codec):
    assert load("a.txt", "\ufeffMaяк".encode(codec)).text == "Maяк"


def test_nul_bytes_do_not_make_utf16():
    text = "The lamp is lit at dusk. " * 40
    data = bytearray(text.encode())
    for position in (3, 100, 205, 410):
        data[position:position] = b"\0"
    document = load("a.txt", bytes(data))
    assert document.text == text
    assert document.metadata["encoding"] == "utf-8"


def test_utf8_cut_in_the_middle_of_a_character():
    document = load("a.txt", "Übermäßig 日本".encode()[:-1])
    assert document.text == "Übermäßig 日"
    assert "middle of a character" in document.notes[0]


def test_utf8_with_a_mark_and_cut():
    document = load("a.txt", "\ufeffÜber 日本".encode()[:-1])
    assert document.text == "Über 日"
    assert document.metadata["encoding"] == "utf-8 with byte order mark"
    assert document.notes


def test_utf8_with_a_windows_1252_line_in_it():
    data = "Grüße, Jürgen – schön\n".encode() + "née “façade”\n".encode("cp1252")
    document = load("a.txt", data)
    assert document.text == "Grüße, Jürgen – schön\nnée “façade”\n"
    assert document.metadata["encoding"] == "utf-8 and windows-1252"
    assert "4 bytes" in document.notes[0]


def test_replacement_characters_of_the_file_itself_are_no_loss():
    assert load("a.txt", "\ufeffa \ufffd b".encode("utf-16-le")).notes == ()


def test_odd_bytes_in_windows_1252_are_counted():
    document = load("a.txt", b"The na\xefve \x81 caf\xe9, d\xe9j\xe0 vu")
    assert document.text == "The naïve \ufffd café, déjà vu"
    assert "1 characters could not be decoded" in document.notes[0]


def test_masses_of_bad_bytes_end_soon():
    for data in (b"\xff" * 900_000, b"\x81" * 900_000, b"\xc3\xa9\xff" * 300_000):
        start = time.monotonic()
        tried("a.txt", data)
        assert time.monotonic() - start < 10


def _normal(text: str) -> bool:
    return bool(text.strip()) and text.isprintable() and not text.startswith("\ufeff")


@given(st.text(min_size=1, max_size=80).filter(_normal))
def test_utf8_and_marked_utf16_come_back(text):
    for data in (text.encode(), ("\ufeff" + text).encode("utf-16-le")):
        result = tried("a.txt", data)
        if isinstance(result, LoadError):
            assert "no text" in result.reason or "looks like" in result.reason
        else:
            assert result.text == text
