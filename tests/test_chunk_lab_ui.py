"""The chunking page's parts that need no browser: offsets, payload, markup, pictures."""

import html
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_core import Chunk, Document, Span
from rag_core.chunk_lab.cutting import Choice, Tools, cut
from rag_core.chunk_lab.survival import Cell
from rag_core.chunk_report import report
from ui.chunk_lab.chunk_html import chunk_html
from ui.chunk_lab.numbers_panel import histogram, table
from ui.chunk_lab.places import Column, Utf16, note, payload, shown
from ui.chunk_lab.survival_panel import described, heatmap

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> $$x$$ ![x](http://evil.example)"


def column(document: Document, size: int = 60) -> Column:
    chunks = cut(document, Choice("fixed", size, 10), Tools())
    return Column("fixed", "60", chunks, report(chunks, Tools().tokenizer.offsets(document.text)))


@given(st.text(max_size=60), st.data())
def test_offsets_go_to_the_browser_and_back(text, data):
    units = Utf16(text)
    place = data.draw(st.integers(0, len(text)))
    there = units.there([place])[0]
    before = text[:place].encode("utf-16-le", "surrogatepass")
    assert there == len(before) // 2
    assert units.back(there) == place


def test_an_offset_inside_a_pair_is_its_start():
    assert Utf16("a😀b").back(2) == 1
    assert Utf16("a😀b").there([-1, 99]) == [-1, 4]


@given(st.text(max_size=300))
def test_any_text_can_be_sent_and_its_chunks_stand_where_they_stand(text):
    document = Document.from_text("a.txt", text)
    data = payload(document, [column(document)], mark=None)
    sent = json.loads(json.dumps(data))
    sent["text"].encode()  # no half of a pair is left
    units = sent["text"].encode("utf-16-le")
    for chunk, start, end in zip(
        column(document).chunks, *(sent["columns"][0][name] for name in ("starts", "ends")),
        strict=True,
    ):  # fmt: skip
        assert units[2 * start : 2 * end].decode("utf-16-le") == shown(chunk.text)


def test_the_version_changes_with_what_is_drawn():
    document = Document.from_text("a.txt", "one two three " * 30)
    first = payload(document, [column(document)], mark=None)
    assert first == payload(document, [column(document)], mark=None)
    marked = payload(document, [column(document)], mark=Span(document.id, 4, 7))
    assert marked["version"] != first["version"]
    assert marked["mark"] == [4, 7]


def test_a_chunk_is_noted_with_its_page_and_metadata():
    document = Document.from_text("a.pdf", "one two", pages=((0, 4), (4, 7)))
    chunk = Chunk.cut(document, 0, 4, 7, {"heading": "Two"})
    assert note(document, chunk) == "page: 2, heading: Two"


@given(st.text(min_size=1), st.data())
def test_a_chunk_as_markup_shows_exactly_its_text(text, data):
    document = Document.from_text("a.txt", text)
    chunk = Chunk.cut(document, 0, 0, len(text))
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    markup = chunk_html(chunk, lost=Span(document.id, start, end) if end > start else None)
    assert html.unescape(re.sub(r"<[^>]+>", "", markup)) == text


def test_hostile_text_is_only_text():
    chunk = Chunk.cut(Document.from_text("a", HOSTILE), 0, 0, len(HOSTILE))
    markup = chunk_html(chunk, mark=Span("x", 3, 9), lost=Span("x", 20, 40))
    assert set(re.findall(r"</?(\w+)", markup)) <= {"div", "mark", "s"}


def test_a_long_chunk_begins_a_little_before_its_mark():
    text = "far away " * 100 + "the answer" + " and more"
    document = Document.from_text("a", text)
    markup = chunk_html(Chunk.cut(document, 0, 0, len(text)), mark=Span(document.id, 900, 910))
    assert ">…far" in markup or ">…away" in markup
    assert markup.count("far away") < 20
    assert ">the answer</mark>" in markup


def test_the_table_and_the_histogram_have_a_row_a_strategy():
    document = Document.from_text("a.txt", "one two three " * 30)
    columns = (column(document), column(document, 120))
    rows = table(columns)
    assert [row["Chunks"] for row in rows] == [each.report.chunks for each in columns]
    assert 0 < rows[0]["Stored twice"] < 1
    figure = histogram(columns, ["#111111"])
    assert [sum(trace.x) for trace in figure.data] == [sum(c.report.counts) for c in columns]


def test_a_heatmap_cell_says_its_outcome_and_its_rank():
    cells = [
        Cell(Choice("fixed", 100, 14), "whole", frozenset(), 2),
        Cell(Choice("paragraph", 100, 0), "cut", frozenset()),
    ]
    _, labels = heatmap(cells, "words").data
    assert list(labels.text) == ["whole #2", "cut"]
    assert list(labels.y) == ["fixed 15 %", "paragraph"]
    assert list(labels.customdata) == [0, 1]
    assert "1 keep the answer" in described(cells)


@pytest.mark.parametrize("size", [0, 1])
def test_an_empty_text_draws_an_empty_map(size):
    document = Document.from_text("a.txt", " " * size)
    assert payload(document, [column(document)], mark=None)["columns"][0]["starts"] == []
