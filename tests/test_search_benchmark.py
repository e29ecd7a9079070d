"""The figures of the search benchmark, by pencil; and its reading of a BEIR folder."""

import json

import pytest

from benchmarks import search
from benchmarks.search_quality import Collection, read_beir, read_samples, score
from benchmarks.search_quality import relevant_chunks as relevant
from rag_core.datatypes import Chunk, Document


def test_relevant_chunks_hold_the_whole_passage_or_most_of_it():
    document = Document.from_text("a", "x" * 100)
    first, second, third = (
        Chunk.cut(document, n, *span) for n, span in enumerate([(0, 40), (30, 70), (70, 100)])
    )
    every = [first, second, third]
    assert relevant(every, 32, 38) == [first.id, second.id]
    assert relevant(every, 60, 90) == [third.id]
    assert relevant(every, 60, 80) == [second.id]  # as much in both: the first
    assert relevant([first], 60, 80) == []


def test_a_beir_folder_is_read_as_its_files_say(tmp_path):
    corpus = [
        {"_id": "d1", "title": "Tides", "text": "The sea rises."},
        {"_id": "d2", "title": "", "text": "The sea falls.", "metadata": {}},
    ]
    queries = [{"_id": f"q{n}", "text": f"question {n}"} for n in range(4)]
    for name, rows in (("corpus", corpus), ("queries", queries)):
        lines = [json.dumps(row) for row in rows]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    (tmp_path / "qrels").mkdir()
    judgements = ["query-id\tcorpus-id\tscore", "q2\td1\t2", "q2\td2\t1", "q1\td2\t0", "q0\td2\t1"]
    (tmp_path / "qrels" / "test.tsv").write_text("\n".join(judgements), encoding="utf-8")

    read = read_beir(tmp_path)
    assert [(chunk.id, chunk.text) for chunk in read.chunks] == [
        ("d1", "Tides\n\nThe sea rises."),
        ("d2", "The sea falls."),
    ]
    assert read.questions == {"q2": "question 2", "q0": "question 0"}
    assert read.judged == {"q2": {"d1": 2.0, "d2": 1.0}, "q0": {"d2": 1.0}}
    assert read_beir(tmp_path, 1).questions == {"q2": "question 2"}


def test_scores_are_means_over_the_questions():
    collection = Collection("c", [], {"1": "x", "2": "y"}, {"1": {"a": 1.0}, "2": {"b": 1.0}})
    assert score(collection, lambda question: ["a"]) == (0.5, 0.5)


def test_every_answerable_question_of_the_samples_has_a_relevant_chunk():
    read = read_samples(search.ROOT)
    assert len(read.questions) >= 40
    ids = {chunk.id for chunk in read.chunks}
    assert all(judged and set(judged) <= ids for judged in read.judged.values())


def test_the_slope_is_the_exponent_of_growth():
    assert search.slope([1, 10, 100], [2, 2, 2]) == pytest.approx(0)
    assert search.slope([1, 10, 100], [3, 30, 300]) == pytest.approx(1)
    assert search.slope([2, 4], [1, 4]) == pytest.approx(2)


def test_promises_compare_with_the_named_peer():
    row = {"build": 3.0, "build bm25s": 2.0, "query": 1.0, "bm25s": 0.5, "rank-bm25": 49.0}
    assert [kept for _, _, kept in search.promises(row)] == [True, False, False]
    row |= {"vector": 1.3, "bare Chroma": 1.0}
    assert [kept for _, _, kept in search.promises(row)][-1] is False


def test_the_made_up_library_is_the_same_every_time():
    one, two = search.Library(30), search.Library(30)
    assert one.chunks == two.chunks
    assert one.draw(6) == two.draw(6)
    assert all(60 <= len(chunk.text.split()) < 140 for chunk in one.chunks)
    counts = [chunk.text.split().count(one.words[0]) for chunk in one.chunks]
    assert sum(counts) > 30  # the commonest word is in every chunk about ten times
