"""A key that works, and one that is refused with the key in the answer, are written nowhere."""

import zipfile

import pytest
from browser import App, open_browser, settled
from chat_server import chat_server

from rag_core import Document, RagPipeline
from rag_core.conversations import Conversations
from rag_core.index_manager.backup import backup
from rag_core.transcripts import as_json, as_markdown

pytestmark = pytest.mark.browser

GIVEN, TYPED = "sk-given-5f1d0c9b7a3e", "sk-typed-8e2a64c0d1b7"


def ask(page, question: str) -> None:
    box = page.get_by_test_id("stChatInput").locator("textarea")
    box.fill(question)
    box.press("Enter")


def seen(page) -> str:
    return page.url + page.content()


def exports(home) -> str:
    kept = Conversations(home)
    found = [
        write(talk, kept.turns(talk.id)) for talk in kept.list() for write in (as_markdown, as_json)
    ]
    kept.close()
    return "".join(found)


def test_keys_are_in_no_log_page_url_export_or_backup(tmp_path, embedder):
    home, log = tmp_path / "home", tmp_path / "log.txt"
    with RagPipeline.open(home, embedder=embedder) as pipeline:
        pipeline.ingest([Document.from_text("lamp.txt", "The lamp was lit by Ada Quill.")])
    places = {}
    with chat_server(pieces=["Ada Quill [1]."]) as server, open_browser() as context:
        app = App(home, log=log, OPENAI_API_KEY=GIVEN, OPENAI_BASE_URL=server.url)
        try:
            page = context.new_page()
            page.set_default_timeout(60_000)
            settled(page, f"{app.url}/chat")
            ask(page, "Who lit the lamp?")
            page.get_by_role("button", name="lamp.txt").first.wait_for()
            settled(page)
            places["answer"] = seen(page)
            page.get_by_role("button", name="Model").first.click()
            page.get_by_label("Key", exact=True).fill(TYPED)
            page.get_by_label("Key", exact=True).press("Enter")
            page.get_by_placeholder("set for this session").wait_for()
            settled(page)
            page.locator(".st-key-model_use button").click()
            page.get_by_role("dialog").wait_for(state="hidden")
            server.status = 401
            server.message = f"Incorrect API key provided: {TYPED}, nor {GIVEN}."
            ask(page, "Who was Ada Quill?")
            page.get_by_test_id("stAlert").first.wait_for()
            settled(page)
            places["refusal"] = seen(page)
        finally:
            app.kill()
        used = {key.removeprefix("Bearer ") for key in server.keys}
    assert {GIVEN, TYPED} <= used  # both were sent, to where they belong
    target = tmp_path / "backup.zip"
    backup(home, target)
    with zipfile.ZipFile(target) as packed:
        places |= {f"backup {name}": packed.read(name) for name in packed.namelist()}
    places |= {str(file): file.read_bytes() for file in home.rglob("*") if file.is_file()}
    places |= {"log": log.read_bytes(), "exports": exports(home)}
    assert "Ada Quill" in places["exports"]
    assert places["log"]
    leaks = []
    for place, content in places.items():
        text = content if isinstance(content, bytes) else content.encode()
        leaks += [place for key in (GIVEN, TYPED) if key.encode() in text]
    assert leaks == []
