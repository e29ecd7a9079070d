"""Each strategy against chunks worked out by hand."""

import itertools

import numpy as np
import pytest
import regex

from rag_core.chunkers import make_chunker
from rag_core.chunkers.drift import best_cuts, cut_points, group_distances
from rag_core.chunkers.markdown import headings
from rag_core.chunkers.units import ruler
from rag_core.datatypes import Document
from rag_core.graphemes import _BEGINNER, cluster_end, cluster_start, joined


def cut(strategy, text, **params):
    chunker = make_chunker(strategy, **params)
    return [chunk.text for chunk in chunker.chunk(Document.from_text("a.md", text))]


class TestFixed:
    def test_words_with_overlap(self):
        text = "one two three four five six seven"
        assert cut("fixed", text, size=3, overlap=1) == [
            "one two three", "three four five", "five six seven"
        ]  # fmt: skip

    def test_last_chunk_is_never_only_overlap(self):
        assert cut("fixed", "a b c d", size=3, overlap=2) == ["a b c", "b c d"]
        assert cut("fixed", "a b c", size=3, overlap=2) == ["a b c"]

    def test_characters_keep_words_whole(self):
        assert cut("fixed", "alpha beta gamma", size=11, overlap=0, unit="characters") == [
            "alpha beta", "gamma"
        ]  # fmt: skip

    def test_word_longer_than_the_size_is_cut(self):
        assert cut("fixed", "ab " + "x" * 12, size=5, overlap=0, unit="characters") == [
            "ab", "xxxxx", "xxxxx", "xx"
        ]  # fmt: skip

    def test_ideographs_are_words(self):
        assert cut("fixed", "我們去山上 ok", size=3, overlap=0) == ["我們去", "山上 ok"]


class TestSentence:
    TEXT = "Dr. Ant came. Bees left! Cats? Dogs. Elks."

    def test_n_sentences_with_overlap(self):
        assert cut("sentence", self.TEXT, size=2, overlap=1) == [
            "Dr. Ant came. Bees left!", "Bees left! Cats?", "Cats? Dogs.", "Dogs. Elks."
        ]  # fmt: skip

    def test_n_sentences_without_overlap(self):
        found = cut("sentence", self.TEXT, size=3, overlap=0)
        assert found == ["Dr. Ant came. Bees left! Cats?", "Dogs. Elks."]

    def test_as_many_as_fit(self):
        found = cut("sentence", self.TEXT, size=18, overlap=6, unit="characters")
        assert found == ["Dr. Ant came.", "Bees left! Cats?", "Cats? Dogs. Elks."]

    def test_what_never_stops_is_cut(self):
        found = cut("sentence", "Short one. " + "Word " * 10, size=1, overlap=0, longest=25)
        assert found == ["Short one.", *["Word Word Word Word Word"] * 2]


class TestParagraph:
    def test_packs_up_to_the_size(self):
        text = "aaaa\n\nbbbb\r\n\r\ncccc\n \ndddd"
        assert cut("paragraph", text, size=10) == ["aaaa\n\nbbbb", "cccc", "dddd"]

    def test_cuts_a_long_one_by_sentence(self):
        text = "Short.\n\nOne two three. Four five six. Seven."
        assert cut("paragraph", text, size=25) == [
            "Short.",
            "One two three.",
            "Four five six. Seven.",
        ]

    def test_line_breaks_part_where_no_line_is_blank(self):
        text = "First paragraph here.\nSecond one. More of it."
        assert cut("paragraph", text, size=30) == [
            "First paragraph here.",
            "Second one. More of it.",
        ]


class TestRecursive:
    def test_prefers_the_blank_line_to_the_sentence(self):
        text = "One two.\n\nThree. Four five six."
        found = cut("recursive", text, size=18, overlap=0)
        assert found == ["One two.", "Three. Four five", "six."]

    def test_real_sentence_ends_only(self):
        text = "Then came Dr. Smith of Rome. He slept."
        assert cut("recursive", text, size=33, overlap=0) == [
            "Then came Dr. Smith of Rome.", "He slept."
        ]  # fmt: skip

    def test_clause_before_word(self):
        text = "aaa bbb ccc, ddd eee fff ggg"
        assert cut("recursive", text, size=18, overlap=0) == ["aaa bbb ccc,", "ddd eee fff ggg"]

    def test_wrapped_prose_is_not_cut_at_its_line_breaks(self):
        lines = (
            "The long road goes over the hill and down to\nthe sea. And there it ends, as roads do."
        )
        assert cut("recursive", lines, size=60, overlap=0)[0].endswith("the sea.")

    def test_list_items_are_cut_at_theirs(self):
        text = "- buy some milk\n- feed the cat now\n- call home"
        assert cut("recursive", text, size=37, overlap=0) == [
            "- buy some milk\n- feed the cat now", "- call home"
        ]  # fmt: skip

    @pytest.mark.parametrize("overlap", [10, 50, 150, 400])
    def test_overlap_is_what_it_says(self, overlap):
        text = " ".join(f"word{number}" for number in range(3000))
        chunker = make_chunker("recursive", size=500, overlap=overlap)
        chunks = chunker.chunk(Document.from_text("a", text))
        longest = len("word2999 ")
        for before, after in itertools.pairwise(chunks):
            assert overlap - longest < before.end - after.start <= overlap

    def test_separators_of_ones_own(self):
        text = "aaaa bbbb~~~cccc dddd"
        assert cut("recursive", text, size=18, overlap=0) == ["aaaa bbbb~~~cccc", "dddd"]
        found = cut("recursive", text, size=18, overlap=0, separators=["~~~"])
        assert found == ["aaaa bbbb~~~", "cccc dddd"]

    def test_order_of_preference_is_the_callers(self):
        text = "Aaaa bbbb cccc.\n\nDdd. Eee fff ggg hhh"
        assert cut("recursive", text, size=26, overlap=0)[0] == "Aaaa bbbb cccc."
        order = ["sentence", "paragraph"]
        found = cut("recursive", text, size=26, overlap=0, separators=order)
        assert found[0] == "Aaaa bbbb cccc.\n\nDdd."

    @pytest.mark.parametrize(
        ("separators", "message"),
        [
            (["paragaph"], "unknown separator 'paragaph'.*mean 'paragraph'"),
            ([""], "unknown separator ''"),
            ([3], "a separator must be text, not 3"),
            ("line", "separators must be a list"),
        ],
    )
    def test_bad_separators_are_refused(self, separators, message):
        with pytest.raises(ValueError, match=message):
            make_chunker("recursive", separators=separators)

    def test_code_is_cut_between_lines(self):
        text = "".join(f"value_{n} = f({n})\n" for n in range(40))
        for piece in cut("recursive", text, size=100, overlap=0):
            assert piece.startswith("value_")
            assert piece.endswith(")")


class TestMarkdown:
    TEXT = (
        "before\n\n# Book\n\n## One ##\ntext one\n\n```\n# no heading\n```\n"
        "## Two\ntext two\n### Deep\ndeeper\n\nOther\n=====\nlast"
    )

    def chunks(self, **params):
        return make_chunker("markdown", **params).chunk(Document.from_text("a.md", self.TEXT))

    def test_a_section_a_chunk_with_its_path(self):
        found = [
            (chunk.text.split("\n")[0], chunk.metadata.get("heading_path"))
            for chunk in self.chunks()
        ]
        assert found == [
            ("before", None),
            ("# Book", "Book > One"),  # a heading without text opens the next section
            ("## Two", "Book > Two"),
            ("### Deep", "Book > Two > Deep"),
            ("Other", "Other"),
        ]
        assert self.chunks()[3].metadata == {
            "heading": "Deep", "heading_path": "Book > Two > Deep", "heading_level": 3
        }  # fmt: skip

    def test_long_sections_keep_their_path(self):
        text = "# A\n" + "Some words here. " * 30
        chunks = make_chunker("markdown", size=100).chunk(Document.from_text("a.md", text))
        assert len(chunks) > 4
        assert {chunk.metadata["heading_path"] for chunk in chunks} == {"A"}
        assert all(len(chunk.text) <= 100 for chunk in chunks)

    def test_what_only_looks_like_a_heading(self):
        front, fenced = "---\ntitle: x\n---\n", "~~~\n# fenced\n```\n# too\n~~~\n"
        assert headings(f"{front}#tag\n\n    # code\n\n- item\n---\n{fenced}") == []

    def test_headings_know_their_lines(self):
        text = "# A\r\nx\r\n\r\nB\r\n---\r\n"
        assert [(text[h.start : h.end].strip(), h.level, h.title) for h in headings(text)] == [
            ("# A", 1, "A"), ("B\r\n---", 2, "B")
        ]  # fmt: skip


def embed(texts):
    """Tell salt from bread: one place for each first letter, and a little for all."""
    rows = [[text[0] == "S", text[0] == "B"] for text in texts]
    return np.array(rows, dtype=np.float32) + 0.01


class TestSemantic:
    TEXT = "Salt is white. Salt is dry. Salt is old. Bread is soft. Bread is warm. Bread is good."
    HALVES = (
        "Salt is white. Salt is dry. Salt is old.",
        "Bread is soft. Bread is warm. Bread is good.",
    )

    @pytest.mark.parametrize("method", ["percentile", "deviation", "gradient", "optimal"])
    def test_cuts_where_the_subject_changes(self, method):
        found = cut("semantic", self.TEXT, method=method, minimum=20, maximum=90, embed=embed)
        assert len(found) == 2
        assert abs(len(found[0]) - len(self.HALVES[0])) <= (20 if method == "gradient" else 0)

    def test_maximum_cuts_what_does_not_drift(self):
        found = cut("semantic", "Salt is dry. " * 20, minimum=0, maximum=60, embed=embed)
        assert max(map(len, found)) <= 60

    def test_minimum_joins_what_is_small(self):
        text = "Salt is dry. Bread is soft. Salt is old. Bread is warm."
        found = cut("semantic", text, amount=0, group=1, minimum=25, maximum=60, embed=embed)
        assert min(map(len, found)) >= 25

    def test_every_sentence_is_embedded_once(self):
        calls = []

        def counted(texts):
            calls.append(list(texts))
            return embed(texts)

        cut("semantic", self.TEXT, embed=counted)
        assert len(calls) == 1
        assert len(calls[0]) == 6

    def test_shows_what_it_saw(self):
        chunker = make_chunker("semantic", minimum=0, embed=embed)
        drift = chunker.drift(Document.from_text("a", self.TEXT))
        assert len(drift.sentences) == 6
        assert int(np.argmax(drift.distances)) == 2
        assert drift.wanted == [2]

    def test_distances_by_hand(self):
        vectors = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
        assert group_distances(vectors, 1) == pytest.approx([0, 1])
        # group of two: (1,0) | (1,1)/2 and (1,0) | (0,1)
        assert group_distances(vectors, 2) == pytest.approx([1 - 1 / np.sqrt(2), 1])

    def test_cut_points_are_peaks_above_the_threshold(self):
        distances = np.array([0.1, 0.5, 0.4, 0.1, 0.2, 0.1], dtype=np.float32)
        assert cut_points(distances, "percentile", 50) == [1, 4]
        assert cut_points(distances, "percentile", 90) == [1]
        # mean 0.233, standard deviation 0.16
        assert cut_points(distances, "deviation", 1) == [1]
        assert cut_points(np.full(5, 0.3, dtype=np.float32), "percentile", 50) == []

    def test_best_cuts_beat_every_other_segmentation(self):
        rng = np.random.default_rng(3)
        vectors = rng.normal(size=(9, 4)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        lowest = np.maximum(np.arange(9) - 3, 0)  # at most four sentences
        found = best_cuts(vectors, lowest, np.arange(9))
        pairs = vectors @ vectors.T
        average = (pairs.sum() - 9) / 72

        def worth(cuts):
            bounds = [0, *(c + 1 for c in cuts), 9]
            parts = list(itertools.pairwise(bounds))
            if any(b - a > 4 for a, b in parts):
                return -np.inf
            return sum(
                pairs[i, j] - average
                for a, b in parts
                for i in range(a, b)
                for j in range(i + 1, b)
            )

        every = (c for n in range(9) for c in itertools.combinations(range(8), n))
        assert worth(found) == pytest.approx(max(map(worth, every)))

    @pytest.mark.parametrize(
        ("params", "message"),
        [
            ({"minimum": 600, "maximum": 500}, "minimum 600 must not exceed maximum 500"),
            ({"amount": 120}, "amount 120 must lie between 0 and 100"),
            ({"group": 0}, "group 0 must be at least 1"),
            ({"method": "percentil"}, "unknown method 'percentil'.*mean 'percentile'"),
        ],
    )
    def test_bad_parameters_are_refused(self, params, message):
        with pytest.raises(ValueError, match=message):
            make_chunker("semantic", **params)


class TestUnits:
    def test_words(self):
        words = ruler("one two 漢字 " + "x" * 100, "words")
        assert words.count(0, 7) == 2
        assert words.count(0, 10) == 4
        assert words.count(0, 111) == 4 + 3  # 100 characters without a space count as three words
        assert words.reach(0, 2) == 8
        assert words.back(7, 1) == 4

    def test_tokens_that_share_a_character(self):
        class Bytes:
            def offsets(self, text):
                return np.array([[0, 1], [1, 2], [1, 2], [1, 2], [2, 3]])

        tokens = ruler("a€b", "tokens", Bytes())
        assert tokens.count(0, 2) == 4
        assert tokens.reach(0, 3) == 1
        assert tokens.reach(1, 2) == 1
        assert tokens.back(3, 2) == 2

    def test_no_tokens(self):
        class Nothing:
            def offsets(self, text):
                return np.zeros((0, 2), dtype=np.int64)

        assert ruler("   ", "tokens", Nothing()).reach(0, 5) == 3


class TestGraphemes:
    def test_flags_are_counted_from_a_known_place(self):
        flags = "🇩🇪🇫🇷🇮🇹"
        assert [cluster_start(flags, at, 0) for at in range(7)] == [0, 0, 2, 2, 4, 4, 6]

    def test_clusters_longer_than_a_look(self):
        text = "a" + "\u0301" * 5000 + "b"
        assert cluster_end(text, 0) == 5001
        assert cluster_start(text, 4000, 0) == 0

    def test_line_break_of_two_is_one(self):
        assert joined("a\r\nb", 2)
        assert not joined("a\n\nb", 2)
        assert not joined("", 0)

    def test_short_cuts_agree_with_the_tables(self):
        cluster = regex.compile(r"\X")
        letters = [chr(code) for code in range(0x110000) if chr(code).isalpha()]
        for left in " \né":
            wrong = [c for c in letters if joined(left + c, 1) != bool(cluster.fullmatch(left + c))]
            assert wrong == []
        low = [chr(code) for code in range(0x600)]
        wrong = [c for c in low if joined(c + " ", 1) != bool(cluster.fullmatch(c + " "))]
        assert wrong == []

    @pytest.mark.parametrize("left", ["👩\u200d", "क्", "🇩", "a\u0301", "각", "ก"])
    def test_what_begins_a_cluster_does_so_after_anything(self, left):
        begins = [chr(c) for c in range(0x10000) if _BEGINNER.fullmatch(chr(c))]
        assert len(begins) > 30_000
        texts = (left + letter for letter in begins)
        wrong = [text for text in texts if len(regex.findall(r"\X", text)) != 2]
        assert wrong == []
