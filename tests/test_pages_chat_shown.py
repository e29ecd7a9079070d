"""What the chat page draws: marks, sources, the glass box, what broke off, hostile text."""

from pathlib import Path

import pytest
import streamlit as st
from chat_server import chat_server
from streamlit.testing.v1 import AppTest

from rag_core import Document
from ui import services
from ui.chat import talk

ROOT = Path(__file__).resolve().parent.parent
LAMP = "The pier is long. The lamp was lit by Ada Quill. The oil came from Norrby by boat."
QUESTION = "Who lit the lamp?"
HOSTILE = "<script>alert(1)</script> [x](http://evil.example) $$x$$ who lit the lamp?"


@pytest.fixture(autouse=True)
def _fresh_server(monkeypatch, embedder):
    """A server of its own for every test; the model is shared, as loading it takes seconds."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("rag_core.collection_settings.open_embedder", lambda *_: embedder)
    st.cache_resource.clear()
    st.cache_data.clear()
    services.pipeline("default").ingest([Document.from_text("lamp.txt", LAMP)])
    yield
    services.warm_up.clear()
    for opened in list(services.pipeline("default").home._open.values()):
        while opened._users > 0:
            opened.close()
    st.cache_resource.clear()


@pytest.fixture
def server(monkeypatch):
    with chat_server(pieces=["The lamp was lit ", "by Ada Quill [1]."]) as running:
        monkeypatch.setenv("OPENAI_BASE_URL", running.url)
        yield running


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


def click(at: AppTest, key: str) -> AppTest:
    at.button(key=key).click().run()
    assert not at.exception
    return at


def said(at: AppTest) -> str:
    kinds = (at.markdown, at.caption, at.error)
    html = [element.proto.body for element in at.get("html")]
    drawn = [element.proto.json for element in at.get("bidi_component")]
    return "\n".join([str(element.value) for kind in kinds for element in kind] + html + drawn)


def kept() -> list:
    return talk.listed("default", "")


def turns() -> list:
    [conversation] = kept()
    return [turn.said for turn in talk.store("default").turns(conversation.id)]


def test_what_came_before_a_break_is_kept(server):
    server.break_after = 1
    at = ask(run())
    assert "broke off half" in said(at)
    assert "The lamp was lit" in said(at)
    [turn] = turns()
    assert turn.text == "The lamp was lit "
    assert turn.error
    sent = server.requests[0]["messages"]
    assert [message.content for message in turn.making.messages] == [m["content"] for m in sent]
    at.session_state["how-0"] = True
    at.run()
    assert [code.value for code in at.code] == [message["content"] for message in sent]
    assert 0 < turn.making.written < turn.making.read


def test_every_sentence_is_marked_and_findings_are_named(server):
    server.pieces = [
        "The lamp was lit by Ada Quill [1]. ",
        "It burned for 700 years [1]. ",
        "So [7].",
    ]
    drawn = said(ask(run()))
    for mark in ("✓", "✗", "in no source", "no such source", "supported", "unsupported"):
        assert mark in drawn, mark


def test_the_glass_box_shows_stages_and_the_exact_prompt(server):
    at = ask(run())
    at.session_state["how-0"] = True
    at.run()
    assert not at.exception
    sent = server.requests[0]["messages"]
    assert [code.value for code in at.code] == [message["content"] for message in sent]


def test_the_glass_box_opens_after_a_restart_and_no_key_is_kept(server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-never-on-a-disk")
    ask(run())
    assert server.keys == ["Bearer sk-never-on-a-disk"]
    [conversation] = kept()
    st.cache_resource.clear()  # what a restart leaves: the files
    at = run(c=conversation.id)
    at.session_state["how-0"] = True
    at.run()
    assert not at.exception
    sent = server.requests[0]["messages"]
    assert [code.value for code in at.code] == [message["content"] for message in sent]
    assert "Generate" in list(at.dataframe[0].value["Stage"])
    files = [path for path in services.pipeline("default").home.path.rglob("*") if path.is_file()]
    texts = [path.read_bytes() for path in files]
    assert any(QUESTION.encode() in text for text in texts)
    assert not any(b"sk-never" in text for text in texts)


def test_a_citation_opens_beside_its_answer(server):
    at = click(ask(run()), "cite-0-0")
    assert "<mark" in said(at)
    click(at, "source_close")
    assert "<mark" not in said(at)


def test_hostile_questions_and_answers_are_shown_as_text(server):
    server.pieces = ["<img src=x onerror=alert(2)> ", "lit by Ada Quill [1]."]
    at = ask(run(), HOSTILE)
    [conversation] = kept()
    shown = said(at) + said(run(c=conversation.id))
    assert "&lt;script&gt;alert(1)" in shown
    assert "<script>alert(1)" not in shown
    assert "<img src=x" not in shown
