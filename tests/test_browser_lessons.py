"""Lessons in a real Chromium: stepping by keyboard, scenes, and an audience that follows."""

import re

import pytest
from browser import open_browser, running_app, settled
from playwright.sync_api import TimeoutError, expect
from test_browser_labs import no_markup

from rag_core import Document, RagPipeline
from rag_core.lessons import STAGE, View
from rag_core.lessons.scenes import Scene, Scenes

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def app(tmp_path_factory, embedder):
    home = tmp_path_factory.mktemp("home") / "home"
    with RagPipeline.open(home, collection=STAGE, embedder=embedder) as pipeline:
        pipeline.ingest(
            [Document.from_text(f"{name}.txt", f"The {name} carries salt. " * 30)
             for name in ("boat", "cart")]
        )  # fmt: skip
        scenes = Scenes(pipeline.home.settings)
        for panel in ("Metrics", "Pairs"):
            scenes.add(Scene(panel, View("similarity", (("panel", panel),))))
        query = (("collection", STAGE), ("q", "boat"), ("methods", "keyword"))
        scenes.add(Scene("Boat", View("search", query)))
    with running_app(home) as running:
        yield running


@pytest.fixture(scope="module")
def context():
    with open_browser() as opened:
        yield opened


def opened(context, address):
    page = context.new_page()
    page.set_default_timeout(60_000)
    settled(page, address)
    return page


def step(page, key, heading):
    """Press the key until the lesson is there.

    On a busy machine a button may listen a moment after it is drawn, and the key is lost.
    """
    settled(page)
    there = page.get_by_role("heading", name=heading)
    page.keyboard.press(key)
    try:
        there.wait_for(timeout=20_000)
    except TimeoutError:
        page.keyboard.press(key)
        there.wait_for()


def test_lessons_are_stepped_through_by_keyboard(app, context):
    page = opened(context, f"{app.url}/lessons?lesson=3")
    page.get_by_role("heading", name="3 · Chunking").wait_for()
    step(page, "Shift+ArrowRight", "4 · Exact")
    page.wait_for_url(re.compile("lesson=4"))
    step(page, "Shift+ArrowLeft", "3 · Chunking")
    page.wait_for_url(re.compile("lesson=3"))
    page.close()


def test_the_audience_follows_votes_and_searches(app, context):
    presenter = opened(context, f"{app.url}/lessons?lesson=1&present=true")
    audience = opened(context, f"{app.url}/audience")
    expect(audience.locator("[data-testid='stSidebar']")).to_have_count(0)
    audience.get_by_text("Nobody is presenting").wait_for()
    presenter.get_by_role("button", name="Share").click()
    audience.get_by_role("heading", name="1 · Vectors").wait_for()
    step(presenter, "PageDown", "2 · Embeddings")
    audience.get_by_role("heading", name="2 · Embeddings").wait_for()
    audience.get_by_text("The Amazon jungle is home").click()
    audience.get_by_text("Your vote counts").wait_for()
    presenter.get_by_text("1 vote").wait_for()
    presenter.get_by_role("button", name="Reveal").click()
    audience.get_by_text("You predicted it").wait_for()
    # Scenes: twice the same page in another state, then a search that the audience sees too
    presenter.keyboard.press("Shift+ArrowDown")
    presenter.get_by_text("1 of 3").wait_for()
    presenter.wait_for_url(re.compile("similarity.*panel=Metrics"))
    presenter.keyboard.press("Shift+ArrowDown")
    presenter.get_by_text("2 of 3").wait_for()
    presenter.wait_for_url(re.compile("similarity.*panel=Pairs"))
    audience.get_by_text("Look at the presenter's screen").wait_for()
    presenter.keyboard.press("Shift+ArrowDown")
    presenter.locator("mark", has_text="boat").first.wait_for()
    audience.locator("mark", has_text="boat").first.wait_for()
    audience.get_by_label("Query").fill("cart")
    audience.get_by_label("Query").press("Enter")
    audience.locator("mark", has_text="cart").first.wait_for()
    no_markup(audience)
    presenter.close()
    audience.close()
