"""Follow-ups: what leans on the conversation, what is carried over, and a model that rewrites."""

import pytest

from rag_core import Document, Message, ModelError, RagPipeline
from rag_core.followups import leans, stand_alone

TALK = (
    Message("user", "Who designed the Sandovey bridge?"),
    Message("assistant", "Ada Quill designed it [1]. She came from Brevik."),
)


@pytest.mark.parametrize(
    ("question", "leaning"),
    [
        ("And when was it built?", True),
        ("When was it built?", True),
        ("Why?", True),
        ("What about the cost?", True),
        ("How many bins are there in the Heron vault?", False),
        ("What does a junior member pay?", False),
    ],
)
def test_what_leans_on_the_conversation(question, leaning):
    assert leans(question) is leaning


def test_the_rule_carries_the_names_of_the_last_question():
    alone = stand_alone("And when was it built?", TALK)
    assert alone.question == "And when was it built? Sandovey"
    assert alone.changed


def test_without_names_the_words_are_carried_and_else_the_answers_names():
    words = (Message("user", "what does the oldest clock weigh"), TALK[1])
    assert stand_alone("Who made it?", words).question == "Who made it? oldest clock weigh"
    nothing = (Message("user", "who was it?"), TALK[1])
    assert stand_alone("And when?", nothing).question == "And when? Ada Quill"


def test_a_question_of_its_own_or_a_first_one_stays():
    own = "How many bins are there in the Heron vault?"
    assert stand_alone(own, TALK).question == own
    first = stand_alone("When was it built?", ())
    assert (first.question, first.changed) == ("When was it built?", False)


class Model:
    name, system_prompt, prompt_tokens = "model", "Rules.", 4000

    def __init__(self, reply):
        self.reply, self.asked, self.prompts = reply, [], []

    def ask(self, messages, *, max_tokens):
        self.asked.append(messages)
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply

    def stream(self, prompt):
        self.prompts.append(prompt)
        yield "In 1889 [1]."


@pytest.fixture
def ask(tmp_path, hash_embedder):
    def answered(model):
        with RagPipeline.open(tmp_path, embedder=hash_embedder, generator=model) as pipeline:
            pipeline.ingest([Document.from_text("a", "The Sandovey bridge was built in 1889.")])
            stream = pipeline.stream("When was it built?", history=TALK)
            return stream, stream.answer

    return answered


def test_a_model_rewrites_and_what_it_wrote_is_searched_for_and_shown(ask):
    model = Model('"When was the Sandovey bridge built?"')
    _, answer = ask(model)
    assert answer.standalone == answer.result.query == "When was the Sandovey bridge built?"
    assert model.prompts[0].messages[-1].content.endswith("Question: When was it built?")
    assert [stage.name for stage in answer.stages] == (
        ["rewrite", "retrieve", "fuse", "rerank", "prompt", "generate"]
    )
    assert answer.tokens > 0


@pytest.mark.parametrize("reply", [ModelError("It is gone."), "x" * 1000])
def test_a_rewriting_that_fails_is_said_and_the_question_searched_as_it_is(ask, reply):
    stream, answer = ask(Model(reply))
    assert answer.standalone == "When was it built?"
    assert "as it stands" in stream.note
    assert answer.text == "In 1889 [1]."
