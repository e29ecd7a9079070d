"""The contract every chunker keeps: laws 1 to 4, whole graphemes, sizes, and refusals."""

import hashlib
import itertools

import numpy as np
import pytest
import regex
from chunk_texts import TEXTS
from hypothesis import given, settings
from hypothesis import strategies as st

from rag_core.chunkers import CHUNKERS, make_chunker
from rag_core.chunkers.units import ruler
from rag_core.datatypes import Chunk, Document

GRAPHEME = regex.compile(r"\X")


def embed(texts):
    """Hash every word into one of 16 places: the same words, the same vector."""
    vectors = np.zeros((len(texts), 16), dtype=np.float32)
    for row, text in enumerate(texts):
        for word in text.split():
            vectors[row, hashlib.sha256(word.encode()).digest()[0] % 16] += 1
    return vectors


class LetterTokenizer:
    """Three letters a token, white space none: what a token boundary inside a word does."""

    def offsets(self, text):
        runs = regex.finditer(r"\S{1,3}", text)
        return np.array([match.span() for match in runs], dtype=np.int64).reshape(-1, 2)


def small(strategy, size=20, overlap=5, unit="characters"):
    """Make a chunker of a small size, whatever its parameters are called."""
    tools = {"tokenizer": LetterTokenizer()}
    if strategy == "semantic":
        return make_chunker(
            strategy, maximum=size, minimum=size // 3, unit=unit, embed=embed, **tools
        )
    if strategy == "paragraph":
        return make_chunker(strategy, size=size, unit=unit, **tools)
    return make_chunker(strategy, size=size, overlap=overlap, unit=unit, **tools)


def default(strategy):
    return make_chunker(strategy, **({"embed": embed} if strategy == "semantic" else {}))


def document(text):
    return Document.from_text("a.txt", text)


def edges(text):
    return {0, *(match.end() for match in GRAPHEME.finditer(text))}


def check_laws(text, chunks):
    places = edges(text)
    covered = bytearray(len(text))
    for index, chunk in enumerate(chunks):
        assert chunk.index == index
        assert text[chunk.start : chunk.end] == chunk.text
        assert chunk.text.strip()
        assert {chunk.start, chunk.end} <= places, "a grapheme is split"
        # A space may stand at an edge only as a part of the cluster there.
        graphemes = GRAPHEME.findall(chunk.text)
        assert graphemes[0].strip()
        assert graphemes[-1].strip()
        covered[chunk.start : chunk.end] = b"x" * (chunk.end - chunk.start)
    assert all(covered[at] or letter.isspace() for at, letter in enumerate(text))
    for before, after in itertools.pairwise(chunks):
        assert before.start < after.start
        assert before.end < after.end, "a chunk lies wholly inside another"


@pytest.mark.parametrize("strategy", CHUNKERS)
class TestContract:
    @given(text=TEXTS)
    @settings(max_examples=150, deadline=None)
    def test_laws_hold_by_default(self, strategy, text):
        check_laws(text, default(strategy).chunk(document(text)))

    @given(
        text=TEXTS,
        size=st.integers(1, 60),
        share=st.floats(0, 0.99),
        unit=st.sampled_from(["characters", "words", "tokens"]),
    )
    @settings(max_examples=400, deadline=None)
    def test_laws_and_sizes_hold_when_small(self, strategy, text, size, share, unit):
        overlap = int(size * share)
        chunks = small(strategy, size, overlap, unit).chunk(document(text))
        check_laws(text, chunks)
        measure = ruler(text, unit, LetterTokenizer())
        for chunk in chunks:
            fits = measure.count(chunk.start, chunk.end) <= size
            assert fits or len(GRAPHEME.findall(chunk.text)) == 1
        for before, after in itertools.pairwise(chunks):
            if after.start < before.end:
                assert measure.count(after.start, before.end) <= overlap

    @given(text=TEXTS)
    @settings(max_examples=20, deadline=None)
    def test_equal_input_gives_equal_chunks(self, strategy, text):
        chunker = small(strategy)
        twin = (
            make_chunker(strategy, **chunker.settings, embed=embed)
            if strategy == ("semantic")
            else make_chunker(strategy, **chunker.settings)
        )
        assert chunker.chunk(document(text)) == twin.chunk(document(text))
        assert chunker == twin

    def test_ids_are_those_of_the_place_in_the_document(self, strategy):
        text = "The same words. " * 40
        source, other = document(text), Document.from_text("b.txt", text)
        chunks = small(strategy).chunk(source)
        made = [Chunk.cut(source, c.index, c.start, c.end, c.metadata) for c in chunks]
        assert chunks == made
        ids = [chunk.id for chunk in chunks + small(strategy).chunk(other)]
        assert len(set(ids)) == len(ids)

    @pytest.mark.parametrize("text", ["", " ", "\r\n\r\n\u2003\t"])
    def test_white_space_gives_no_chunks(self, strategy, text):
        assert default(strategy).chunk(document(text)) == []

    @pytest.mark.parametrize(
        "unit",
        [
            "x",
            "ab ",
            "漢",
            "🇩🇪",
            "क्ष",
            "a\u0301",
            "\u0301",
            "👩\u200d",
            ".",
            "a. ",
            "\n",
            " ",
            "-",
            "#",
        ],
    )
    def test_long_lines_take_time_by_their_length_only(self, strategy, unit):
        text = "S" + unit * (300_000 // len(unit))
        chunks = default(strategy).chunk(document(text))
        assert chunks[0].start == 0
        assert chunks[-1].end == len(text.rstrip())

    def test_one_line_of_five_megabytes(self, strategy):
        text = "0123456789" * 500_000
        chunks = default(strategy).chunk(document(text))
        assert chunks[0].start == 0
        assert chunks[-1].end == len(text)
        assert all(a.end >= b.start for a, b in itertools.pairwise(chunks))
        assert max(len(chunk.text) for chunk in chunks) <= 6000

    def test_settings_are_plain_and_complete(self, strategy):
        chunker = default(strategy)
        assert chunker.name == strategy
        assert all(
            isinstance(value, str | int | float | list | None)
            for value in chunker.settings.values()
        )
        assert make_chunker(strategy, **chunker.settings).settings == chunker.settings

    def test_unknown_parameter_names_the_known(self, strategy):
        with pytest.raises(ValueError, match=r"unknown parameter .*'untis'.*Did you mean 'unit'"):
            make_chunker(strategy, untis="words")

    def test_unknown_unit_names_the_known(self, strategy):
        with pytest.raises(ValueError, match=r"unknown unit 'bytes'; known are: .*words"):
            make_chunker(strategy, unit="bytes")


def test_unknown_strategy_names_the_known():
    with pytest.raises(ValueError, match=r"'recursiv'.*known are: recursive, .*mean 'recursive'"):
        make_chunker("recursiv")


@pytest.mark.parametrize("strategy", ["fixed", "sentence", "recursive", "markdown"])
@pytest.mark.parametrize("overlap", [500, 600])
def test_overlap_must_be_smaller_than_size(strategy, overlap):
    with pytest.raises(ValueError, match=f"overlap {overlap} must be smaller than size 500"):
        make_chunker(strategy, size=500, overlap=overlap)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"size": 0}, "size 0 must be at least 1"),
        ({"size": -5}, "size -5 must be at least 1"),
        ({"overlap": -1}, "overlap -1 must be at least 0"),
        ({"size": 10.5}, "size must be a whole number, not 10.5"),
        ({"size": "900"}, "size must be a whole number, not '900'"),
        ({"size": True}, "size must be a whole number, not True"),
    ],
)
@pytest.mark.parametrize("strategy", ["fixed", "sentence", "recursive", "markdown"])
def test_sizes_that_cannot_work_are_refused(strategy, params, message):
    with pytest.raises(ValueError, match=message):
        make_chunker(strategy, **params)
