"""The text map in a real Chromium: pointing, picking, marking, keys, and text that stays text."""

import re

import pytest
from browser import open_browser, running_app, settled
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

HOSTILE = (
    "<script>alert('chunk')</script><img src=http://evil.example/a.png onerror=alert(2)> "
    "</span></div><style>*{display:none}</style> $$\\frac{1}{2}$$ ![x](http://evil.example/b.png) "
    "😀 emoji and \u202ereversed\u202c text. "
)


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    with running_app(tmp_path_factory.mktemp("home") / "home") as running:
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
    opened.set_viewport_size({"width": 1440, "height": 1500})
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


def opened_at(page, app, query: str = "") -> None:
    settled(page, f"{app.url}/chunking{query}")
    page.wait_for_selector(".cell span")


def piece(page, column: int, chunk: int):
    found = page.locator(f".cell[data-k='{column}'] span[data-c='{chunk}']")
    return found.filter(has_text=re.compile(r"\w")).first


def lit_range(page, column: int) -> tuple[int, int]:
    """First and last offset that are lit in a column."""
    return page.evaluate(
        """(column) => {
            const root = [...document.querySelectorAll("*")]
                .map((each) => each.shadowRoot).find((root) => root?.querySelector(".map"));
            const lit = [...root.querySelectorAll(`.cell[data-k="${column}"] .lit`)];
            const places = lit.flatMap(
                (span) => [+span.dataset.x, +span.dataset.x + span.textContent.length]);
            return [Math.min(...places), Math.max(...places)];
        }""",
        column,
    )


def test_pointing_at_a_chunk_lights_up_the_same_place_in_the_others(page, app):
    opened_at(page, app)
    piece(page, 1, 2).hover()
    own = lit_range(page, 1)
    assert own[1] - own[0] > 500
    assert lit_range(page, 0) == own
    assert lit_range(page, 2) == own
    said = page.locator(".what").inner_text()
    assert re.search(r"fixed: chunk \d+ of 26 · \d+ characters · \d+ tokens", said)
    assert "the same place in chunks: recursive" in said


def test_columns_stand_at_the_same_height(page, app):
    opened_at(page, app)
    tops = page.evaluate(
        """() => {
            const root = [...document.querySelectorAll("*")]
                .map((each) => each.shadowRoot).find((root) => root?.querySelector(".map"));
            const cells = [...root.querySelectorAll(".row:nth-child(-n+3) .cell")];
            return cells.map((cell) => Math.round(cell.getBoundingClientRect().top));
        }"""
    )
    assert len(tops) == 9
    assert all(len(set(tops[row : row + 3])) == 1 for row in (0, 3, 6))


def test_picking_and_keys(page, app):
    opened_at(page, app)
    piece(page, 0, 1).click()
    page.get_by_text("Where chunk 2 of recursive went").wait_for()
    page.locator(".scroller").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".what")).to_have_text(re.compile("^recursive: chunk 3 of 32"))
    page.keyboard.press("ArrowRight")
    expect(page.locator(".what")).to_have_text(re.compile("^fixed: chunk"))
    page.keyboard.press("Enter")
    page.get_by_text(re.compile(r"Where chunk \d+ of fixed went")).wait_for()


def test_marking_with_the_mouse_goes_into_the_link(page, app):
    opened_at(page, app)
    box = piece(page, 2, 0).bounding_box()
    page.mouse.move(box["x"] + 12, box["y"] + 8)
    page.mouse.down()
    page.mouse.move(box["x"] + 150, box["y"] + 8, steps=6)
    page.mouse.up()
    page.get_by_role("button", name="Mark as the answer").click()
    page.wait_for_url(re.compile(r"gold=\d+-\d+"))
    start, end = map(int, re.search(r"gold=(\d+)-(\d+)", page.url).groups())
    assert start < end < 60
    settled(page)
    expect(page.locator(".gold").nth(2)).to_be_attached()
    page.get_by_role("button", name="Clear the mark").click()
    page.wait_for_url(re.compile(r"chunking$"))


def test_a_cell_of_the_heatmap_opens_its_chunking(page, app):
    opened_at(page, app, "?gold=8631-8728")
    page.get_by_text("Survival", exact=True).click()
    label = page.locator(".js-plotly-plot .textpoint").first
    label.wait_for()
    box = label.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_url(re.compile(r"size-characters=225"))
    page.wait_for_selector(".cell span")
    expect(page.locator(".title").first).to_contain_text("225 characters, overlap 0")


def test_hostile_text_is_shown_as_text(page, app):
    settled(page, f"{app.url}/chunking?doc=Pasted+text")
    page.get_by_role("textbox", name="Text").fill(HOSTILE * 30)
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".cell span")
    settled(page)
    cell = page.locator(".cell[data-k='0']").first
    expect(cell).to_contain_text("<script>alert('chunk')</script>")
    expect(page.locator(".cell").locator("script, img, style, div")).to_have_count(0)
    piece(page, 1, 1).hover()
    expect(page.locator(".what")).to_have_text(re.compile("^fixed: chunk"))
    start, end = lit_range(page, 1)
    assert lit_range(page, 0) == [start, end]
