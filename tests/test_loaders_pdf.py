import io

import pypdf
import pytest

from rag_core.errors import LoadError
from rag_core.loaders import load
from rag_core.loaders.garble import UNREADABLE, alike, noise
from rag_core.loaders.pdf import _second_is_better
from tests.loader_files import encrypted_pdf, glyph_name_pdf, pdf_of, pdf_with, text_pdf

_PROSE = "The lamp is lit at dusk and put out at dawn by the keeper of the light."


def test_pages_keep_their_offsets_and_metadata():
    document = load("a.pdf", text_pdf(["Page one\nof three", "", "Page three"]))
    assert [document.text[start:end] for start, end in document.pages] == [
        "Page one\nof three",
        "",
        "Page three",
    ]
    assert document.page_at(document.text.index("three")) == 1
    assert document.page_at(document.text.index("Page three")) == 3
    assert dict(document.metadata) == {
        "format": "pdf",
        "title": "A title",
        "author": "An author",
        "created": "2024-01-02T03:04:05+00:00",
        "pages": 3,
        "pages_without_text": 1,
        "pages_garbled": 0,
        "parser": "pypdf",
    }
    assert document.notes == ("No text on page 2: blank, or a picture that would need OCR.",)


def test_progress_counts_pages():
    seen = []
    load("a.pdf", text_pdf(["x"] * 30), on_progress=seen.append)
    assert {p.stage for p in seen} == {"reading"}
    assert {p.name for p in seen} == {"a.pdf"}


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-128", "AES-256"])
def test_an_empty_user_password_opens(algorithm):
    data = encrypted_pdf(text_pdf([_PROSE]), user="", owner="secret", algorithm=algorithm)
    assert load("a.pdf", data).text == _PROSE


def test_a_real_password_is_asked_for():
    data = encrypted_pdf(text_pdf([_PROSE]), user="secret", owner="owner")
    with pytest.raises(LoadError, match="password") as caught:
        load("a.pdf", data)
    assert "without a password" in caught.value.hint


@pytest.mark.parametrize("pages", [[""], ["", "", ""]])
def test_no_text_layer_asks_for_ocr(pages):
    with pytest.raises(LoadError, match="no text layer") as caught:
        load("scan.pdf", text_pdf(pages))
    assert "ocrmypdf" in caught.value.hint


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.95])
def test_truncated_files_are_refused(share):
    data = text_pdf([_PROSE] * 20)
    with pytest.raises(LoadError, match="damaged or cut off"):
        load("a.pdf", data[: int(len(data) * share)])


def test_a_wrong_cross_reference_is_repaired():
    data = text_pdf([_PROSE])
    assert load("a.pdf", data.replace(b"startxref\n", b"startxref\n9")).text == _PROSE
    assert load("a.pdf", data + b"\nsome mail footer" * 300).text == _PROSE


def test_no_pdf_at_all():
    with pytest.raises(LoadError, match="not a PDF"):
        load("a.pdf", b"<html>Not found</html>")


def test_pages_that_refer_to_themselves():
    data = pdf_of([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 2>>"])
    with pytest.raises(LoadError):
        load("a.pdf", data)


def test_a_page_on_which_pypdf_fails_is_read_by_the_other_parser():
    broken = b"BT /F1 12 Tf 1 0 0 1 50 750 Tm [(Lamps) 0.0 Tc -250.0 (and) 0.0 Tc (keepers)] TJ ET"
    data = pdf_with([b"BT /F1 12 Tf 50 750 Td (A good page) Tj ET", broken])
    with pytest.raises(pypdf.errors.PyPdfError):
        pypdf.PdfReader(io.BytesIO(data)).pages[1].extract_text()
    document = load("a.pdf", data)
    assert "Lamps" in document.text
    assert document.metadata["parser"] == "pypdf and pypdfium2"
    assert document.notes == ("Read with pypdfium2 instead of pypdf: page 2.",)


def test_glyph_names_are_refused_with_the_reason():
    with pytest.raises(LoadError, match=r"garbled on page 1.*noise instead of words") as caught:
        load("a.pdf", glyph_name_pdf([_PROSE * 3]))
    assert "OCR" in caught.value.hint


def test_a_few_garbled_pages_are_left_out_and_named():
    garbled = "/g18/g152/g135/g148/g152/g139/g135/g3/g145\n/g136/g3/g150/g138/g135"
    document = load("a.pdf", text_pdf([_PROSE, _PROSE, garbled, _PROSE]))
    assert document.notes == ("Left out as garbled: page 3.",)
    assert document.metadata["pages_garbled"] == 1
    assert document.text.count("The lamp") == 3
    assert document.pages[2][0] == document.pages[2][1]


_GOOD = {
    "english": _PROSE,
    "german": "Übermäßig viele Bäume säumen die Straße zur Größe des Öls.",
    "code": "for i in range(10):\n    x[i] = (a ** 2) % b  # {'k': 1} <- !=\n" * 3,
    "numbers": " ".join(str(n * 37 % 1000) for n in range(300)),
    "table": "| 1.5 | -2 % | n/a |\n| 3,000 | +4 | -- |\n" * 10,
    "formulas": "∑_{i=1}^n x_i² ≤ ∫₀^∞ e^{-αt} dt, ∀ε>0 ∃δ: |x−y|<δ ⇒ |f(x)−f(y)|<ε, ℝⁿ → ℂ " * 5,
    "mathematical letters": "𝑓(𝑥) = 𝐴𝛼 + 𝔹ℂ𝒟 · 𝜕𝑢/𝜕𝑡 " * 20,
    "paths": "GET /v1/v2/users /usr/bin/x2 /api/v3/items/42/parts/7 " * 10,
    "units": "5 µm × 3 µm ± 0.2 °C → 7 Ω; § 3 © 2020 «été» ½ of it " * 10,
    "japanese": "灯台は夕暮れに点灯するGPUテスト、カタカナとひらがなABC。" * 10,
    "chinese": "（一）甲、乙；丙：丁！“戊”《己》今天天气很好" * 10,
    "korean": "안녕하세요 세계 ABC 테스트 學校" * 20,
    "thai": "สวัสดีชาวโลก ภาษาไทย ๑๒๓ " * 20,
    "arabic": "مرحبا بالعالم هذا نص ١٢٣ " * 20,
    "arabic forms": "اﻟﻌﺮﺑﻴﺔ اﳋﻄﻮط اﻧﻮاع\n" * 20,
    "hindi": "पैंथर्स की डिफ़ेन्स ने लीग में केवल अंक दिए " * 10,
    "russian": "Процессор GPU на 5кВт и API-интерфейс, β-распад " * 10,
    "greek": "Η άμυνα των Καρολίνα, α-helix and β-sheet, Δx " * 10,
    "hebrew": "שָׁלוֹם עולם, מה שלומך היום " * 10,
    "dna": "ACGTTGCAGGCT" * 50,
    "hex": "deadbeef 0x1f 3c 4a 9b " * 40,
    "emoji": "😀👍🏽👨‍👩‍👧 great 🎉 " * 30,
    "bullets": "\uf0b7 first point of the list\n\uf0b7 second point of the list\n" * 5,
    "empty": "",
}

_BAD = {
    "glyph names": "/g18/g152/g135/g148/g152 /g139/g135/g153/g3/g145",
    "short glyph names": "/G43/G24/G14/G44/G13/G22/G22 /G7/G15/G23",
    "cid": "(cid:12)(cid:45)(cid:3)(cid:77) (cid:5)(cid:6)",
    "replacement": "��� ���� �� a ����",
    "private use": "\ue001\ue002\ue003 \ue004\ue005 b",
    "control codes": "\x04\x05\x06\x04\x07\x08 \x0b\x0c\x04\x08 Ab",
    "shifted by 29": "7KLV\x03LV\x03D\x03WHVW\x03RI\x03WKH\x03ODPS\x11 " * 10,
    "script salad": "ඪ४ ϚʔέοτϞσϧ͸ 2 ݩ࣍Ͱઆ໌͢Δ. ʮऔҾͰ͖ͳ͍঎඼ʯ͕Ϛ Ϋϩࡁܦม਺ͳͲ Ͱ͋Δ"
    "ϞσϧΛߟ͑Δ͜ͱ͸Մೳ. ඇ׬උͷ৔߹, ϦεΫ தཱ֬཰͸ҰҙͰ͸ͳ͘, Ձ֨΋ҰҙͰͳ͘ͳΔ. औҾͰ͖ͳ͍঎඼",
    "mojibake": "æ—¥æœ¬èªž ã®ãƒ†ã‚­ã‚¹ãƒˆ ¤£¥§¨©ª«¬ ¶·¸¹º» °±²³´µ ¡¢£",
}


@pytest.mark.parametrize("kind", _GOOD)
def test_text_of_every_kind_is_no_noise(kind):
    assert noise(_GOOD[kind]) < 0.15


@pytest.mark.parametrize("kind", _BAD)
def test_noise_is_noticed(kind):
    assert noise(_BAD[kind]) > UNREADABLE


def test_the_cleaner_parser_is_believed():
    for bad in _BAD.values():
        assert _second_is_better(bad, _PROSE)
        assert not _second_is_better(_PROSE, bad)
    assert _second_is_better("", _PROSE)
    assert not _second_is_better(_PROSE, "")
    assert not _second_is_better(_PROSE, _PROSE.upper())


def test_another_set_of_letters_is_a_wrong_font_map():
    shifted = "".join(chr(ord(c) + 7) if c.isalpha() else c for c in _PROSE * 3)
    assert alike(shifted, _PROSE) < 0.6
    assert _second_is_better(shifted, _PROSE)
    assert alike("ﬁne ﬂow", "fine flow") > 0.99


def test_text_that_pypdf_misses_is_taken_from_the_other_parser():
    assert _second_is_better("Title", _PROSE * 5)
