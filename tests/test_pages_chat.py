"""The chat page through Streamlit's own test driver: conversations, marks, sources, thumbs."""

import io
import json
import re
from pathlib import Path

import pytest
import streamlit as st
from chat_server import chat_server
from loader_files import pdf_with
from PIL import Image
from streamlit.testing.v1 import AppTest

from rag_core import Chunk, SearchHit
from rag_core.errors import LoadError
from rag_core.page_image import page_image
from rag_core.referee import review
from ui import services
from ui.chat.history_panel import _stem
from ui.chat.marks import checked_html, legend

ROOT = Path(__file__).resolve().parent.parent
QUESTION = "Who lit the lamp?"
TEXT = b"The lamp was lit by Ada Quill in 1931. It burned for nine nights."


@pytest.fixture(autouse=True)
def _fresh_server(monkeypatch, embedder):
    """A server of its own for every test; the model is shared, as loading it takes seconds."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("rag_core.collection_settings.open_embedder", lambda *_: embedder)
    st.cache_resource.clear()
    st.cache_data.clear()
    yield
    services.warm_up.clear()
    for opened in list(services.pipeline("default").home._open.values()):
        while opened._users > 0:
            opened.close()
    st.cache_resource.clear()


def run(**query) -> AppTest:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    at.run()
    for name, value in query.items():
        at.query_params[name] = value
    at.switch_page("pages/chat_page.py").run()
    assert not at.exception
    return at


def ask(at: AppTest, question: str = QUESTION) -> AppTest:
    at.chat_input[0].set_value(question).run()
    assert not at.exception
    return at


def said(at: AppTest) -> str:
    kinds = (at.markdown, at.caption, at.title, at.subheader, at.error)
    html = [element.proto.body for element in at.get("html")]
    return "\n".join([str(element.value) for kind in kinds for element in kind] + html)


@pytest.fixture
def server(monkeypatch):
    """A chat server that answers with one sentence; the collection holds one document."""
    with chat_server(pieces=["The lamp was lit by ", "Ada Quill [1]."]) as started:
        monkeypatch.setenv("OPENAI_BASE_URL", started.url)
        queue = services.queue("default")
        queue.submit([("lamp.txt", TEXT)])
        assert queue.wait(60)
        yield started


def kept():
    return services.conversations(services.pipeline("default").home.path)


def test_a_conversation_is_kept_and_opened_by_its_link(server):
    ask(run())
    (conversation,) = kept().list("default")
    assert conversation.title == QUESTION
    (turn,) = kept().turns(conversation.id)
    assert turn.said.text == "The lamp was lit by Ada Quill [1]."
    again = run(c=conversation.id)  # another session, as after a restart
    assert again.button(key="cite-0-0").label == "\\[1\\] lamp\\.txt"
    assert "Sentences: 1 ✓ supported" in said(again)  # checked anew, against what it cited
    again.button(key="cite-0-0").click().run()
    assert "<mark" in said(again)


def test_a_link_to_a_conversation_that_is_gone_opens_a_new_one(server):
    at = run(c="nowhere")
    assert "Answers come with numbered citations" in said(at)


def test_conversations_are_searched_renamed_exported_and_deleted(server):
    at = ask(run())
    (conversation,) = kept().list("default")
    at.session_state["conversations"] = True
    at.run()
    at.text_input(key=f"title-{conversation.id}").set_value("<b>Lamps</b>").run()
    assert kept().conversation(conversation.id).title == "<b>Lamps</b>"
    at.text_input(key="talk_search").set_value("no such words").run()
    assert "No conversation holds this" in said(at)
    at.text_input(key="talk_search").set_value("").run()
    title, when = at.button(key=f"open-{conversation.id}").label.split(" · ")
    assert title == "\\<b\\>Lamps\\<\\/b\\>"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", when)
    at.checkbox(key=f"sure-{conversation.id}").check().run()
    at.button(key="delete_talk").click().run()
    assert not kept().list("default")
    assert "Answers come with numbered citations" in said(at)


def test_a_new_conversation_leaves_the_old_one_in_the_list(server):
    at = ask(run())
    at.button(key="new_talk").click().run()
    ask(at, "How long did it burn?")
    assert {found.title for found in kept().list()} == {QUESTION, "How long did it burn?"}


def test_a_follow_up_is_asked_with_its_subject(server):
    at = ask(ask(run()), "And when did she do it?")
    sent = json.dumps(server.requests[-1])
    assert "Ada Quill" in sent
    (conversation,) = kept().list()
    assert len(kept().turns(conversation.id)) == 2
    assert "And when did she do it?" in said(at)


def test_asking_again_and_editing_replace_what_came_after(server):
    at = ask(ask(run()), "How long did it burn?")
    at.button(key="again-0").click().run()
    (conversation,) = kept().list()
    assert [turn.said.question for turn in kept().turns(conversation.id)] == [QUESTION]
    at.text_area(key="edited-0").set_value("Who lit the other lamp?")
    at.button(key="send-0").click().run()
    turns = kept().turns(conversation.id)
    assert [turn.said.question for turn in turns] == ["Who lit the other lamp?"]


def test_a_thumb_goes_into_the_file_that_the_evaluation_reads(server):
    at = ask(run())
    at.text_input(key="note-0").set_value("short & right")
    at.button(key="thumb-1-0").click().run()
    home = services.pipeline("default").home.path
    (line,) = (home / "feedback.jsonl").read_text().splitlines()
    assert json.loads(line)["thumb"] == 1
    assert json.loads(line)["note"] == "short & right"


def test_a_viewer_asks_and_nothing_is_written(server, monkeypatch):
    monkeypatch.setenv("RAGSCOPE_READ_ONLY", "1")
    at = ask(run())
    assert not kept().list()
    assert "The lamp was lit by" in str(at.session_state["talks"]["default"].turns[0].said.text)
    assert not {"rate-0", "conversations"} & {button.key for button in at.button}


def test_a_fault_keeps_question_and_text_and_is_asked_again_in_one_click(server):
    server.break_after = 1
    at = ask(run())
    assert "The lamp was lit by" in said(at)
    assert at.button(key="retry-0").label == "Ask again"
    (conversation,) = kept().list()
    (turn,) = kept().turns(conversation.id)
    assert (turn.said.question, turn.said.text) == (QUESTION, "The lamp was lit by ")
    assert turn.said.error
    server.break_after = None
    at.button(key="retry-0").click().run()
    assert [turn.said.error for turn in kept().turns(conversation.id)] == [""]


def hit(text: str, number: int = 1) -> SearchHit:
    chunk = Chunk(f"c{number}", "d", number - 1, 0, len(text), text, {"name": f"{number}.txt"})
    return SearchHit(chunk, number, 1.0)


def test_marks_name_what_the_referee_found(embedder):
    sources = [hit("The lamp was lit by Ada Quill in 1931."), hit("It burned for 9 nights.", 2)]
    answer = (
        "The lamp was lit by Ada Quill in 1931 [1]. It was lit in 1815 by <b>Bo</b> Hume [1]. "
        "“A sentence that stands nowhere” [2]. See [7]."
    )
    found = review(answer, sources, embedder)
    markup = checked_html(answer, sources, found)
    assert "<b>" not in markup
    assert "&lt;b&gt;Bo" in markup
    assert markup.count('data-cite="1"') == 2
    assert ">✓</span>" in markup
    assert ">✗ unsupported</span>" in markup
    assert "in no source" in markup
    assert ">absent</span>" in markup
    assert "<s>[7]</s>" in markup
    assert "no such source" in markup
    assert "1 invented citation" in legend(found)


@pytest.mark.parametrize("answer", ["", "[1]", "One.", "\u202e“[1]”[1]", "a " * 400 + "[1]."])
def test_marks_keep_every_character_of_the_answer(answer, embedder):
    import html
    import re

    sources = [hit("One is a number.")]
    markup = checked_html(answer, sources, review(answer, sources, embedder))
    markup = re.sub(r"<button.*?</button>|<span style=\"font-size.*?</span>", "", markup)
    shown = html.unescape(re.sub(r"<[^>]+>", "", markup))
    bare = re.sub(r"\s*\[1\]", "", answer) if "“" not in answer else shown
    assert shown == bare


def test_a_page_of_a_pdf_is_drawn_with_the_passage_marked():
    lines = (b"The first page is about goats.", b"The lamp was lit by Ada Quill.")
    data = pdf_with([b"BT /F1 18 Tf 60 700 Td (%s) Tj ET" % line for line in lines])
    plain = Image.open(io.BytesIO(page_image(data, 2)))
    marked = Image.open(io.BytesIO(page_image(data, 2, "The lamp was lit by Ada Quill.")))
    assert plain.size == marked.size
    assert plain.tobytes() != marked.tobytes()
    with pytest.raises(LoadError, match="page 9"):
        page_image(data, 9)
    with pytest.raises(LoadError, match="cannot be drawn"):
        page_image(b"%PDF-1.7 nothing", 1)


def test_an_export_has_a_name_that_is_no_path():
    assert _stem("../../etc/passwd") == "etc-passwd"
    assert _stem("\u202e..") == "conversation"
