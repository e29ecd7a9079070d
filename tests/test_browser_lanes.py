"""Two lanes and the dialog that chooses a model, in a real Chromium: streamed, blind, leak-free."""

import threading
from importlib.resources import files

import pytest
from browser import open_browser, running_app, settled
from chat_server import chat_server
from playwright.sync_api import expect
from test_browser_axe import NOT_OURS, RUN

from rag_core import Document, RagPipeline

pytestmark = pytest.mark.browser

SECRET = "sk-never-to-be-seen-0123456789"
QUERY = "q=What+does+the+boat+carry&blind=true&seed=1&a_model=chat+model&b_cut=sentences&b_k=2"


class Piecewise(list):
    """Sends the second piece only when the first one was seen on the page."""

    def __init__(self):
        self.seen = threading.Event()
        self.in_time: list[bool] = []

    def __iter__(self):
        yield "Salt **and** <b>wool</b>"
        self.in_time.append(self.seen.wait(60))
        yield ", it says [1]."


@pytest.fixture(scope="module")
def app(tmp_path_factory, embedder):
    home = tmp_path_factory.mktemp("home") / "home"
    with RagPipeline.open(home, embedder=embedder) as pipeline:
        pipeline.ingest(
            [Document.from_text(f"{what}.txt", f"The {what} carries salt to the market. " * 40)
             for what in ("boat", "cart", "raft")]
        )  # fmt: skip
    with running_app(home) as running:
        yield running


def judged(page) -> list[str]:
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    return page.evaluate(RUN, NOT_OURS)


def choose_server(page, url: str) -> None:
    page.locator(".st-key-lanes_model button:visible").click()
    page.get_by_role("dialog").get_by_text("Another server", exact=True).click()
    address = page.get_by_label("Address", exact=True)
    address.fill(url)
    address.press("Enter")
    key = page.get_by_label("Key", exact=True)
    key.fill(SECRET)
    key.press("Enter")
    page.get_by_placeholder("set for this session").wait_for()
    expect(key).to_have_value("")
    page.get_by_role("button", name="Try it").click()
    page.get_by_text("said “ready”").wait_for()
    assert judged(page) == []
    page.get_by_role("button", name="Use this").click()
    page.get_by_role("dialog").wait_for(state="hidden")


def test_a_key_is_given_both_lanes_answer_piece_by_piece_and_the_room_votes(app):
    pieces = Piecewise()
    with chat_server(pieces=pieces, reply="ready") as server, open_browser() as context:
        page = context.new_page()
        page.set_default_timeout(60_000)
        settled(page, app.url)
        settled(page, f"{app.url}/lanes?{QUERY}")
        choose_server(page, server.url)
        page.get_by_role("button", name="Ask both").click()
        # What the model wrote is text: neither bold nor markup.
        page.get_by_text("Salt **and** <b>wool</b>").wait_for()
        expect(page.get_by_text("it says")).to_have_count(0)
        pieces.seen.set()
        page.get_by_text("Which answer is better?").wait_for()
        settled(page)
        expect(page.locator("[data-testid='stMain']")).not_to_contain_text("k 2 ·")
        page.get_by_role("button", name="A is better").click()
        page.get_by_text("1 vote so far").wait_for()
        page.get_by_role("button", name="Show the names").click()
        page.get_by_text("What it rests on").wait_for()
        settled(page)
        expect(page.get_by_text("k 2 ·").first).to_be_attached()
        assert judged(page) == []
        assert SECRET not in page.content()
        assert SECRET not in page.url
        stored = "() => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
        assert SECRET not in page.evaluate(stored)
    assert pieces.in_time == [True]
    assert set(server.keys) == {f"Bearer {SECRET}"}
    kept = [path for path in app.home.rglob("*") if path.is_file()]
    assert not [path for path in kept if SECRET.encode() in path.read_bytes()]
