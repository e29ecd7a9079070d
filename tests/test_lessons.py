"""The lessons: every answer is computed here with the real model, on the samples."""

from pathlib import Path

import pytest

from rag_core import RagPipeline
from rag_core.lessons import LESSONS, Bench, Votes
from rag_core.lessons.lesson import View, place_of
from rag_core.lessons.scenes import MOST, Scene, Scenes, view_from

ROOT = Path(__file__).resolve().parent.parent
TRUE = {
    "Vectors and angles": "The cosine",
    "Embeddings: near in meaning": "The Amazon jungle is home to many species.",
    "Chunking: where the cut goes": "About half",
    "Exact and approximate": "Two or three",
    "Hybrid search and fusion": "Beyond the twentieth",
    "Reranking: reading again": "To the first place",
    "Grounded answers": "It says that the documents do not tell",
    "Drift and rebuild": "Hardly any",
}


@pytest.fixture(scope="module")
def bench(embedder):
    return Bench(embedder, ROOT / "samples")


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.title)
def test_the_answer_is_computed(lesson, bench):
    reveal = lesson.compute(bench)
    assert lesson.choices[reveal.choice] == TRUE[lesson.title]
    assert reveal.said
    assert 2 <= len(reveal.rows) <= 5
    assert any(row.marked for row in reveal.rows)


def test_another_model_gives_other_numbers_by_the_same_functions(hash_embedder):
    other = Bench(hash_embedder, ROOT / "samples")
    found = [lesson.compute(other) for lesson in LESSONS]
    for lesson, reveal in zip(LESSONS, found, strict=True):
        assert 0 <= reveal.choice < len(lesson.choices)
    # Hashed words see the catalogue number that the real model is blind to.
    assert LESSONS[4].choices[found[4].choice] != TRUE[LESSONS[4].title]


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.title)
def test_each_has_something_to_say(lesson):
    assert 3 <= len(lesson.choices) <= 5
    assert len(set(lesson.choices)) == len(lesson.choices)
    assert lesson.question.endswith("?")
    assert len(lesson.why) > 150
    assert lesson.notes


def test_what_the_texts_say_about_the_samples_is_so(bench):
    assert len(bench.documents) == 13
    assert sum(bool(question["spans"]) for question in bench.questions) == 48
    assert bench.question("code-05")["question"] in LESSONS[4].shows
    assert bench.question("para-11")["question"] in LESSONS[5].shows
    assert bench.question("none-05")["question"] in LESSONS[6].shows
    assert bench.question("none-05")["kind"] == "unanswerable"


def test_the_closer_reading_that_the_notes_admit_really_fails(bench):
    from rag_core.lessons.bench import hits
    from rag_core.rerankers import LateInteractionReranker

    question = bench.question("fact-12")
    before = bench.by_both(question["question"])[:20]
    after = LateInteractionReranker(bench.tokens).rerank(question["question"], hits(before))
    assert bench.rank([hit.chunk for hit in after], question) > bench.rank(before, question)


def test_without_samples_it_says_where_they_belong(hash_embedder, tmp_path):
    from rag_core import SettingsError

    with pytest.raises(SettingsError, match="not there"):
        LESSONS[2].compute(Bench(hash_embedder, tmp_path))


def test_a_place_among_bounds():
    assert [place_of(value, (2, 6, 21)) for value in (1, 2, 5, 6, 20, 21)] == [0, 1, 1, 2, 2, 3]


def test_one_vote_a_voter_and_the_last_one_counts():
    votes = Votes()
    assert votes.cast(3, "ann", 0)
    assert votes.cast(3, "bob", 1)
    assert votes.cast(3, "ann", 1)
    assert votes.counts(3, 4) == (0, 2, 0, 0)
    assert votes.of(3, "ann") == 1
    assert votes.of(4, "ann") is None
    assert votes.counts(4, 2) == (0, 0)
    votes.clear()
    assert votes.counts(3, 4) == (0, 0, 0, 0)


def test_votes_are_bounded():
    votes = Votes(most=2)
    assert [votes.cast(1, name, 0) for name in "abc"] == [True, True, False]
    assert votes.cast(1, "a", 1)
    with pytest.raises(ValueError, match="not -1"):
        votes.cast(1, "a", -1)


def test_votes_of_many_threads_all_count():
    from concurrent.futures import ThreadPoolExecutor

    votes = Votes()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: votes.cast(1, str(n), n % 2), range(1_000)))
    assert votes.counts(1, 2) == (500, 500)


PAGES = ("search", "chat")


def test_scenes_outlive_the_program(tmp_path, hash_embedder):
    view = View("search", (("q", "tea & ☕"), ("methods", "keyword"), ("methods", "vector")))
    with RagPipeline.open(tmp_path / "home", embedder=hash_embedder) as pipeline:
        scenes = Scenes(pipeline.home.settings)
        assert scenes.list() == []
        scenes.add(Scene("Tea", view))
        scenes.add(Scene("Chat", View("chat")))
        scenes.add(Scene("Tea", View("search", (("q", "tea"),))))
    with RagPipeline.open(tmp_path / "home", embedder=hash_embedder) as pipeline:
        scenes = Scenes(pipeline.home.settings)
        assert [scene.title for scene in scenes.list()] == ["Tea", "Chat"]
        assert scenes.list()[0].view.query == (("q", "tea"),)
        scenes.remove("Tea")
        scenes.remove("never there")
        assert [scene.title for scene in scenes.list()] == ["Chat"]
        assert "" not in pipeline.home.catalog.collections()
        with pytest.raises(ValueError, match="title"):
            scenes.add(Scene("  ", view))
        for number in range(MOST - 1):
            scenes.add(Scene(str(number), view))
        with pytest.raises(ValueError, match="the most"):
            scenes.add(Scene("one more", view))


def test_a_scene_is_read_off_an_address():
    assert view_from("http://x:8501/search?q=a%20b&methods=k&methods=v", PAGES) == View(
        "search", (("q", "a b"), ("methods", "k"), ("methods", "v"))
    )
    assert view_from(" chat ", PAGES) == View("chat")
    assert view_from("https://host/below/chat/?q=", PAGES) == View("chat", (("q", ""),))


@pytest.mark.parametrize(
    "address", ["", "http://x/", "javascript:alert(1)", "http://x/admin?q=1", "search" * 999]
)
def test_an_address_of_no_page_is_refused(address):
    with pytest.raises(ValueError, match=r"no page|too long"):
        view_from(address, PAGES)
