"""Two lanes: settings, who is A, indexes of a lane's own, the race, its evidence, the votes."""

import json
import threading

import pytest
from chat_server import chat_server

from rag_core import Cancelled, Chunk, Document, RagPipeline, SearchHit
from rag_core.access import acting_as
from rag_core.errors import HomeError
from rag_core.generators.chat import ChatGenerator
from rag_core.generators.choice import ModelChoice
from rag_core.generators.extractive import ExtractiveGenerator
from rag_core.generators.prices import price_usd
from rag_core.generators.settings import ChatSettings
from rag_core.two_lanes import (
    CHUNKINGS,
    Ballot,
    LaneSettings,
    RaceProgress,
    Shelf,
    Vote,
    compare,
    distinct_labels,
    run_race,
    swapped,
    wins,
)

BOAT = "The boat carries salt. It was built in 1889 by Ada Quill. "
CART = "The cart carries wool. Two oxen pull it to the market. "
QUESTION = "Which load does the boat carry, salt?"


@pytest.fixture
def pipeline(tmp_path, hash_embedder):
    with RagPipeline.open(tmp_path / "home", embedder=hash_embedder) as opened:
        opened.ingest(
            [
                Document.from_text("boat.txt", "\n\n".join([BOAT * 6] * 3), metadata={"year": 7}),
                Document.from_text("cart.txt", "\n\n".join([CART * 6] * 3)),
            ]
        )
        yield opened


def quoted(pipeline):
    return ExtractiveGenerator(pipeline.tokens())


def race(pipeline, *lanes, on_progress=lambda step: None, question=QUESTION, shelf=None):
    return run_race(
        pipeline, question, lanes, shelf=shelf or Shelf(), on_progress=on_progress
    )  # fmt: skip


# -- settings -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "known"),
    [
        ({"chunking": "diced"}, "as indexed"),
        ({"mode": "psychic"}, "hybrid"),
        ({"rerank": "dice"}, "late-interaction"),
        ({"k": 0}, "at least 1"),
    ],
)
def test_settings_that_cannot_work_say_what_can(wrong, known):
    with pytest.raises(ValueError, match=known):
        LaneSettings(**wrong)


def test_labels_tell_two_lanes_apart():
    first, second = LaneSettings(k=3), LaneSettings(k=10, rerank=None)
    assert distinct_labels(first, second) == (
        "k 3 · late-interaction",
        "k 10 · no reranker",
    )
    assert distinct_labels(first, first) == (first.label, first.label)


def test_who_is_a_is_a_coin_that_falls_the_same_way_everywhere():
    falls = [swapped(f"question {n}", seed) for n in range(200) for seed in (1, 2)]
    assert 150 < sum(falls) < 250
    assert falls == [swapped(f"question {n}", seed) for n in range(200) for seed in (1, 2)]
    falls = "".join("AB"[swapped("Who built it?", seed)] for seed in range(8))
    assert falls == "AAAABBAB"  # SHA-256 of the question and the seed, odd or even


# -- searching ------------------------------------------------------------------------------


@pytest.mark.parametrize("chunking", CHUNKINGS)
@pytest.mark.parametrize("mode", ["hybrid", "keyword"])
def test_every_chunking_finds_the_passage_and_keeps_its_place(pipeline, chunking, mode):
    lane = LaneSettings(k=2, mode=mode, chunking=chunking, rerank=None)
    result = Shelf().search(pipeline, lane, QUESTION, lambda step: None)
    texts = {info.id: pipeline.document(info.id).text for info in pipeline.documents()}
    for hit in result.hits:
        chunk = hit.chunk
        assert texts[chunk.document_id][chunk.start : chunk.end] == chunk.text
    assert result.hits[0].chunk.metadata["name"] == "boat.txt"
    assert result.hits[0].chunk.metadata["year"] == 7


def test_an_index_is_made_once_and_again_when_the_documents_change(pipeline):
    shelf, lane = Shelf(), LaneSettings(chunking="sentences", rerank=None)
    steps = []
    for _ in range(2):
        shelf.search(pipeline, lane, QUESTION, lambda step: steps.append(step.stage))
    assert steps.count("cutting") == 2  # a step a document
    pipeline.ingest([Document.from_text("raft.txt", "The raft carries salt and rope.")])
    found = shelf.search(pipeline, lane, "raft rope", lambda step: steps.append(step.stage))
    assert steps.count("cutting") == 5
    assert found.hits[0].chunk.text == "The raft carries salt and rope."


def test_the_shelf_holds_few_and_the_collection_is_never_touched(pipeline):
    before = pipeline.store().count()
    shelf = Shelf(most=1)
    for chunking in ("sentences", "paragraphs", "sentences"):
        lane = LaneSettings(chunking=chunking, rerank=None)
        shelf.search(pipeline, lane, QUESTION, lambda step: None)
    assert len(shelf._kept) == 1
    assert pipeline.store().count() == before


def test_embedding_for_a_lane_can_be_stopped(pipeline):
    def stop(step):
        if step.stage == "embedding":
            raise Cancelled

    shelf = Shelf()
    with pytest.raises(Cancelled):
        shelf.search(pipeline, LaneSettings(chunking="sentences"), QUESTION, stop)
    assert not shelf._kept


# -- the race -------------------------------------------------------------------------------


def test_both_lanes_answer_and_report_what_it_took(pipeline):
    with chat_server(pieces=["Salt", " [1]."]) as server:
        chat = ModelChoice("server", ChatSettings("m", server.url)).chat()
        first, second = race(
            pipeline,
            (LaneSettings(k=1), quoted(pipeline)),
            (LaneSettings(k=3, mode="keyword", model="m"), chat),
        )
    assert first.answer.model == "extractive"
    assert first.answer.text
    assert second.answer.text == "Salt [1]."
    assert [len(first.hits), len(second.hits)] == [1, 3]
    for report in (first, second):
        assert 0 < report.searching <= report.first <= report.seconds
        assert report.answer.prompt.tokens > report.answer.tokens > 0
        assert report.price_usd == 0.0
    assert len(server.requests[0]["messages"]) == 2


def test_text_comes_piece_by_piece_with_its_sources(pipeline):
    seen = []
    with chat_server(pieces=["Salt", " it", " is", " [1]."]) as server:
        chat = ModelChoice("server", ChatSettings("m", server.url)).chat()
        race(
            pipeline,
            (LaneSettings(model="m"), chat),
            on_progress=lambda step: seen.append(step) if isinstance(step, RaceProgress) else None,
        )
    answering = [step.reports[-1] for step in seen if step.stage == "answering"]
    assert [report.text for report in answering] == [
        "Salt", "Salt it", "Salt it is", "Salt it is [1].",
    ]  # fmt: skip
    assert all(report.sources for report in answering)


def test_a_lane_that_fails_says_so_keeps_its_text_and_the_other_goes_on(pipeline):
    with chat_server(break_after=1, delay=0.05) as server:
        chat = ModelChoice("server", ChatSettings("m", server.url)).chat()
        broken, whole = race(
            pipeline, (LaneSettings(model="m"), chat), (LaneSettings(), quoted(pipeline))
        )
    assert "half-way" in broken.error
    assert broken.hint
    assert broken.text == "Hello"
    assert broken.answer is None
    assert whole.answer is not None


def test_streaming_does_not_wait_for_the_whole_reply(pipeline):
    """The server sends its second piece only after the first one was reported."""
    shown, asked = threading.Event(), []

    class Piecewise(list):
        def __iter__(self):
            yield "Salt"
            asked.append(shown.wait(30))
            yield " [1]."

    def report(step):
        if isinstance(step, RaceProgress) and step.reports[-1].text == "Salt":
            shown.set()

    with chat_server(pieces=Piecewise()) as server:
        chat = ModelChoice("server", ChatSettings("m", server.url)).chat()
        (lane,) = race(pipeline, (LaneSettings(model="m"), chat), on_progress=report)
    assert asked == [True]
    assert lane.answer.text == "Salt [1]."


def test_a_race_can_be_stopped_while_an_answer_comes(pipeline):
    def stop(step):
        if step.stage == "answering":
            raise Cancelled

    with pytest.raises(Cancelled):
        race(pipeline, (LaneSettings(), quoted(pipeline)), on_progress=stop)


def test_a_race_can_be_stopped_while_a_model_says_nothing(pipeline):
    def stop(step):
        if step.stage == "waiting for the answer" and server.requests:
            raise Cancelled

    with chat_server(delay=50) as server:
        chat = ModelChoice("server", ChatSettings("m", server.url)).chat()
        with pytest.raises(Cancelled):
            race(pipeline, (LaneSettings(model="m"), chat), on_progress=stop)


def test_nothing_found_costs_nothing_and_asks_no_model(pipeline):
    with chat_server() as server:
        chat = ModelChoice("server", ChatSettings("m", server.url)).chat()
        (lane,) = race(
            pipeline,
            (LaneSettings(mode="keyword", rerank=None), chat),
            question="zebra?",
        )
    assert not lane.answer.found
    assert lane.price_usd == 0.0
    assert server.requests == []


def test_prices_are_known_at_openai_alone_and_never_guessed():
    assert price_usd(ChatGenerator(model="gpt-4o-mini"), 1_000_000, 500_000) == pytest.approx(0.45)
    assert price_usd(ChatGenerator(model="gpt-unheard-of"), 1, 1) is None
    here = ChatGenerator(model="gpt-4o", base_url="http://127.0.0.1:11434/v1")
    assert price_usd(here, 1000, 1000) == 0.0
    there = ChatGenerator(model="gpt-4o", base_url="https://models.example/v1")
    assert price_usd(there, 1000, 1000) is None


# -- evidence -------------------------------------------------------------------------------


def hit(document: Document, start: int, end: int, rank: int) -> SearchHit:
    return SearchHit(Chunk.cut(document, rank, start, end), rank, 1.0 / rank)


def test_evidence_is_compared_by_place_not_by_chunk():
    one, other = Document.from_text("a", "x" * 100), Document.from_text("b", "y" * 100)
    # 0..100 of one against two pieces of it, and one document that the first lane never found
    first = [hit(one, 0, 100, 1), hit(one, 0, 100, 2)]
    second = [hit(other, 0, 50, 1), hit(one, 0, 30, 2), hit(one, 60, 100, 3)]
    found = compare(first, second)
    assert [seen.share for seen in found.first] == [0.7, 0.7]
    assert [seen.share for seen in found.second] == [0.0, 1.0, 1.0]
    assert [seen.both for seen in found.second] == [False, True, True]
    assert found.first[0].rank_there == 3  # holds 40 of the characters, rank 2 only 30
    assert found.second[0].rank_there is None
    assert (found.both, found.only_first, found.only_second) == (70, 30, 50)


def test_evidence_of_nothing():
    found = compare([], [])
    assert (found.first, found.second, found.both) == ((), (), 0)


# -- votes ----------------------------------------------------------------------------------

LANES = ("k 3", "k 10")


def vote(question="Why?", voter="ada", lanes=LANES, **counts) -> Vote:
    return Vote("default", question, lanes, voter, **counts)


def test_votes_are_tallied_by_question_whichever_lane_is_named_first(tmp_path):
    ballot = Ballot(tmp_path)
    ballot.cast(vote(first=1))
    ballot.cast(vote(voter="bob", first=1))
    ballot.cast(vote(voter="eve", lanes=LANES[::-1], first=1))
    ballot.cast(vote("When?", first=2, second=9, even=1, voter="hands"))
    ballot.cast(vote("Where?", even=1))
    tallies = ballot.tallies("default", LANES)
    assert [(t.question, t.first, t.second, t.even, t.winner) for t in tallies] == [
        ("Why?", 2, 1, 0, 0), ("When?", 2, 9, 1, 1), ("Where?", 0, 0, 1, -1),
    ]  # fmt: skip
    assert wins(tallies) == (1, 1, 1)
    assert wins(ballot.tallies("default", LANES[::-1])) == (1, 1, 1)
    assert ballot.tallies("default", LANES[::-1])[0].first == 1
    assert ballot.tallies("other", LANES) == []


def test_a_second_vote_takes_the_place_of_the_first(tmp_path):
    ballot = Ballot(tmp_path)
    ballot.cast(vote(first=1))
    ballot.cast(vote(second=1))
    (tally,) = ballot.tallies("default", LANES)
    assert (tally.first, tally.second) == (0, 1)
    assert ballot.of(vote()).second == 1
    assert ballot.of(vote(voter="bob")) is None


def test_votes_are_kept_and_a_torn_line_loses_no_other(tmp_path):
    ballot = Ballot(tmp_path)
    ballot.cast(vote(first=1))
    ballot.cast(vote(second=1))
    with acting_as("viewer"):
        assert ballot.cast(vote(voter="guest", second=1))
    assert ballot.tallies("default", LANES)[0].second == 2
    file = tmp_path / "lane_votes.jsonl"
    with file.open("a") as appended:
        appended.write(json.dumps({"question": 3}) + '\n[]\n7\n{"collection": "defa')
    (kept,) = Ballot(tmp_path).tallies("default", LANES)
    assert (kept.first, kept.second) == (0, 1)


def test_a_vote_after_a_torn_line_is_kept(tmp_path):
    (tmp_path / "lane_votes.jsonl").write_text('{"collection": "defa')
    Ballot(tmp_path).cast(vote(first=1))
    assert [tally.first for tally in Ballot(tmp_path).tallies("default", LANES)] == [1]


def test_votes_that_cannot_be_are_refused(tmp_path):
    with pytest.raises(ValueError, match="from 0"):
        vote(first=-1)
    with pytest.raises(ValueError, match="characters"):
        vote("")
    (tmp_path / "lane_votes.jsonl").mkdir()
    with pytest.raises(HomeError):
        Ballot(tmp_path)


def test_a_full_ballot_takes_no_more(tmp_path, monkeypatch):
    monkeypatch.setattr("rag_core.two_lanes.ballot.MOST", 1)
    ballot = Ballot(tmp_path)
    assert ballot.cast(vote(first=1))
    assert not ballot.cast(vote(voter="bob", first=1))
    assert ballot.cast(vote(second=1))
