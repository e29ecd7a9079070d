"""BM25 against rank-bm25, by pencil, in tiny libraries, after updates; and what words become."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from rank_bm25 import BM25L, BM25Okapi, BM25Plus

from rag_core.bm25 import VARIANTS
from rag_core.datatypes import Chunk, Document
from rag_core.keyword import KeywordIndex
from rag_core.terms import ANALYZERS, Analyzer, languages, stop_words_of, terms

PEERS = {"okapi": BM25Okapi, "l": BM25L, "plus": BM25Plus}
WORDS = st.sampled_from("apple pear plum cherry quince medlar the of 漢字 漢字漢 ไทย".split())
TEXTS = st.lists(st.lists(WORDS, max_size=12).map(" ".join), min_size=1, max_size=9)
QUERIES = st.lists(WORDS, max_size=6).map(" ".join)


def chunk_of(name: str, text: str, **metadata: object) -> Chunk:
    document = Document.from_text(name, text)
    return Chunk.cut(document, 0, 0, len(text), metadata)


def chunks_of(*texts: str) -> list[Chunk]:
    return [chunk_of(f"{n}.txt", text) for n, text in enumerate(texts)]


def found(index: KeywordIndex, query: str) -> list[tuple[str, float]]:
    return [(hit.chunk.id, hit.score) for hit in index.search(query, k=max(1, len(index)))]


# -- the same scores as rank-bm25 -----------------------------------------------------------


@pytest.mark.parametrize("variant", PEERS)
@given(texts=TEXTS, query=QUERIES, k1=st.floats(0.1, 3), b=st.floats(0, 0.95))
def test_scores_are_those_of_rank_bm25(variant, texts, query, k1, b):
    chunks = chunks_of(*texts)
    corpus = [terms(text) for text in texts]
    assume(any(corpus))  # else rank-bm25 divides by zero, as it does for b = 1 and an empty chunk
    scores = PEERS[variant](corpus, k1=k1, b=b).get_scores(terms(query))
    expected = {
        chunk.id: score
        for chunk, words, score in zip(chunks, corpus, scores, strict=True)
        if set(words) & set(terms(query))
    }
    index = KeywordIndex(chunks, variant=variant, k1=k1, b=b)
    assert dict(found(index, query)) == pytest.approx(expected, abs=1e-5)


def test_scores_are_those_of_rank_bm25_on_many_chunks():
    rng = np.random.default_rng(3)
    texts = [" ".join(f"w{n}" for n in rng.zipf(1.3, 60) if n < 900) for _ in range(400)]
    for variant, peer in PEERS.items():
        index = KeywordIndex(chunks_of(*texts), variant=variant, stem=False)
        reference = peer([text.split() for text in texts])
        for query in ("w1 w2", "w7 w7 w30", "w899 nothing w3 w11 w12"):
            wanted = {
                chunk.id: score
                for chunk, score in zip(
                    chunks_of(*texts), reference.get_scores(query.split()), strict=True
                )
                if set(chunk.text.split()) & set(query.split())
            }
            assert dict(found(index, query)) == pytest.approx(wanted, abs=1e-5)


def test_the_floor_of_okapi_by_pencil():
    # "apple" is in 2 of 3: ln(1.5/2.5) < 0, so it gets a quarter of the mean idf
    index = KeywordIndex(chunks_of("apple pear", "apple", "plum"), variant="okapi", b=0)
    rare = math.log(2.5 / 1.5)
    floor = 0.25 * (math.log(1.5 / 2.5) + 2 * rare) / 3
    assert [score for _, score in found(index, "apple")] == pytest.approx([floor, floor])


def test_a_repeated_query_term_counts_again():
    index = KeywordIndex(chunks_of("apple pear", "apple", "plum"))
    once, thrice = dict(found(index, "apple")), dict(found(index, "apple apple apple"))
    assert thrice == pytest.approx({id_: 3 * score for id_, score in once.items()})


# -- law 5, law 4, tiny libraries -----------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("size", range(1, 11))
def test_a_term_matches_whatever_it_scores(variant, size):
    """In a library of one, rank-bm25's Okapi gives the only match a negative score."""
    texts = ["the tower was built in 1889", *(f"rain {n}" for n in range(size - 1))]
    index = KeywordIndex(chunks_of(*texts), variant=variant)
    assert [hit.chunk.text for hit in index.search("tower", k=3)] == texts[:1]
    assert index.search("cathedral", k=3) == []


@pytest.mark.parametrize("size", range(2, 11))
def test_in_tiny_libraries_the_default_puts_the_rarer_term_first_with_a_score(size):
    texts = ["harbour tower", *(["harbour"] * (size - 1))]
    hits = KeywordIndex(chunks_of(*texts)).search("tower harbour", k=size)
    assert hits[0].chunk.text == "harbour tower"
    assert all(hit.score > 0 for hit in hits)
    assert len(hits) == size


@pytest.mark.parametrize("variant", VARIANTS)
@given(texts=TEXTS, query=QUERIES, k=st.integers(1, 9))
def test_the_first_k_are_the_first_of_all_in_any_order_of_input(variant, texts, query, k):
    chunks = chunks_of(*texts)
    everything = found(KeywordIndex(chunks, variant=variant), query)
    assert everything == sorted(everything, key=lambda pair: (-pair[1], pair[0]))
    hits = KeywordIndex(chunks[::-1], variant=variant).search(query, k)
    assert [(hit.chunk.id, hit.score) for hit in hits] == everything[:k]
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))


def test_filtered_hits_are_the_best_of_those_that_match():
    chunks = [chunk_of(f"{n}.txt", "apple " * (n % 7 + 1), part=n % 3) for n in range(60)]
    index = KeywordIndex(chunks)
    everything = [hit for hit in index.search("apple", k=60) if hit.chunk.metadata["part"] == 1]
    hits = index.search("apple", k=5, where={"part": 1})
    assert [hit.chunk for hit in hits] == [hit.chunk for hit in everything[:5]]
    assert len(index.search("apple", k=60, where={"part": 1})) == 20


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"variant": "bm26"}, "lucene, okapi, l, plus"),
        ({"analyzer": "letters"}, "words, whitespace"),
        ({"language": "klingon"}, "german"),
        ({"k1": -1}, "not -1 and 0.75"),
        ({"b": 2}, "not 1.5 and 2"),
    ],
)
def test_settings_out_of_range_are_named(settings, named):
    with pytest.raises(ValueError, match=named):
        KeywordIndex([], **settings)


# -- explanations ---------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
@given(texts=TEXTS, query=QUERIES)
def test_the_parts_of_an_explanation_add_up_to_the_score(variant, texts, query):
    index = KeywordIndex(chunks_of(*texts), variant=variant)
    for hit in index.search(query, k=9):
        parts = index.explain(query, hit.chunk.id)
        assert sum(part.score for part in parts) == pytest.approx(hit.score, rel=1e-6, abs=1e-9)
        assert sum(part.repeats for part in parts) == len(terms(query))


def test_an_explanation_by_pencil():
    one, two, _ = chunks = chunks_of("apple apple pear", "apple plum", "cherry")
    (apple, pear, fig) = KeywordIndex(chunks).explain("apple pear apple fig", one.id)
    assert (apple.term, apple.repeats, apple.frequency, apple.found) == ("appl", 2, 2, 2)
    assert (apple.length, apple.mean_length) == (3, 2.0)
    assert apple.idf == pytest.approx(math.log(1 + 1.5 / 2.5))
    assert apple.score == pytest.approx(2 * apple.idf * 2 * 2.5 / (2 + 1.5 * (0.25 + 0.75 * 1.5)))
    assert (pear.frequency, pear.found) == (1, 1)
    assert (fig.frequency, fig.found, fig.idf, fig.score) == (0, 0, 0.0, 0.0)
    assert KeywordIndex(chunks).explain("pear", two.id)[0].score == 0.0
    with pytest.raises(KeyError):
        KeywordIndex(chunks).explain("pear", "unknown")


# -- updates --------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
@settings(max_examples=60)
@given(
    before=TEXTS,
    steps=st.lists(st.tuples(TEXTS, st.sets(st.integers(0, 12))), min_size=1, max_size=3),
    query=QUERIES,
)
def test_an_updated_index_is_one_made_anew(variant, before, steps, query):
    there = {chunk.id: chunk for chunk in chunks_of(*before)}
    index = KeywordIndex(there.values(), variant=variant)
    for added, gone in steps:
        earlier = found(index, query)
        leaving = [id_ for n, id_ in enumerate(sorted(there)) if n in gone]
        new = chunks_of(*added)
        after = index.updated(new, [*leaving, "unknown"])
        assert found(index, query) == earlier
        there = {id_: chunk for id_, chunk in there.items() if id_ not in leaving}
        there |= {chunk.id: chunk for chunk in new}
        index = after
        fresh = KeywordIndex(there.values(), variant=variant)
        assert found(index, query) == found(fresh, query)
        assert list(index) == list(fresh)
        for term in {*terms(query), *terms(" ".join(before))}:
            assert index.holds(term) == fresh.holds(term)
        assert [index.explain(query, id_) for id_ in there] == [
            fresh.explain(query, id_) for id_ in there
        ]


def test_an_update_cuts_only_what_is_new(monkeypatch):
    index = KeywordIndex(chunks_of("apple", "pear"))
    read = []
    words = Analyzer.words
    monkeypatch.setattr(
        Analyzer, "words", lambda self, text: read.append(text) or words(self, text)
    )
    index.updated(chunks_of("plum", "quince"), [])
    assert sorted(read) == ["plum", "quince"]


def test_an_update_may_change_metadata_alone():
    old, new = chunk_of("a.txt", "apple", page=1), chunk_of("a.txt", "apple", page=2)
    (hit,) = KeywordIndex([old]).updated([new]).search("apple", k=5)
    assert hit.chunk.metadata == {"page": 2}


# -- words ----------------------------------------------------------------------------------


def test_the_whitespace_analyzer_keeps_punctuation_on_its_word():
    assert Analyzer("whitespace")("The Cats' café, (1889).") == ["the", "cats'", "café,", "(1889)."]
    chunks = chunks_of("Built in 1889.", "Built later.")
    assert KeywordIndex(chunks, analyzer="whitespace").search("1889", k=5) == []
    assert len(KeywordIndex(chunks).search("1889", k=5)) == 1


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("german", "Die Häuser und das Haus", ["haus", "haus"]),
        ("french", "les chevaux du cheval", ["cheval", "cheval"]),
        ("russian", "книги и книгу", ["книг", "книг"]),
        ("spanish", "El niño y las niñas", ["niñ", "niñ"]),
        ("english", "the bridges", ["bridg"]),
    ],
)
def test_terms_of_other_languages(language, text, expected):
    assert terms(text, language=language) == expected


def test_switches_of_the_index():
    chunks = chunks_of("die Brücken", "the Brücke")
    assert len(KeywordIndex(chunks, language="german").search("Brücke", k=5)) == 2
    assert len(KeywordIndex(chunks, language="german", stem=False).search("Brücke", k=5)) == 1
    assert KeywordIndex(chunks, language="german").search("die", k=5) == []
    assert len(KeywordIndex(chunks, stop_words=False).search("the", k=5)) == 1


def test_every_language_has_a_stemmer_and_folded_stop_words():
    assert "english" in languages()
    assert not any("porter" in language for language in languages())
    for language in languages():
        assert all(isinstance(term, str) for term in terms("word Wort mot", language=language))
        assert all(word == word.casefold() for word in stop_words_of(language))
    assert stop_words_of("yiddish") == frozenset()
    assert "und" in stop_words_of("german")


@given(st.text(st.characters(codec="ascii"), max_size=60), st.sampled_from(ANALYZERS))
def test_ascii_texts_take_a_short_cut_to_the_same_words(text, kind):
    analyzer = Analyzer(kind)
    assert analyzer.words(text) == analyzer.words(f"{text} 漢")[:-1]


def test_the_full_stop_of_hindi_is_no_part_of_its_word():
    assert terms("पुराना पुल था। पुल॥", stop_words=False) == ["पुराना", "पुल", "था", "पुल"]
