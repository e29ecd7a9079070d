"""The chunking lab's questions, answered where they can be checked with a pencil."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_core import CHUNKERS, Chunk, Document, KeywordIndex, Span, load
from rag_core.chunk_lab.cutting import (
    DEFAULTS,
    SIZES,
    UNITS,
    Choice,
    Tools,
    chunker_of,
    cut,
    fitting,
    needs_model,
    overlaps,
    settings_of,
)
from rag_core.chunk_lab.export import as_csv, as_jsonl, as_python
from rag_core.chunk_lab.marks import find_mark, holds_token, mark_text
from rag_core.chunk_lab.survival import cell, grid, holders, outcome, rank_of, with_rank
from rag_core.chunk_lab.unseen import plainest, queries, search_both, unseen
from rag_core.chunk_lab.vectors import RecentVectors, ranked
from rag_core.chunk_report import report
from rag_core.spreadsheets import neutral

ROOT = Path(__file__).resolve().parent.parent
HANDBOOK = ROOT / "samples" / "library" / "book-store-handbook.md"


def words(count: int) -> np.ndarray:
    """Tokens of a text of words "aaaa bbbb ..." of four letters: [0, 4), [5, 9), ..."""
    return np.array([(5 * n, 5 * n + 4) for n in range(count)], dtype=np.int64)


def text_of(count: int) -> Document:
    return Document.from_text("words.txt", " ".join(f"w{n:03}" for n in range(count)))


@pytest.fixture(scope="module")
def handbook() -> Document:
    return load(HANDBOOK.name, HANDBOOK.read_bytes())


# -- choices ------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", CHUNKERS)
@pytest.mark.parametrize("unit", UNITS)
def test_every_strategy_can_be_cut_at_the_sizes_offered(strategy, unit, handbook, hash_embedder):
    low, high, _ = SIZES[unit]
    tools = Tools(embedder=hash_embedder)
    for size in (low, DEFAULTS[unit][0], high):
        choice = fitting(Choice(strategy, size, DEFAULTS[unit][1], unit))
        chunks = cut(handbook, choice, tools)
        assert chunks
        assert all(handbook.text[c.start : c.end] == c.text for c in chunks)


def test_a_choice_becomes_what_the_strategy_knows():
    assert settings_of(Choice("paragraph", 500, 99)) == {"size": 500, "unit": "characters"}
    assert settings_of(Choice("semantic", 600, 0, method="optimal")) == {
        "maximum": 600, "minimum": 100, "unit": "characters", "method": "optimal",
    }  # fmt: skip
    assert needs_model("semantic")
    assert not needs_model("fixed")
    assert [name for name in CHUNKERS if not overlaps(name)] == ["paragraph", "semantic"]


def test_an_overlap_leaves_room_for_new_text():
    assert fitting(Choice("fixed", 100, 80)).overlap == 50
    assert fitting(Choice("sentence", 1, 1, "sentences")).overlap == 0


def test_the_semantic_strategy_embeds_with_the_given_model_once(handbook, hash_embedder):
    cache = RecentVectors(hash_embedder)
    first = cut(handbook, Choice("semantic", 900, 0), Tools(embedder=cache))
    embedded = hash_embedder.embedded
    assert embedded > 0
    assert cut(handbook, Choice("semantic", 900, 0), Tools(embedder=cache)) == first
    assert hash_embedder.embedded == embedded


# -- marks --------------------------------------------------------------------------------------


def test_a_mark_is_offsets_or_words():
    document = Document.from_text("a", "The bridge\n  opened in May. The Bridge closed.")
    assert find_mark(document, "4-10") == Span(document.id, 4, 10)
    assert find_mark(document, " 4 – 10 ") == Span(document.id, 4, 10)
    assert find_mark(document, "bridge opened") == Span(document.id, 4, 19)
    assert find_mark(document, "the bridge CLOSED") == Span(document.id, 28, 45)
    assert find_mark(document, mark_text(Span(document.id, 4, 10))) == Span(document.id, 4, 10)


@pytest.mark.parametrize(
    "typed", ["", "  ", "9-4", "4-4", "0-9999", "10-11", "not there", "(", "0-"]
)
def test_what_marks_nothing_is_none(typed):
    assert find_mark(Document.from_text("a", "The bridge  opened in May."), typed) is None


def test_a_mark_between_tokens_cannot_be_judged():
    assert holds_token(Span("d", 3, 5), words(3))
    assert not holds_token(Span("d", 4, 5), words(3))


# -- survival -----------------------------------------------------------------------------------


def test_outcomes_by_pencil():
    document, tokens = text_of(600), words(600)
    answer = Span(document.id, 5 * 300, 5 * 304 - 1)  # words 300 to 303
    around = Chunk.cut(document, 0, 5 * 290, 5 * 310)
    assert outcome([around], answer, tokens) == "whole"
    assert outcome([Chunk.cut(document, 0, 5 * 250, 5 * 350)], answer, tokens) == "drowned"
    assert outcome([Chunk.cut(document, 0, 0, 5 * 400)], answer, tokens) == "beyond"
    assert outcome([Chunk.cut(document, 0, 0, 5 * 302)], answer, tokens) == "cut"
    assert outcome([Chunk.cut(document, 0, 0, 5 * 100)], answer, tokens) == "missing"
    # half of it past the limit is beyond too; another chunk that shows all of it saves it
    half = Chunk.cut(document, 0, 5 * 48, 5 * 400)
    assert outcome([half], answer, tokens) == "beyond"
    assert outcome([half, around], answer, tokens) == "whole"


def test_a_cell_takes_the_best_rank_of_the_chunks_that_hold_most():
    document, tokens = text_of(40), words(40)
    chunks = [
        Chunk.cut(document, n, 5 * start, 5 * (start + 10)) for n, start in enumerate((0, 5, 30))
    ]
    answer = Span(document.id, 5 * 6, 5 * 8)
    assert holders(chunks, answer) == {chunks[0].id, chunks[1].id}
    vectors = np.eye(3, dtype=np.float32)
    hits = ranked(chunks, np.array([0.1, 0.3, 0.9], dtype=np.float32), vectors)
    assert [hit.chunk.index for hit in hits] == [2, 1, 0]
    made = with_rank(cell(Choice("fixed", 50, 25), chunks, answer, tokens), hits)
    assert (made.outcome, made.rank) == ("whole", 2)
    assert rank_of(hits, frozenset()) is None


def test_the_grid_stays_within_what_the_page_offers():
    cells = grid(["fixed", "paragraph"], 150, "words")
    assert {c.size for c in cells} == {38, 75, 150, 300, 600}
    assert {c.overlap for c in cells if c.strategy == "paragraph"} == {0}
    assert len(cells) == 15 + 5
    assert {c.size for c in grid(["fixed"], 4000, "characters")} == {1000, 2000, 4000}


# -- vectors ------------------------------------------------------------------------------------


def test_only_new_text_is_embedded(hash_embedder):
    cache = RecentVectors(hash_embedder)
    cache.embed_documents(["a b", "c d", "a b"])
    assert hash_embedder.embedded == 2
    assert cache.missing(["c d", "e f", "e f"]) == ["e f"]
    again = cache.embed_documents(["e f", "a b"])
    assert hash_embedder.embedded == 3
    np.testing.assert_array_equal(again[1], hash_embedder.embed_query("a b"))
    assert cache.embed_documents([]).shape == (0, 64)


def test_the_oldest_vectors_make_room(hash_embedder):
    cache = RecentVectors(hash_embedder, max_texts=2)
    cache.embed_documents(["a", "b"])
    cache.embed_documents(["a", "c"])
    assert cache.missing(["a", "b", "c"]) == ["b"]
    assert cache.embed_documents(["a", "b", "c", "d"]).shape == (4, 64)


# -- unseen text --------------------------------------------------------------------------------


def test_unseen_text_by_pencil():
    document, tokens = text_of(600), words(600)
    first, second = Chunk.cut(document, 0, 0, 5 * 300), Chunk.cut(document, 1, 5 * 280, 5 * 600 - 1)
    lost = unseen([first, second], tokens)
    # chunk 1 is read up to word 253, chunk 2 from 280 on for 254 words: 254-279 and 534-599
    assert lost.spans == (
        Span(document.id, 5 * 254, 5 * 279 + 4),
        Span(document.id, 5 * 534, 5 * 599 + 4),
    )
    assert (lost.tokens, lost.total) == (26 + 66, 600)
    assert unseen([Chunk.cut(document, 0, 0, 500)], tokens).spans == ()
    assert unseen([], tokens).share == 0.0


def test_queries_are_made_of_unseen_words_alone(handbook):
    tools = Tools()
    tokens = tools.tokenizer.offsets(handbook.text)
    chunks = cut(handbook, Choice("fixed", 3000, 0), tools)
    lost = unseen(chunks, tokens)
    found = queries(handbook.text, chunks, lost)
    assert found
    seen = [
        chunk.text[: span.start - chunk.start] if span else chunk.text
        for chunk, span in zip(chunks, report(chunks, tokens).unseen, strict=True)
    ]
    keywords = KeywordIndex(
        Chunk(str(n), "d", n, 0, len(text), text) for n, text in enumerate(seen)
    )
    for query, chunk in found:
        assert all(word in chunk.text for word in query.split())
        assert keywords.search(query, 1) == []


def test_the_plainest_miss_is_first_by_keyword_and_last_by_vector():
    document = text_of(30)
    chunks = [Chunk.cut(document, n, 50 * n, 50 * n + 49) for n in range(3)]
    keywords = KeywordIndex(chunks)
    hits = ranked(chunks, np.array([3, 2, 1], dtype=np.float32), np.eye(3, dtype=np.float32))
    near = search_both("w003", chunks[0], keywords, hits, 2)
    far = search_both("w025 w026", chunks[2], keywords, hits, 2)
    assert (near.keyword_rank, near.vector_rank) == (1, 1)
    assert (far.keyword_rank, far.vector_rank) == (1, 3)
    assert plainest([near, far]) == far
    assert plainest([]) is None


# -- export -------------------------------------------------------------------------------------


@given(st.text(min_size=1, max_size=200))
def test_exports_hold_the_text_whatever_it_is(text):
    document = Document.from_text("=evil.txt", text)
    chunks = [Chunk.cut(document, 0, 0, len(text), {"heading": "@x"})]
    [line] = as_jsonl(document, chunks, [1]).decode().split("\n")[:-1]
    assert json.loads(line)["text"] == text
    as_csv(document, chunks, [1]).decode("utf-8-sig")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "  =1", "\r=1", "＝1"])
def test_csv_cells_are_no_formulas(text):
    document = Document.from_text("a.txt", text)
    table = as_csv(document, [Chunk.cut(document, 0, 0, len(text))], [1]).decode("utf-8-sig")
    [heading, row] = list(csv.reader(io.StringIO(table, newline="")))
    assert dict(zip(heading, row, strict=True))["text"] == f"'{text}"


def test_other_cells_stay_as_they_are():
    assert neutral("a=b") == "a=b"
    assert neutral(-5) == -5
    assert neutral("") == ""


@pytest.mark.parametrize("strategy", [name for name in CHUNKERS if not needs_model(name)])
@pytest.mark.parametrize("unit", UNITS)
def test_the_script_makes_exactly_these_chunks(strategy, unit, handbook, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    choice = Choice(strategy, *DEFAULTS[unit], unit)
    chunker = chunker_of(choice, Tools())
    wanted = cut(handbook, choice, Tools())
    script = as_python(handbook, choice, chunker.settings, "samples/library/book-store-handbook.md")
    assert made_by(script) == [chunk.id for chunk in wanted]
    assert capsys.readouterr().out.split()[0] == wanted[0].id


def test_the_script_of_a_semantic_chunking(handbook, embedder, monkeypatch):
    monkeypatch.chdir(ROOT)
    choice = Choice("semantic", 900, 0)
    tools = Tools(embedder=embedder)
    settings = chunker_of(choice, tools).settings
    script = as_python(handbook, choice, settings, "samples/library/book-store-handbook.md")
    assert made_by(script) == [chunk.id for chunk in cut(handbook, choice, tools)]


@pytest.mark.parametrize("text", ['"""\n\\ \' 日本 \r\n', "a\nb" * 50, "\ud800 x"])
def test_the_script_carries_pasted_text(text):
    document = Document.from_text("pasted 'text'", text)
    choice = Choice("fixed", 20, 0)
    settings = chunker_of(choice, Tools()).settings
    ids = [chunk.id for chunk in cut(document, choice, Tools())]
    assert made_by(as_python(document, choice, settings, None)) == ids


def made_by(script: str) -> list[str]:
    names: dict = {}
    exec(compile(script, "copied.py", "exec"), names)
    return [chunk.id for chunk in names["chunks"]]
