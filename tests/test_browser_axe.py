"""Every page in a real Chromium under axe-core, light and dark: no serious, no critical finding."""

from importlib.resources import files

import pytest
from browser import open_browser, running_app, settled

from rag_core import Document, RagPipeline
from ui import navigation

pytestmark = pytest.mark.browser

# Pages begin with little on them; these are the same ones with something to judge.
VIEWS = (
    "chat?q=What+does+the+boat+carry",
    "chunking?panel=Numbers",
    "chunking?panel=Question&question=What+does+the+boat+carry",
    "index?panel=Folder",
    "lessons?lesson=2&present=true",
    "lessons?notes=2",
    "search?q=boat",
    "search?q=boat&panel=Flow",
    "search?q=boat&panel=Why",
    "search?q=boat&panel=Keep",
    "similarity?panel=Matrix",
    "similarity?panel=Metrics",
)

# Streamlit's own faults, by rule and place, and nothing wider.
NOT_OURS = {
    # The menu's sections are <div>s between <ul> and <li>.
    "list": '[data-testid="stSidebarNavItems"]',
    "listitem": '[data-testid="stSidebarNavItems"] li',
    # KaTeX gives formulas a scroll bar that has nothing to scroll.
    "scrollable-region-focusable": ".katex-display",
    # The label of a disabled slider is pale like the slider; it may be, but axe does not see whose
    # label it is: the slider is a group.
    "color-contrast": '[data-testid="stWidgetLabel"][disabled] *',
}
RUN = """async notOurs => {
    const found = await axe.run(document, {resultTypes: ['violations']});
    const bad = [];
    for (const {id, impact, help, nodes} of found.violations) {
        if (impact !== 'serious' && impact !== 'critical') continue;
        for (const node of nodes) {
            const place = document.querySelector(node.target[0]);
            if (id in notOurs && place && place.matches(notOurs[id])) continue;
            bad.push(`${impact} ${id}: ${help}: ${node.html.slice(0, 200)}`);
        }
    }
    return bad;
}"""


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


@pytest.fixture(scope="module")
def page(app):
    with open_browser() as context:
        opened = context.new_page()
        settled(opened, app.url)
        yield opened


@pytest.mark.parametrize("view", [*navigation.FILES, "audience", "open", *VIEWS])
def test_axe_finds_nothing_serious(page, app, view):
    page.emulate_media(color_scheme="light")
    settled(page, f"{app.url}/{view}")
    page.wait_for_load_state("networkidle")  # charts and tables come after the script has ended
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        ground = page.wait_for_function(
            """dark => {
                const app = document.querySelector('[data-testid="stApp"]');
                const [red] = getComputedStyle(app).backgroundColor.match(/[0-9]+/);
                return (Number(red) < 128) === dark && getComputedStyle(app).backgroundColor;
            }""",
            arg=scheme == "dark",
        )
        assert page.evaluate(RUN, NOT_OURS) == [], (scheme, ground.json_value())


def test_axe_sees_what_is_planted(page, app):
    settled(page, f"{app.url}/open")
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    page.evaluate(
        """document.querySelector('h1').insertAdjacentHTML('afterend',
            '<p style="color:#bbb;background:#fff">Too pale</p><input>')"""
    )
    found = page.evaluate(RUN, NOT_OURS)
    assert any("color-contrast" in one for one in found)
    assert any("label" in one for one in found)
