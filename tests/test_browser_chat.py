"""The chat as a person uses it: words as they come, the source beside them, and what is kept."""

import re
import threading

import pytest
from browser import open_browser, running_app, settled
from chat_server import chat_server
from playwright.sync_api import expect

from rag_core import Document, RagPipeline
from rag_core.conversations import Conversations

pytestmark = pytest.mark.browser

LAMP = "The pier is long. The lamp was lit by Ada Quill. The oil came from Norrby by boat."
ANSWER = [
    "The lamp ",
    "was lit ",
    "by Ada ",
    "Quill [1]. ",
    "It burned ",
    "for 700 ",
    "years [9]. <img src=x onerror=alert(1)> [x](http://evil.example) $$x$$",
]
HOSTILE = "Who lit the lamp? <b>x</b>"


@pytest.fixture
def home(tmp_path, embedder):
    with RagPipeline.open(tmp_path / "home", embedder=embedder) as pipeline:
        pipeline.ingest([Document.from_text("lamp.txt", LAMP)])
    return tmp_path / "home"


@pytest.fixture(scope="module")
def context():
    with open_browser() as opened:
        yield opened


@pytest.fixture
def page(context):
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    trouble = []
    opened.on("dialog", lambda dialog: (trouble.append(dialog.message), dialog.dismiss()))
    yield opened
    opened.close()
    assert trouble == []


def test_an_answer_is_checked_opened_beside_and_kept_across_a_restart(home, page):
    with (
        chat_server(pieces=ANSWER) as server,
        running_app(home, OPENAI_BASE_URL=server.url) as app,
    ):
        settled(page, f"{app.url}/chat")
        box = page.get_by_test_id("stChatInput").locator("textarea")
        box.fill(HOSTILE)
        box.press("Enter")
        number = page.get_by_role("button", name="Open source 1").first
        number.wait_for()
        page.get_by_text("no such source").wait_for()
        expect(page.get_by_text("in no source")).to_have_count(2)  # 700, and the 1 of alert(1)
        settled(page)
        number.click()
        mark = page.locator("mark").first
        mark.wait_for()
        settled(page)
        expect(mark).to_contain_text("The lamp was lit by Ada Quill.")
        expect(page.get_by_role("dialog")).to_have_count(0)
        answer, source = number.bounding_box(), mark.bounding_box()
        assert source["x"] > answer["x"] + answer["width"]
        page.wait_for_url(re.compile(r"[?&]c=[0-9a-f]{32}"))
        path = page.url.removeprefix(app.url)
        app.kill()
        app.start()
        settled(page, app.url + path)
        page.get_by_text("It burned for 700").wait_for()
        expect(page.get_by_text(HOSTILE)).to_have_count(1)
        expect(page.locator("a[href*='evil'], img[src='x'], .katex")).to_have_count(0)


LED = """() => {
    window.led = [];
    const scroll = Element.prototype.scrollIntoView;
    Element.prototype.scrollIntoView = function (how) {
        window.led.push(this.id);
        return scroll.call(this, how);
    };
}"""
PLACE = """() => {
    window.before = document.querySelector("a[href='#source-1']");
    const box = window.before.getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
}"""
REPLACED = "() => document.querySelector(\"a[href='#source-1']\") !== window.before"


def test_a_number_leads_to_its_source_while_the_words_come(home, page):
    done = threading.Event()

    def words():
        yield "The lamp was lit by Ada Quill [1]. "
        while not done.is_set():
            yield "More. "
        yield "End."

    with (
        chat_server(pieces=words(), delay=0.02) as server,
        running_app(home, OPENAI_BASE_URL=server.url) as app,
    ):
        settled(page, f"{app.url}/chat")
        box = page.get_by_test_id("stChatInput").locator("textarea")
        box.fill("Who lit the lamp?")
        box.press("Enter")
        page.locator("a[href='#source-1']").wait_for()
        page.evaluate(LED)
        page.mouse.move(*page.evaluate(PLACE))
        page.mouse.down()
        page.wait_for_function(REPLACED)  # as it is for every finger: slower than the words
        page.mouse.up()
        assert "source-1" in page.evaluate("window.led")
        done.set()
        number = page.get_by_role("button", name="Open source 1").first
        number.wait_for()
        settled(page)
        number.click()
        page.locator("mark").first.wait_for()
    kept = Conversations(home)
    (conversation,) = kept.list()
    (turn,) = kept.turns(conversation.id)
    kept.close()
    assert turn.said.text.startswith("The lamp was lit by Ada Quill [1]. More. ")
    assert turn.said.text.endswith("More. End.")
    assert turn.said.error == ""
