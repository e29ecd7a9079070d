"""The nouns and the errors."""

import inspect
import pickle

import pytest

from rag_core import errors
from rag_core.datatypes import (
    Chunk,
    Document,
    SearchHit,
    SearchResult,
    Span,
    Stage,
    content_id,
)

# -- ids ------------------------------------------------------------------------------------


def test_an_id_is_the_same_on_every_machine():
    assert content_id("a.txt", "hello") == "2659b57fca1b0e46c034"


def test_parts_do_not_run_into_each_other():
    assert len({content_id("ab", "c"), content_id("a", "bc"), content_id("abc")}) == 3


def test_text_with_half_a_character_has_an_id_too():
    assert content_id("\ud800") != content_id("\ud801")


def test_a_document_is_named_by_its_name_and_its_text():
    one = Document.from_text("a.txt", "same")
    assert one.id == Document.from_text("a.txt", "same", metadata={"year": 1}).id
    assert one.id != Document.from_text("b.txt", "same").id
    assert one.id != Document.from_text("a.txt", "Same").id


def test_the_same_paragraph_in_two_files_or_twice_in_one_is_two_chunks():
    first, second = (Document.from_text(name, "ab ab") for name in ("1.txt", "2.txt"))
    ids = {
        Chunk.cut(first, 0, 0, 2).id,
        Chunk.cut(first, 1, 3, 5).id,
        Chunk.cut(second, 0, 0, 2).id,
    }
    assert len(ids) == 3


# -- documents and chunks -------------------------------------------------------------------


def test_a_chunk_is_a_slice_of_its_document():
    chunk = Chunk.cut(Document.from_text("a.txt", "Großer Bär"), 3, 7, 10, {"level": 2})
    assert (chunk.text, chunk.index, chunk.metadata) == ("Bär", 3, {"level": 2})
    assert chunk.span == Span(chunk.document_id, 7, 10)


@pytest.mark.parametrize(
    ("offset", "page"), [(-1, None), (0, 1), (9, 1), (10, 3), (19, 3), (25, 3)]
)
def test_a_page_is_found_by_offset_and_empty_pages_hold_nothing(offset, page):
    document = Document.from_text("a.pdf", "x" * 20, pages=((0, 10), (10, 10), (10, 20)))
    assert document.page_at(offset) == page


def test_a_document_without_pages_has_no_page():
    assert Document.from_text("a.txt", "text").page_at(0) is None


def test_the_original_takes_no_part_in_comparison():
    assert Document.from_text("a", "b", original=b"1") == Document.from_text("a", "b")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (Span("a", 0, 5), Span("a", 4, 9), True),
        (Span("a", 0, 5), Span("a", 5, 9), False),  # ends are exclusive
        (Span("a", 2, 3), Span("a", 0, 9), True),
        (Span("a", 0, 5), Span("b", 0, 5), False),
    ],
)
def test_spans_overlap_when_they_share_a_character(one, other, expected):
    assert one.overlaps(other) is other.overlaps(one) is expected


def test_the_seconds_of_a_search_are_those_of_its_stages():
    result = SearchResult("q", (), (Stage("embed", (), 0.25), Stage("vector", (), 0.5)))
    assert result.seconds == 0.75


def test_nouns_pickle_hash_and_cannot_be_changed():
    chunk = Chunk.cut(Document.from_text("a.txt", "text"), 0, 0, 4, {"page": 1})
    hit = SearchHit(chunk, 1, 0.5, {"vector": 0.5})
    assert pickle.loads(pickle.dumps(hit)) == hit
    assert len({hit, hit}) == 1
    with pytest.raises(AttributeError):
        hit.rank = 2


# -- errors ---------------------------------------------------------------------------------

CLASSES = {
    name: kind
    for name, kind in inspect.getmembers(errors, inspect.isclass)
    if kind.__module__ == errors.__name__
}


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes():
    drawn: dict[str, str] = {}
    parents: list[str] = []
    for line in errors.__doc__.splitlines():
        words = line.replace("├", " ").replace("└", " ").replace("│", " ").replace("─", " ")
        name = words.split()[0] if words.split() else ""
        if name.endswith("Error") or name == "Cancelled":
            depth = (len(words) - len(words.lstrip())) // 4
            parents = [*parents[:depth], name]
            drawn[name] = parents[-2] if depth else "Exception"
    assert drawn == {name: kind.__bases__[0].__name__ for name, kind in CLASSES.items()}


def test_an_error_shows_what_happened_and_what_to_do():
    error = errors.HomeError("It is full.", hint="Free some space.")
    assert (error.message, error.hint) == ("It is full.", "Free some space.")
    assert str(error) == "It is full. Free some space."
    assert str(errors.HomeError("It is full.")) == "It is full."


def test_a_load_error_names_the_file():
    error = errors.LoadError("a.pdf", "no text", hint="Use OCR.")
    assert (error.name, error.reason, str(error)) == ("a.pdf", "no text", "a.pdf: no text Use OCR.")


def test_a_missing_dependency_carries_the_pip_line_and_is_an_import_error():
    error = errors.MissingDependencyError("faiss", requirements="requirements-stores.txt")
    assert isinstance(error, ImportError)
    assert error.hint == "Install it with: pip install -r requirements-stores.txt"
    assert "'faiss'" in error.message
