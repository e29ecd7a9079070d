"""Sentences: what is one, in which script, and that the offsets are exact."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_core.sentences import last_sentence_break, plain_lines, sentence_spans


def sentences(text):
    return [text[start:end] for start, end in sentence_spans(text)]


WHOLE = [
    "Dr. Smith paid 3.5 USD.",
    "J. K. Rowling wrote it.",
    "The U.S. Army left at 5 p.m. sharp.",
    "See Fig. 3, No. 5 and vol. 2, p. 17 for it.",
    "They sold tools, e.g. saws, i.e. what cuts.",
    "Apple Inc. said so.",
    "Version v. 1.2 is at https://example.org/a.b?c=1.5 now.",
    "“Really?” he asked, and left.",
    "Wait… what.",
    "He came on Jan. 5 to St. Gallen with Mrs. Miller.",
    "Am 3. Oktober 1990 war es z. B. in Berlin kalt.",
    "M. Dupont? non, dit Mme. Bovary.",
    "「行く。」と言った。",
    "Wrapped prose goes on\nin the next line, and\nin the next.",
    "It fell by 0.5 and rose by .5 again.",
]


@pytest.mark.parametrize("text", WHOLE)
def test_is_one_sentence(text):
    assert sentences(text) == [text]


PARTED = {
    "plain": ["He came.", "She left!", "Why?"],
    "both marks": ["Really?!", "Yes."],
    "closing quote": ["“Go.”", "She went."],
    "closing bracket": ["(It rained.)", "We stayed."],
    "footnote": ["It rained.[12]", "We stayed."],
    "after a decimal": ["It cost 3.5.", "That is dear."],
    "country": ["I was in the U.S.", "The flight was long."],
    "et cetera": ["Salt, flour etc.", "The rest is missing."],
    "year": ["That was in 1999.", "Then he left."],
    "ellipsis": ["He waited...", "Nothing came."],
    "german": ["„Gut.“", "Dann ging er."],
    "french": ["Il dit : « Bonjour. »", "Puis il partit."],
    "spanish": ["¿Vienes?", "¡No!"],
    "russian": ["Он пришёл.", "Она ушла."],
    "greek": ["Ποιος είναι\u037e", "Εγώ."],
    "arabic": ["هل جئت؟", "نعم جئت."],
    "urdu": ["وہ آیا۔", "وہ گیا۔"],
    "hindi": ["वह गया।", "वह आया॥", "फिर"],
    "armenian": ["Նա եկավ։", "Նա գնաց։"],
    "amharic": ["መጣ።", "ሄደ።"],
    "georgian": ["ის მოვიდა.", "ის წავიდა."],
    "burmese": ["သူလာသည်။", "သူသွားသည်။"],
    "khmer": ["គាត់មក។", "គាត់ទៅ។"],
    "korean": ["그는 왔다.", "그녀는 갔다."],
}


@pytest.mark.parametrize("parts", PARTED.values(), ids=PARTED)
def test_ends_a_sentence(parts):
    assert sentences(" ".join(parts)) == parts


def test_scripts_without_spaces_need_none_after_the_stop():
    assert sentences("我去。你来！好吗？") == ["我去。", "你来！", "好吗？"]
    assert sentences("「はい。」彼は行った。") == ["「はい。」", "彼は行った。"]


def test_blank_line_ends_a_sentence_even_after_an_abbreviation():
    assert sentences("by Dr.\n\nSmith") == ["by Dr.", "Smith"]
    assert sentences("no stop here\r\n \r\nnext") == ["no stop here", "next"]


def test_list_items_headings_and_rows_end_at_their_line():
    text = "# Tools\n1. Saw\n2. Axe. Sharp.\n- rope\n| a | b |\n| c | d |"
    parts = ["# Tools", "1. Saw", "2. Axe.", "Sharp.", "- rope", "| a | b |", "| c | d |"]
    assert sentences(text) == parts


def test_title_line_stands_apart_from_the_prose_below():
    prose = "This prose is long enough to make the line above it look like a title of it."
    assert sentences(f"The title\n{prose}") == ["The title", prose]


def test_line_longer_than_anyone_wraps_ends_with_its_break():
    line = "word " * 50 + "end"
    assert sentences(f"{line}\nnext line") == [line, "next line"]


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\u2003\r\n\t"])
def test_white_space_has_no_sentences(text):
    assert sentence_spans(text) == []


def test_every_line_break_counts_and_no_offset_moves():
    text = "a\r\nb\rc\u2029d\x85e\fz"
    assert plain_lines(text) == "a \nb\nc\nd\ne\nz"


def test_finds_the_last_break_in_a_window():
    text = "One. Two. Three. Four."
    assert last_sentence_break(text, 0, 12) == text.index("Three")
    assert last_sentence_break(text, 5, 8) == -1


ANY = st.text(
    st.one_of(st.sampled_from(".!?…。।؟ \n\r\t\"'”)»["), st.characters(codec="utf-8")), max_size=200
)


@given(ANY)
def test_spans_cover_everything_in_order(text):
    spans = sentence_spans(text)
    after = 0
    for start, end in spans:
        assert after <= start < end
        assert not text[after:start].strip()
        assert text[start:end] == text[start:end].strip()
        after = end
    assert not text[after:].strip()


@pytest.mark.parametrize(
    "unit",
    [".", "a.", ". ", 'a."', '"', " ", "\n", "a\n", "A. ", ". »", "。", "[1]", "a \r\n", "("],
)
def test_no_text_takes_more_than_its_length(unit):
    # Two million characters of what backtracking hates; a quadratic search would never end.
    text = unit * (2_000_000 // len(unit))
    spans = sentence_spans(text)
    assert sum(end - start for start, end in spans) <= len(text)
