import json
import re
from collections import Counter
from pathlib import Path

import pypdf
import pytest

from rag_core.loaders import load
from samples import build
from samples.plain_pdf import PlainPdf, text_width, wrap

SAMPLES = Path(build.__file__).parent
LIBRARY = {path.name: path for path in sorted((SAMPLES / "library").iterdir())}
TEXTS = {name: load(name, path.read_bytes()).text for name, path in LIBRARY.items()}
QUESTIONS = [
    json.loads(line)
    for line in (SAMPLES / "questions.jsonl").read_text(encoding="utf-8").splitlines()
]
ANSWERABLE = [question for question in QUESTIONS if question["kind"] != "unanswerable"]
UNANSWERABLE = [question for question in QUESTIONS if question["kind"] == "unanswerable"]


def by_id(question):
    return question["id"]


def words(text):
    return re.findall(r"\w+", text.lower())


def test_library_holds_every_format_and_nothing_else():
    formats = Counter(path.suffix for path in LIBRARY.values())
    assert len(LIBRARY) >= 10
    assert set(formats) == {".pdf", ".txt", ".md", ".html", ".csv", ".docx", ".json"}
    assert formats[".pdf"] >= 2


@pytest.mark.parametrize("name", LIBRARY)
def test_document_loads_cleanly(name):
    document = load(name, LIBRARY[name].read_bytes())
    assert document.notes == ()
    assert len(document.text.split()) >= 600
    assert "\ufffd" not in document.text


def test_long_text_has_sections_a_table_a_code_block_and_cross_references():
    text = TEXTS["book-store-handbook.md"]
    assert len(text.split()) >= 3000
    assert len(re.findall(r"^#+ ", text, re.MULTILINE)) >= 8
    assert "```toml" in text
    assert "|---|" in text
    headings = set(re.findall(r"^#+ ([\d.]*\d)", text, re.MULTILINE))
    references = {
        number for number in re.findall(r"[Ss]ections? (\d+(?:\.\d)?)", text) if number[0] != "0"
    }
    assert len(references) >= 8
    assert references <= headings


def test_a_text_goes_beyond_latin_letters():
    text = TEXTS["words-without-twins.html"] + TEXTS["museum-catalogue.json"]
    assert re.search("[\u3040-\u30ff]", text)
    assert re.search("[\u0370-\u03ff]", text)
    assert re.search("[À-ÿ]", text)


@pytest.mark.parametrize("name", [name for name in LIBRARY if name.endswith(".pdf")])
def test_pdf_has_pages_title_and_whole_sentences(name):
    reader = pypdf.PdfReader(LIBRARY[name], strict=True)
    assert len(reader.pages) >= 4
    assert reader.metadata is not None
    assert reader.metadata.title
    assert reader.metadata.author
    for number, page in enumerate(reader.pages, 1):
        lines = [line.strip() for line in page.extract_text().splitlines() if line.strip()]
        assert lines[-1] == str(number)
        assert not any(line.endswith("-") for line in lines)
        assert lines[0][0].isupper()
        # What a page ends with is the end of a sentence, or of a table.
        assert lines[-2][-1] in ".\"'" or lines[-2][-1].isdigit() or lines[-2].endswith("years")


def test_two_documents_share_a_paragraph_with_other_numbers():
    ferry, tram = (
        next(line for line in TEXTS[name].splitlines() if "A scooter may be" in line)
        for name in ("ferry-conditions.docx", "tram-accessibility.docx")
    )
    assert ferry != tram
    common, every = set(words(ferry)) & set(words(tram)), set(words(ferry)) | set(words(tram))
    assert len(common) / len(every) > 0.7


def test_there_are_enough_questions_of_every_kind():
    kinds = Counter(question["kind"] for question in QUESTIONS)
    assert set(kinds) == set(build.KINDS)
    assert len(QUESTIONS) >= 40
    assert len(ANSWERABLE) >= 30
    assert kinds["across"] >= 5
    assert kinds["unanswerable"] >= 8
    assert min(kinds["code"], kinds["paraphrase"]) >= 5


def test_ids_and_questions_are_unique():
    assert len({question["id"] for question in QUESTIONS}) == len(QUESTIONS)
    assert len({question["question"] for question in QUESTIONS}) == len(QUESTIONS)


def test_every_document_is_asked_about():
    assert {span["document"] for q in ANSWERABLE for span in q["spans"]} == set(LIBRARY)


@pytest.mark.parametrize("question", QUESTIONS, ids=by_id)
def test_question_has_the_promised_fields(question):
    assert list(question) == ["id", "question", "kind", "document", "answer", "spans"]
    assert question["question"].endswith("?")


@pytest.mark.parametrize("question", ANSWERABLE, ids=by_id)
def test_gold_spans_are_where_they_say(question):
    assert question["spans"]
    assert question["document"] == question["spans"][0]["document"]
    for span in question["spans"]:
        assert TEXTS[span["document"]][span["start"] : span["end"]] == span["text"]
        assert len(span["text"]) < 400
    assert any(question["answer"] in span["text"] for span in question["spans"])
    assert "\n" not in question["answer"]


@pytest.mark.parametrize("question", ANSWERABLE, ids=by_id)
def test_question_is_not_copied_from_its_gold_span(question):
    asked = words(question["question"])
    runs = {" ".join(asked[place : place + 6]) for place in range(len(asked) - 5)}
    for span in question["spans"]:
        gold = " ".join(words(span["text"]))
        assert not [run for run in runs if run in gold]


def test_questions_across_need_two_places():
    for question in QUESTIONS:
        if question["kind"] == "across":
            spans = {(span["document"], span["start"], span["end"]) for span in question["spans"]}
            assert len(spans) >= 2


@pytest.mark.parametrize("question", UNANSWERABLE, ids=by_id)
def test_unanswerable_question_has_no_gold(question):
    assert question["spans"] == []
    assert question["answer"] is None
    assert question["document"] is None


def test_build_gives_the_shipped_bytes(tmp_path):
    assert build.main(["--out", str(tmp_path)]) == 0
    built = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    assert len(built) == 5
    for name in built:
        assert (tmp_path / name).read_bytes() == (SAMPLES / name).read_bytes()
    assert build.main(["--check"]) == 0


def test_locate_allows_other_white_space_only():
    assert build.locate("one\n two three", "one two") == (0, 8)
    with pytest.raises(build.BuildError, match="found 0 times"):
        build.locate("one two", "one three")
    with pytest.raises(build.BuildError, match="found 2 times"):
        build.locate("one two one", "one")


def test_build_names_every_bad_quote(monkeypatch):
    files = {name: path.read_bytes() for name, path in LIBRARY.items()}
    files["bridge-history.txt"] = b"Nothing of the kind."
    with pytest.raises(build.BuildError) as caught:
        build.make_questions(files)
    assert str(caught.value).count("found 0 times") >= 3


def test_pdf_writer_measures_wraps_and_refuses():
    assert text_width("Hi", "F1", 10) == pytest.approx(9.44)
    assert wrap("one two~three four", "F1", 10, 50) == ["one", "two three", "four"]
    with pytest.raises(ValueError, match="no Helvetica width"):
        text_width("木", "F1", 10)
    with pytest.raises(ValueError, match="table too wide"):
        PlainPdf(title="t", author="a", date="2024-01-01").table([["x" * 200, "y"]])
