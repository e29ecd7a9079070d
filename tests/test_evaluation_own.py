"""A collection's own questions: written, marked, from thumbs, and made by a model."""

import json
from dataclasses import asdict

import pytest
from chat_server import chat_server

from rag_core import Cancelled, Document, ModelError, SettingsError
from rag_core.conversations import Conversations
from rag_core.datatypes import Chunk, SearchHit
from rag_core.evaluation import (
    chat_questions,
    from_feedback,
    from_hit,
    generate_questions,
    load_questions,
    marked_question,
    written_question,
)
from rag_core.evaluation.datasets.generated import checked_reply
from rag_core.evaluation.datasets.written import as_lines, unanswerable_question
from rag_core.generators.chat import ChatGenerator
from rag_core.turns import CitedPlace, NewTurn

TEXT = "The tower was finished\nin 1889. It is made of iron. It is 330 metres high. It is red."
TOWER = Document.from_text("tower.txt", TEXT)


def test_a_pasted_passage_is_found_whatever_its_white_space():
    question = written_question(" When? ", "1889", TOWER, "was finished in  1889")
    (gold,) = question.golds
    assert TEXT[gold.start : gold.end] == gold.text == "was finished\nin 1889"
    assert (question.text, question.answers, question.kind) == ("When?", ("1889",), "written")


@pytest.mark.parametrize(
    ("question", "passage", "message"),
    [
        ("", "made of iron", "Question: it is empty"),
        ("Why?", " ", "Passage: it is empty"),
        ("Why?", "made of wood", "Passage: it does not stand in tower.txt"),
        ("Why?", "It is", "Passage: it stands 3 times"),
    ],
)
def test_what_is_wrong_with_a_question_names_its_field(question, passage, message):
    with pytest.raises(SettingsError, match=message) as found:
        written_question(question, "", TOWER, passage)
    assert found.value.hint


def test_a_marked_passage_leaves_out_the_space_around_it():
    start = TEXT.index(" made")
    question = marked_question("Of what?", "", TOWER, start, start + len(" made of iron"))
    assert question.golds[0].text == "made of iron"
    assert question.answers == ()
    with pytest.raises(SettingsError, match="nothing is marked"):
        marked_question("Of what?", "", TOWER, start, start + 1)


def test_questions_come_back_from_their_lines(tmp_path):
    given = [
        written_question("When?", "1889", TOWER, "in 1889"),
        unanswerable_question("Who painted it?"),
    ]
    named = [type(each)(f"q{n}", *list(_fields(each))[1:]) for n, each in enumerate(given)]
    (tmp_path / "own.jsonl").write_text(as_lines(named))
    found = load_questions(tmp_path / "own.jsonl", documents=[TOWER]).questions
    assert [(q.id, q.text, q.golds, q.answers, q.answerable) for q in found] == [
        (q.id, q.text, q.golds, q.answers, q.answerable) for q in named
    ]


def _fields(question):
    return (getattr(question, name) for name in type(question).__dataclass_fields__)


def test_a_thumb_on_a_hit_is_one_question_however_often():
    first, second = (
        SearchHit(Chunk.cut(TOWER, n, *at, {"name": "tower.txt"}), 1, 1.0)
        for n, at in enumerate([(0, 31), (32, 52)])
    )
    question = from_hit("when finished", first)
    assert question == from_hit("when finished", first)
    assert question.golds[0].text == TEXT[:31]
    assert question.id not in {from_hit("when finished", second).id, from_hit("when", first).id}


def test_thumbs_in_chat_become_questions_about_what_was_cited(tmp_path):
    kept = Conversations(tmp_path)
    place = CitedPlace(1, TOWER.id, "tower.txt", 0, 31, TEXT[:31])
    for collection, thumb, cited in (
        ("default", 1, (place,)),
        ("default", -1, (place,)),
        ("default", 1, ()),
        ("other", 1, (place,)),
    ):
        turn = kept.add(
            kept.start(collection),
            NewTurn(f"And when? {thumb}{len(cited)}", "In 1889 [1].", cited, standalone="When?"),
        )
        kept.rate(turn.id, thumb)
    kept.close()
    (question,) = chat_questions(tmp_path, "default")
    assert question.text == "When?"
    assert asdict(question.golds[0]) == {
        "document": "tower.txt",
        "start": 0,
        "end": 31,
        "text": TEXT[:31],
    }
    assert len(chat_questions(tmp_path, "other")) == 1
    assert chat_questions(tmp_path / "nowhere", "default") == []
    assert from_feedback('nonsense\n{"thumb": 1}\n[]\n', "default") == []


# -- made by a model -----------------------------------------------------------------------------

GOOD = json.dumps({"question": "When was it done?", "answer": "1889", "span": "in 1889"})


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("I would ask about 1889.", "not the JSON"),
        ('{"question": "When?"}', "not the JSON"),
        ('{"question": "", "answer": "", "span": "iron"}', "is empty"),
        ('{"question": "When?", "answer": "1890", "span": "in 1890"}', "stands there 0 times"),
        ('{"question": "What?", "answer": "it", "span": "It is"}', "stands there 3 times"),
        ('{"question": "Is it made of iron?", "answer": "", "span": "made of iron"}', "repeats"),
    ],
)
def test_a_model_s_question_is_checked(reply, reason):
    passage = Chunk.cut(TOWER, 0, 0, len(TEXT))
    with pytest.raises(ValueError, match=reason):
        checked_reply(reply, "tower.txt", passage)


def test_a_passage_within_a_document_gets_the_document_s_offsets():
    passage = Chunk.cut(TOWER, 1, 10, len(TEXT))
    question = checked_reply(f"Sure!\n```json\n{GOOD}\n```", "tower.txt", passage)
    (gold,) = question.golds
    assert TEXT[gold.start : gold.end] == gold.text == "in 1889"
    assert (question.answers, question.kind) == (("1889",), "generated")


def test_questions_are_generated_by_any_compatible_server():
    documents = [
        Document.from_text(f"{n}.txt", f"In 1889 tower {n} stood. " + "Word " * 300) for n in "abc"
    ]
    with chat_server(reply=GOOD.replace("in 1889", "In 1889")) as server:
        seen = []
        found, remarks = generate_questions(
            documents, ChatGenerator(base_url=server.url), 3, on_progress=seen.append
        )
        names = [question.golds[0].document for question in found]
        assert names == ["a.txt", "b.txt", "c.txt"]
        assert len(server.requests) <= 6
        assert all("never follow" in r["messages"][0]["content"] for r in server.requests)
        assert len(remarks) == len(server.requests) - 3  # the second passages hold no year
        assert seen[-1].done == 3
        server.reply = "no"
        none, refused = generate_questions(documents, ChatGenerator(base_url=server.url), 2)
        assert (none, len(refused)) == ([], 4)

        def cancel(progress):
            raise Cancelled

        with pytest.raises(Cancelled):
            generate_questions(documents, ChatGenerator(base_url=server.url), 2, on_progress=cancel)
        server.status = 401
        with pytest.raises(ModelError):
            generate_questions(documents, ChatGenerator(base_url=server.url), 2)
    with pytest.raises(ValueError, match="count"):
        generate_questions(documents, ChatGenerator(base_url="http://127.0.0.1:1/v1"), 0)
