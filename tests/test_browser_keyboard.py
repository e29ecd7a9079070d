"""The main paths with the keyboard alone, and links that lead where they say."""

import re

import pytest
from browser import open_browser, running_app, settled
from playwright.sync_api import expect

from rag_core import Document, RagPipeline

pytestmark = pytest.mark.browser

_MOST = 90  # Tab presses; the menu and the controls above come first
FOCUSED = """() => {
    const here = document.activeElement;
    const label = here.labels && here.labels.length ? here.labels[0].innerText : '';
    return here.getAttribute('aria-label') || label || here.innerText || '';
}"""


@pytest.fixture(scope="module")
def app(tmp_path_factory, embedder):
    home = tmp_path_factory.mktemp("home") / "home"
    with RagPipeline.open(home, embedder=embedder) as pipeline:
        pipeline.ingest(
            [Document.from_text(f"{what}.txt", f"The {what} carries {load} to the market. " * 40)
             for what, load in (("boat", "salt"), ("cart", "wool"))]
        )  # fmt: skip
    with running_app(home) as running:
        yield running


@pytest.fixture
def page(app):
    with open_browser() as context:
        opened = context.new_page()
        opened.set_default_timeout(60_000)
        settled(opened, app.url)
        yield opened


def tab_to(page, name: str) -> None:
    """Press Tab until what is called so has the focus."""
    seen = []
    for _ in range(_MOST):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(FOCUSED).strip().replace("\n", " ")[:60])
        if re.search(name, seen[-1]):
            return
    pytest.fail(f"Tab never came to {name}: {seen}")


def test_a_search_from_the_query_to_the_text_of_a_hit(page, app):
    settled(page, f"{app.url}/search")
    tab_to(page, "^Query")
    page.keyboard.type("boat")
    page.keyboard.press("Enter")
    page.locator("mark", has_text="boat").first.wait_for()
    settled(page)
    tab_to(page, "The boat carries salt")  # a text that scrolls is a stop of its own
    tab_to(page, "^Results$")  # one stop; arrows choose among its options
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    page.wait_for_url(re.compile("panel=Flow"))


def test_a_question_and_one_of_its_citations(page, app):
    settled(page, f"{app.url}/chat")
    tab_to(page, "^Ask your documents")
    page.keyboard.type("What does the boat carry?")
    page.keyboard.press("Enter")
    page.get_by_role("button", name=re.compile(r"\[\d\]")).first.wait_for()
    settled(page)
    tab_to(page, r"\[\d\]")
    page.keyboard.press("Enter")
    page.locator("mark").first.wait_for()


def test_lessons_by_tab_and_by_arrow(page, app):
    settled(page, f"{app.url}/lessons?lesson=1")
    tab_to(page, "Next")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=re.compile("^2 · ")).wait_for()
    settled(page)
    tab_to(page, "Reveal$")
    page.keyboard.press("Shift+ArrowLeft")
    page.get_by_role("heading", name=re.compile("^1 · ")).wait_for()


def test_the_home_page_by_its_name(page, app):
    settled(page, f"{app.url}/overview?collection=default")
    page.wait_for_url(re.compile(r"127\.0\.0\.1:\d+/(\?.*)?$"))
    settled(page)
    page.get_by_role("heading", name="Ragscope").wait_for()
    expect(page.get_by_text("Page not found")).to_have_count(0)
