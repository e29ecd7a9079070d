"""Conversations on disk: what is kept, found, renamed, forgotten, exported and rated."""

import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from rag_core.access import acting_as
from rag_core.conversations import FILE, Conversations
from rag_core.datatypes import (
    Answer,
    Chunk,
    Message,
    Prompt,
    SearchHit,
    SearchResult,
    Stage,
    Timing,
)
from rag_core.errors import AccessError, HomeError, UnknownConversationError
from rag_core.transcripts import as_json, as_markdown, write_feedback
from rag_core.turns import CitedPlace, NewTurn

PLACE = CitedPlace(1, "d1", "tower.txt", 0, 9, "The tower")
TURN = NewTurn("When was it built?", "In 1889 [1].", (PLACE,), "tiny", 0.5, "When was the tower?")


@pytest.fixture
def kept(tmp_path):
    conversations = Conversations(tmp_path)
    yield conversations
    conversations.close()


def test_a_turn_comes_back_as_it_was_and_gives_the_title(kept, tmp_path):
    conversation = kept.start("default")
    kept.add(conversation, TURN)
    kept.close()
    again = Conversations(tmp_path)
    (turn,) = again.turns(conversation)
    assert turn.said == TURN
    (listed,) = again.list("default")
    assert (listed.title, listed.turns) == ("When was it built?", 1)
    assert [message.content for message in again.history(conversation)] == [
        TURN.question,
        TURN.text,
    ]
    again.close()


def test_search_finds_words_of_answers_and_takes_signs_for_signs(kept):
    one, two = kept.start("default", "Towers"), kept.start("other", "100% rye")
    kept.add(one, TURN)
    assert [c.id for c in kept.list(search="IN 1889")] == [one]
    assert [c.id for c in kept.list(search="%")] == [two]
    assert [c.id for c in kept.list("other")] == [two]


def test_rename_delete_and_what_is_gone(kept):
    conversation = kept.start("default")
    turn = kept.add(conversation, TURN)
    kept.rename(conversation, "x" * 200)
    assert len(kept.conversation(conversation).title) == 60
    kept.delete(conversation)
    assert kept.list() == kept.turns(conversation) == []
    for change in (
        lambda: kept.add(conversation, TURN),
        lambda: kept.rename(conversation, "y"),
        lambda: kept.rate(turn.id, 1),
        lambda: kept.conversation(conversation),
    ):
        with pytest.raises(UnknownConversationError):
            change()


def test_forgetting_from_a_turn_keeps_those_before(kept):
    conversation = kept.start("default")
    turns = [kept.add(conversation, TURN) for _ in range(3)]
    kept.forget_from(conversation, turns[1].id)
    assert [turn.id for turn in kept.turns(conversation)] == [turns[0].id]


def test_thumbs_are_a_file_of_one_object_a_line(kept, tmp_path):
    conversation = kept.start("default")
    first, _ = kept.add(conversation, TURN), kept.add(conversation, TURN)
    kept.rate(first.id, -1, "wrong\nyear")
    (line,) = write_feedback(kept, tmp_path).read_text(encoding="utf-8").splitlines()
    values = json.loads(line)
    assert (values["thumb"], values["note"], values["documents"]) == (-1, "wrong\nyear", ["d1"])
    assert (values["question"], values["asked"]) == (TURN.standalone, TURN.question)
    with pytest.raises(ValueError, match="thumb"):
        kept.rate(first.id, 5)


def test_exports_hold_all_and_markdown_draws_nothing_of_a_document(kept):
    hostile = "![x](http://a/b) <img src=x> [l](http://c)\n# Head `c` | $x$"
    place = CitedPlace(1, "d", "a](b).md", 0, 5, hostile)
    conversation = kept.start("default", hostile)
    kept.add(conversation, NewTurn(hostile, hostile, (place,), "m"))
    listed, turns = kept.conversation(conversation), kept.turns(conversation)
    text = as_markdown(listed, turns)
    assert not re.search(r"(?<!\\)[<`$!|]|[^\\]\]\(|\n# Head", text)
    assert json.loads(as_json(listed, turns))["turns"][0]["text"] == hostile


def making(price=0.25):
    chunk = Chunk("c", "d1", 0, 0, 9, "The tower", {"name": "tower.txt"})
    hit = SearchHit(chunk, 1, 0.5)
    result = SearchResult("tower", (hit,), (Stage("vector", (hit,) * 5, 0.1),))
    messages = (Message("system", "Cite."), Message("user", "<s>Башня \ud800</s>"))
    prompt = Prompt("tower", (hit,), messages, (hit,), 12)
    stages = (Timing("retrieve", 0.1), Timing("generate", 0.4))
    answer = Answer("In 1889.", (), prompt, "tiny", result, stages=stages, tokens=3)
    return NewTurn.of("When?", answer, price=price)


def test_how_an_answer_was_made_comes_back_after_a_restart(kept, tmp_path):
    conversation = kept.start("default")
    asked = kept.add(conversation, NewTurn("When?", ""))
    assert kept.turns(conversation)[0].said.making is None
    said = making()
    kept.complete(asked.id, said)
    kept.close()
    again = Conversations(tmp_path)
    (turn,) = again.turns(conversation)
    again.close()
    assert turn.said == said
    made = turn.said.making
    assert (made.read, made.written, made.dropped, made.price) == (12, 3, 1, 0.25)
    assert made.seconds == pytest.approx(0.5)
    assert (made.found[0].hits, len(made.found[0].best)) == (5, 3)
    assert made.messages[1].content == "<s>Башня \ud800</s>"


def test_how_an_answer_was_made_goes_with_its_turn(kept, tmp_path):
    def left() -> int:
        with closing(sqlite3.connect(tmp_path / FILE)) as file:
            return file.execute("SELECT count(*) FROM makings").fetchone()[0]

    conversation = kept.start("default")
    first, second, third = (kept.add(conversation, making()) for _ in range(3))
    assert left() == 3
    kept.complete(third.id, NewTurn("When?", "In", error="broke off"))
    assert left() == 2
    kept.forget_from(conversation, second.id)
    assert [turn.id for turn in kept.turns(conversation)] == [first.id]
    assert left() == 1
    kept.delete(conversation)
    assert left() == 0


def test_a_file_from_before_answers_kept_their_making_opens(kept, tmp_path):
    conversation = kept.start("default")
    kept.add(conversation, TURN)
    kept.close()
    with closing(sqlite3.connect(tmp_path / FILE)) as file:
        file.execute("DROP TABLE makings")
    again = Conversations(tmp_path)
    assert again.turns(conversation)[0].said == TURN
    assert again.add(conversation, making()).said == again.turns(conversation)[1].said
    again.close()


KILLED = """
import os, sys
from pathlib import Path
from rag_core.conversations import Conversations
from rag_core.turns import NewTurn
kept = Conversations(Path(sys.argv[1]))
conversation = kept.start("default")
for number in range(20):
    kept.add(conversation, NewTurn(f"q{number}", "a"))
os.kill(os.getpid(), 9)
"""


def test_what_was_kept_survives_a_kill(kept, tmp_path):
    run = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)], cwd=Path(__file__).parents[1], check=False
    )
    assert run.returncode == -9
    (listed,) = kept.list()
    assert listed.turns == 20


def test_a_damaged_file_is_said_and_named(tmp_path):
    (tmp_path / "conversations.sqlite3").write_bytes(b"not a database" * 500)
    with pytest.raises(HomeError, match="conversations"):
        Conversations(tmp_path)


def test_a_viewer_reads_and_changes_nothing(kept):
    conversation = kept.start("default")
    turn = kept.add(conversation, TURN)
    changes = (
        lambda: kept.start("default"),
        lambda: kept.add(conversation, TURN),
        lambda: kept.complete(turn.id, TURN),
        lambda: kept.rename(conversation, "other"),
        lambda: kept.delete(conversation),
        lambda: kept.forget_from(conversation, turn.id),
        lambda: kept.rate(turn.id, 1),
    )
    with acting_as("viewer"):
        for change in changes:
            with pytest.raises(AccessError):
                change()
        assert list(kept.turns(conversation)) == [turn]
