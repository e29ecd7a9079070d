"""The parts of the app that need no browser: escaping, marking, counting."""

import html
import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_core import Chunk, Document, FileProgress, FileReport, SearchHit, Span
from rag_core.uploads import Upload
from ui import indexing
from ui.document_view import (
    PART,
    answer_html,
    marked_html,
    part,
    part_of,
    passage,
    place_of,
    within,
)
from ui.text import number, plain

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "[x](http://evil.example)",
    "![x](http://evil.example/a.png)",
    "$$x$$",
    ":red[hi] :material/home: :smile:",
    "`code` **bold** _it_ # head",
    "http://evil.example www.evil.example a@evil.example",
    "\u202egnp.exe\x00\x1b[31m",
]


def shown(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", markup))


@pytest.mark.parametrize("text", HOSTILE)
def test_plain_leaves_nothing_that_means_something(text):
    bare = re.sub(r"\\.", "", plain(text))
    assert not re.search(r"[\\`*_{}\[\]()#<>~$:|!@]", bare)
    assert not re.search(r"(?i)\b(www|https?)(?!\u2060)\\", plain(text))
    assert "\u202e" not in plain(text)
    assert "\x1b" not in plain(text)


def test_plain_shortens_and_keeps_one_line():
    assert plain("a\n\nb\tc") == "a  b c"
    assert plain("x" * 200, limit=10) == "x" * 9 + "…"
    assert plain("Été 日本 (1).txt") == "Été 日本 \\(1\\)\\.txt"


@given(st.text(), st.data())
def test_marked_text_shows_exactly_the_text(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    markup = marked_html(text, [(start, end)])
    assert shown(markup) == text
    assert len(re.findall(r"<(?!/?(?:div|mark)\b)", markup)) == 0


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_only_text(text):
    assert set(re.findall(r"</?(\w+)", marked_html(text, [(0, 3)]))) == {"div", "mark"}
    assert set(re.findall(r"</?(\w+)", answer_html(text, ()))) == {"div"}


def test_answers_show_citations_raised_and_other_brackets_as_written():
    document = Document.from_text("a.txt", "see items[1] here.")
    hit = SearchHit(Chunk.cut(document, 0, 0, 18), 1, 1.0)
    markup = answer_html("“see items[1] here.” [1] and [4]", (hit,))
    assert markup.count("<span") == 1
    assert shown(markup) == "“see items[1] here.”1 and [4]"


def test_a_passage_shows_the_place_with_what_is_around_it():
    text = "first paragraph\n\n" + "word " * 300 + "\n\nGOLD here\n\n" + "tail " * 400
    start = text.index("GOLD")
    low, high = passage(text, start, start + 4)
    assert low <= start < start + 4 <= high
    assert text[low:].startswith("GOLD")
    assert high - low < 1_200
    assert passage("short", 0, 5) == (0, 5)


@given(st.text(alphabet="ab \n", max_size=3_000), st.data())
def test_a_passage_never_loses_the_place(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    low, high = passage(text, start, end)
    assert 0 <= low <= start <= end <= high <= len(text)


def test_places_are_pages_where_there_are_pages():
    paged = Document.from_text("a.pdf", "one two", pages=((0, 3), (4, 7)))
    assert place_of(paged, Span(paged.id, 5, 6)) == "page 2 of 2"
    assert place_of(Document.from_text("a", "x" * 9), Span("", 2, 5)) == "characters 2 to 5"


@given(st.integers(1, 3 * PART), st.data())
def test_the_parts_of_a_long_document_hold_every_character_once(length, data):
    text = "x" * length
    parts = [part(text, number) for number in range(1, part_of(length - 1) + 1)]
    assert parts[0][0] == 0
    assert parts[-1][1] == length
    assert all(end == start for (_, end), (start, _) in itertools.pairwise(parts))
    place = data.draw(st.integers(0, length - 1))
    low, high = part(text, part_of(place))
    assert low <= place < high


def test_a_place_across_two_parts_is_marked_in_both():
    span = Span("", PART - 3, PART + 2)
    assert within(span, 0, PART) == [(PART - 3, PART)]
    assert within(span, PART, 2 * PART) == [(0, 2)]
    assert within(span, 2 * PART, 3 * PART) == []


def test_what_needs_a_reader_stands_first_in_the_list():
    def file(number, state, status=None):
        report = FileReport(str(number), status) if status else None
        return FileProgress(Upload(number, str(number), "", 1, 0.0), state, report=report)

    files = [
        file(1, "done", "added"), file(2, "done", "failed"), file(3, "done", "unchanged"),
        file(4, "working"), file(5, "waiting"), file(6, "waiting"), file(7, "done", "failed"),
    ]  # fmt: skip
    assert [shown.upload.id for shown in indexing.ordered(files)] == [7, 2, 4, 5, 6, 3, 1]
    assert indexing.progress_of(files) == pytest.approx(4 / 7)
    assert indexing.progress_of([]) == 0.0


def test_numbers_in_words():
    assert [number(n, "chunk") for n in (0, 1, 1200)] == ["0 chunks", "1 chunk", "1,200 chunks"]


def test_progress_grows_from_stage_to_stage():
    upload = Upload(1, "a.txt", "", 1, 0.0)
    steps = [FileProgress(upload)]
    for stage in indexing.STAGES:
        steps += [FileProgress(upload, "working", stage, done, 4) for done in (0, 2, 4)]
    steps.append(FileProgress(upload, "done", report=FileReport("a.txt", "added")))
    shares = [indexing.share_done(file) for file in steps]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert indexing.step(steps[8]) == "embedding 2/4"


def test_a_finished_file_says_what_was_noticed():
    report = FileReport("a", "unchanged", same_as=("b.txt",), notes=("No text on page 3.",))
    said = " ".join(indexing.remarks(report))
    assert "No text on page 3." in said
    assert "indexed already" in said
    assert "Same content as b.txt" in said
