"""Pairs, tokens, maps, guesses and files of the similarity page, without a browser."""

import csv
import io
import runpy
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_core import Cancelled
from rag_core.embedders import open_embedder
from rag_core.similarity import similarity_matrix
from rag_core.similarity_lab.examples import MOST_TEXTS, PROBLEM_1, texts_from
from rag_core.similarity_lab.export import as_python, map_csv, matrix_csv, pairs_csv
from rag_core.similarity_lab.maps import clusters, draw_map, kept_neighbours, neighbours
from rag_core.similarity_lab.pairs import (
    all_pairs,
    beyond_words,
    disagreements,
    only_words,
    rank_correlation,
    word_overlap,
)
from rag_core.similarity_lab.room import Guess, Room, mean_error
from rag_core.similarity_lab.tokens import MOST_TOKENS, token_table


def blobs(count: int, groups: int = 4, dimension: int = 32, seed: int = 0):
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % groups
    made = rng.normal(size=(groups, dimension))[labels] + 0.2 * rng.normal(size=(count, dimension))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32), labels


# -- texts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("one\ntwo\n", ["one", "two"]),
        ("one\nmore of it\n\ntwo", ["one more of it", "two"]),
        ("  \n \t\n", []),
        ("a\r\nb", ["a", "b"]),
        ("same\nsame", ["same", "same"]),
    ],
)
def test_texts_are_lines_or_paragraphs(typed, found):
    assert texts_from(typed) == found


def test_no_more_texts_than_can_be_shown():
    assert len(texts_from("\n".join(map(str, range(500))))) == MOST_TEXTS


# -- pairs --------------------------------------------------------------------------------------


def test_word_overlap_by_pencil():
    assert word_overlap("The snakes bite", "A snake sleeps") == pytest.approx(1 / 3)
    assert word_overlap("the of", "the of") == 0.0
    assert word_overlap("Über Café", "über café") == 1.0


TEXTS = ("red boat", "red boat", "red car", "blue sky")
MATRIX = np.array(
    [[1, 0.9, 0.1, 0.5], [0.9, 1, 0.2, 0.4], [0.1, 0.2, 1, 0.3], [0.5, 0.4, 0.3, 1]],
    dtype=np.float32,
)


def test_pairs_come_most_alike_first_with_their_surprise():
    pairs = all_pairs(TEXTS, MATRIX)
    assert [(pair.first, pair.second) for pair in pairs] == [
        (0, 1), (0, 3), (1, 3), (2, 3), (1, 2), (0, 2),
    ]  # fmt: skip
    assert [round(pair.overlap, 2) for pair in pairs] == [1.0, 0.0, 0.0, 0.0, 0.33, 0.33]
    # places among six: cosine 0.8 of the way up, overlap (tied with two others) 0.2
    assert pairs[1].surprise == pytest.approx(0.8 - 0.2)
    assert [(p.first, p.second) for p in beyond_words(pairs, 1)] == [(0, 3)]
    assert [(p.first, p.second) for p in only_words(pairs, 9)] == [(0, 2), (1, 2)]


def test_a_matrix_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"3 texts.*\(4, 4\)"):
        all_pairs(TEXTS[:3], MATRIX)


@given(st.lists(st.text(alphabet="ab c\u00e9", max_size=12), max_size=8))
def test_overlaps_of_all_pairs_equal_those_one_by_one(texts):
    matrix = np.eye(len(texts), dtype=np.float32)
    for pair in all_pairs(texts, matrix):
        assert pair.overlap == pytest.approx(word_overlap(texts[pair.first], texts[pair.second]))


def test_two_models_disagree_by_rank_not_by_scale():
    assert rank_correlation(MATRIX, MATRIX * 0.5) == pytest.approx(1.0)
    assert rank_correlation(MATRIX, -MATRIX) == pytest.approx(-1.0)
    assert rank_correlation(MATRIX, np.ones_like(MATRIX)) == 0.0
    theirs = MATRIX.copy()
    theirs[0, 1] = theirs[1, 0] = 0.0
    first, second, difference = disagreements(MATRIX, theirs)[0]
    assert (first, second) == (0, 1)
    assert difference == pytest.approx(1.0)


# -- tokens -------------------------------------------------------------------------------------


def test_tokens_find_their_like(hash_embedder):
    table = token_table("red boat", "a boat sails", hash_embedder)
    assert table.rows == ("red", "boat")
    assert table.columns == ("a", "boat", "sails")
    best = table.matches()[0]
    assert (best.first, best.second) == (1, 1)
    assert best.similarity == pytest.approx(1.0, abs=1e-5)
    assert not table.cut


def test_long_and_empty_texts(hash_embedder):
    long = token_table("word " * 100, "", hash_embedder)
    assert len(long.rows) == MOST_TOKENS
    assert long.cut
    assert long.matches() == []


def test_the_same_word_in_another_sentence_is_another_vector(embedder):
    table = token_table(PROBLEM_1[0], PROBLEM_1[4], embedder)
    row, column = table.rows.index("Python"), table.columns.index("Python")
    assert 0.4 < table.matrix[row, column] < 0.99


# -- maps ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "dimensions"), [("PCA", 2), ("PCA", 3), ("t-SNE", 2)])
def test_a_map_keeps_groups_apart_and_is_the_same_twice(method, dimensions):
    vectors, labels = blobs(80)
    drawn = draw_map(vectors, method=method, dimensions=dimensions)
    assert drawn.points.shape == (80, dimensions)
    centres = np.stack([drawn.points[labels == group].mean(axis=0) for group in range(4)])
    nearest = np.linalg.norm(drawn.points[:, None] - centres, axis=2).argmin(axis=1)
    assert np.mean(nearest == labels) > 0.9
    again = draw_map(vectors, method=method, dimensions=dimensions)
    assert np.allclose(drawn.points, again.points, atol=1e-4)
    landed = drawn.place(vectors[:1])[0]
    assert np.linalg.norm(landed - drawn.points[0]) < 0.25 * np.ptp(drawn.points)


def test_pca_by_pencil():
    vectors = np.array([[0, 0, 5], [2, 0, 5], [4, 1, 5], [6, 0, 5]], dtype=np.float32)
    drawn = draw_map(vectors)
    assert drawn.kept == pytest.approx(1.0)
    assert np.allclose(np.linalg.norm(drawn.points[0] - drawn.points[3]), 6.0, atol=1e-5)
    assert draw_map(vectors[:1]).points.shape == (1, 2)


def test_a_map_can_be_stopped():
    seen = []

    def stop(progress):
        seen.append(progress)
        if len(seen) == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        draw_map(blobs(60)[0], method="t-SNE", on_progress=stop)
    assert [step.done for step in seen] == sorted(step.done for step in seen)
    assert seen[-1].done < seen[-1].total


@pytest.mark.parametrize(
    ("options", "said"),
    [({"method": "magic"}, "PCA, t-SNE"), ({"dimensions": 4}, "2 or 3 dimensions, not 4")],
)
def test_a_wrong_map_is_refused(options, said):
    with pytest.raises(ValueError, match=said):
        draw_map(blobs(8)[0], **options)


def test_few_points_and_equal_points_still_make_a_map():
    for count in (1, 2, 4):
        assert draw_map(blobs(count)[0], method="t-SNE").points.shape == (count, 2)
    same = np.tile(blobs(1)[0], (10, 1))
    assert np.isfinite(draw_map(same).points).all()
    assert draw_map(same).kept == 1.0


def test_neighbours_tell_their_true_rank_and_that_on_the_map():
    vectors = np.eye(3, dtype=np.float32)
    points = np.array([[5, 0], [0, 0], [1, 0]], dtype=np.float32)
    query = np.array([0.9, 0.3, 0.1], dtype=np.float32)
    found = neighbours(vectors, query, points, np.array([0.0, 0.0]), k=2)
    assert [(n.row, n.rank, n.map_rank) for n in found] == [(0, 1, 3), (1, 2, 1)]
    assert found[0].map_distance == pytest.approx(5.0)


def test_a_map_says_how_many_neighbours_it_keeps():
    vectors, _ = blobs(100, dimension=2)
    assert kept_neighbours(vectors, vectors) == 1.0
    assert kept_neighbours(vectors, np.random.default_rng(0).normal(size=(100, 2))) < 0.4
    assert kept_neighbours(vectors[:1], vectors[:1]) == 1.0


def test_clusters_find_the_groups():
    vectors, labels = blobs(120)
    found = clusters(vectors, count=4)
    assert len({(a, b) for a, b in zip(found.tolist(), labels.tolist(), strict=True)}) == 4
    sizes = np.bincount(clusters(vectors, count=6))
    assert (np.diff(sizes) <= 0).all()
    assert clusters(vectors[:2], count=8).max() <= 1


# -- the room -----------------------------------------------------------------------------------


def test_a_room_keeps_every_guess_of_many_threads():
    room = Room()
    threads = [
        threading.Thread(target=lambda: [room.add(Guess("a", "b", 0.5, 0.1)) for _ in range(50)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(room.guesses()) == 400
    assert mean_error(room.guesses()) == pytest.approx(0.4)
    room.clear()
    assert mean_error(room.guesses()) is None
    with pytest.raises(ValueError, match="not 2"):
        room.add(Guess("a", "b", 2, 0))


# -- files --------------------------------------------------------------------------------------


def rows_of(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))


def test_the_matrix_as_csv_is_no_formula():
    texts = ["=1+1", 'said "no"\nand left']
    rows = rows_of(matrix_csv(texts, np.array([[1, -0.5], [-0.5, 1]], dtype=np.float32)))
    assert rows[0] == ["", "'=1+1", texts[1]]
    assert rows[1] == ["'=1+1", "1.000000", "-0.500000"]


def test_pairs_and_points_as_csv():
    rows = rows_of(pairs_csv(TEXTS, all_pairs(TEXTS, MATRIX)))
    assert rows[1][:4] == ["red boat", "red boat", "0.900000", "1.000000"]
    points = np.array([[1, 2, 3]], dtype=np.float32)
    assert rows_of(map_csv(["id"], ["@a.txt"], ["0"], points)) == [
        ["chunk", "document", "group", "x", "y", "z"],
        ["id", "'@a.txt", "0", "1.000000", "2.000000", "3.000000"],
    ]


def test_the_script_prints_this_matrix(tmp_path, capsys):
    texts = ["a 'quoted' text", 'and """three"""\\n']
    script = tmp_path / "script.py"
    script.write_text(as_python(texts, "words:256", "cosine"), encoding="utf-8")
    made = runpy.run_path(str(script))
    vectors = open_embedder("words:256").embed_documents(texts)
    assert made["texts"] == texts
    assert np.array_equal(made["matrix"], similarity_matrix(vectors))
    assert "quoted" in capsys.readouterr().out


# -- the model that knows only words ------------------------------------------------------------


def test_words_know_no_meaning():
    words = open_embedder("words:4096")
    vectors = words.embed_documents(["a red boat", "red is a boat", "crimson ship", ""])
    matrix = similarity_matrix(vectors)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert matrix[0, 1] > 0.8
    assert abs(matrix[0, 2]) < 0.01
    assert np.array_equal(words.embed_query("crimson ship"), vectors[2])
    assert words.embed_documents([]).shape == (0, 4096)


@pytest.mark.parametrize("name", ["words:", "words:ten", "words:8", "words:99999", "words:-64"])
def test_words_need_a_number(name):
    with pytest.raises(ValueError, match="words: takes"):
        open_embedder(name)
