"""The similarity and search pages in a real Chromium: charts drawn, hostile text shown as text."""

import re

import pytest
from browser import open_browser, running_app, settled
from playwright.sync_api import expect

from rag_core import Document, RagPipeline

pytestmark = pytest.mark.browser

HOSTILE = (
    "<script>alert('chunk')</script><img src=http://evil.example/a.png onerror=alert(2)> boat "
    "<a href='javascript:alert(3)'>boat</a> $$\\frac{1}{2}$$ ![x](http://evil.example/b.png) boat "
)
NAME = "<img src=x onerror=alert(4)> boat.txt"


@pytest.fixture(scope="module")
def app(tmp_path_factory, embedder):
    home = tmp_path_factory.mktemp("home") / "home"
    documents = [Document.from_text(NAME, HOSTILE * 12)]
    documents += [
        Document.from_text(f"{what}.txt", f"The {what} carries salt and wool to the market. " * 40)
        for what in ("boat", "cart", "raft")
    ]
    with RagPipeline.open(home, embedder=embedder) as pipeline:
        pipeline.ingest(documents)
    with running_app(home) as running:
        yield running


@pytest.fixture(scope="module")
def context():
    with open_browser() as opened:
        yield opened


@pytest.fixture
def page(app, context):
    """A page that must neither open a dialog nor ask another host for anything."""
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    trouble = []
    opened.on("dialog", lambda dialog: (trouble.append(dialog.message), dialog.dismiss()))
    opened.on("pageerror", lambda error: trouble.append(str(error)))
    opened.on(
        "request",
        lambda request: (
            trouble.append(request.url)
            if not re.match(r"(?:https?|wss?)://127\.0\.0\.1[:/]|data:|blob:", request.url)
            else None
        ),
    )
    settled(opened, app.url)  # a cold server knows its pages only after the first visit
    yield opened
    opened.close()
    assert trouble == []


def no_markup(page) -> None:
    expect(page.locator("main script, [data-testid='stMain'] img[src*='evil']")).to_have_count(0)
    expect(page.locator("[data-testid='stMain'] a[href^='javascript']")).to_have_count(0)


def test_hits_of_hostile_text_are_text_with_marked_words(page, app):
    settled(page, f"{app.url}/search?q=boat")
    page.locator("mark", has_text="boat").first.wait_for()
    expect(page.locator("[data-testid='stMain']")).to_contain_text(
        "<script>alert('chunk')</script>"
    )
    no_markup(page)


@pytest.mark.parametrize("panel", ["Flow", "Why", "What+if"])
def test_the_search_page_s_panels_draw_hostile_names_as_text(page, app, panel):
    settled(page, f"{app.url}/search?q=boat&panel={panel}")
    page.locator(".js-plotly-plot, [data-testid='stDataFrame']").first.wait_for()
    no_markup(page)


def test_a_passage_is_followed_to_where_it_died(page, app):
    query = "q=wool&panel=Lost&lost_method=keyword&lost_doc=boat.txt&lost_text_typed=0-40"
    settled(page, f"{app.url}/search?{query}")
    page.get_by_text("It is there, at rank").wait_for()


@pytest.mark.parametrize("panel", ["Matrix", "Pairs", "Tokens", "Models"])
def test_the_similarity_page_s_charts_take_hostile_chunks(page, app, panel):
    settled(page, f"{app.url}/similarity?texts=Collection&panel={panel}")
    page.locator(".js-plotly-plot .main-svg").first.wait_for()
    no_markup(page)


def test_the_map_is_drawn_and_a_query_lands_on_it(page, app):
    settled(page, f"{app.url}/similarity?panel=Map&query=boat")
    page.locator(".js-plotly-plot .main-svg").first.wait_for()
    page.get_by_text("true neighbours").wait_for()
    expect(page.get_by_text("query", exact=True).first).to_be_attached()
    no_markup(page)


def test_choosing_a_text_puts_its_number_into_the_link(page, app):
    settled(page, f"{app.url}/similarity?panel=Metrics&stretch=100")
    page.get_by_text("unchanged").wait_for()
    page.get_by_role("combobox", name="First text").click()
    page.get_by_role("option", name=re.compile("^7 ")).click()
    page.wait_for_url(re.compile(r"first=7"))
    settled(page)
    settled(page, page.url)
    expect(page.get_by_role("combobox", name="First text")).to_have_value(re.compile("jungle"))


def test_a_hostile_question_is_marked_kept_and_shown_as_text(page, app):
    settled(page, f"{app.url}/evaluation?view=Questions&how=Mark+in+the+text")
    page.get_by_role("combobox", name="Document").click()
    page.get_by_role("option", name=NAME, exact=True).click()
    cell = page.locator(".map .cell").first
    cell.wait_for()
    cell.scroll_into_view_if_needed()
    box = cell.bounding_box()
    page.mouse.move(box["x"] + 12, box["y"] + 14)
    page.mouse.down()
    page.mouse.move(box["x"] + 240, box["y"] + 34, steps=6)
    page.mouse.up()
    page.get_by_role("button", name="Mark as the answer").click()
    page.get_by_text("Marked", exact=True).wait_for()
    page.get_by_role("textbox", name="New question").fill(HOSTILE[:60])
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Add the question").click()
    page.get_by_text("of this collection's own").wait_for()
    no_markup(page)
