"""Every hostile string through every page in a real Chromium: text, and nothing that happens."""

import re
from itertools import cycle, islice
from pathlib import Path
from urllib.parse import quote

import pytest
from browser import ROOT, open_browser, running_app, settled
from chat_server import chat_server
from hostile_strings import KINDS, STRINGS, encodable, of_kind

from rag_core import Document, RagPipeline
from rag_core.conversations import Conversations
from rag_core.lessons.lesson import View
from rag_core.lessons.scenes import Scene, Scenes
from rag_core.search_lab.saved import SavedQueries
from rag_core.turns import CitedPlace, NewTurn
from ui import navigation

pytestmark = pytest.mark.browser

# Elements, addresses and attributes that carry a marker: what a string that was obeyed leaves
# behind. Attributes that only ever hold text may carry it, and so may the app's own addresses.
OBEYED = r"""() => {
    const marked = /hx\d{3}/, found = [];
    const texts = /^(aria-.*|title|alt|value|placeholder|label|content|download|data-(?!hx).*)$/;
    const drawn = 'strong,b,em,i,del,s,h1,h2,h3,h4,h5,h6,a,blockquote,.katex,.katex-error,sub,sup';
    const walk = root => {
        for (const element of root.querySelectorAll('*')) {
            if (marked.test(element.tagName.toLowerCase())) found.push(element.outerHTML);
            for (const {name, value: given} of element.attributes) {
                // Streamlit makes a class of every widget's key, of nothing but letters and dashes
                const value = name === 'class' ? given.replace(/st-key-[\w-]+/g, '') : given;
                const own = /^(href|src|action)$/.test(name) && !/^(javascript|data):/i.test(value)
                    && new URL(value, location.href).host === location.host;
                if (marked.test(name) || (marked.test(value) && !own && !texts.test(name)))
                    found.push(`${name} of ${element.outerHTML}`);
                if (/^on/i.test(name)) found.push(`${name} of ${element.outerHTML}`);
            }
            const text = element.textContent.trim();
            if (/^(script|style|iframe|object|embed|base|meta|link)$/i.test(element.tagName)
                    && marked.test(text)) found.push(element.outerHTML);
            if (/^hx\d{3}$/.test(text) && element.matches(drawn)) found.push(element.outerHTML);
            if (element.matches('.katex, .katex-error')) found.push(element.outerHTML);
            if (element.shadowRoot) walk(element.shadowRoot);
        }
    };
    walk(document);
    if (document.querySelector('[data-testid="stException"]'))
        found.push(document.querySelector('[data-testid="stException"]').textContent);
    return found.map(each => each.slice(0, 300));
}"""

MARKERS = r"""() => {
    let text = '';
    const walk = node => {
        if (node.nodeType === 3) text += node.data;  // numbers of an answer are marked
        for (const child of node.shadowRoot ? [node.shadowRoot, ...node.childNodes]
                : node.childNodes) walk(child);
    };
    walk(document.body);
    return [...new Set(text.match(/hx\d{3}/g) || [])];
}"""

MARK = re.compile(r"hx\d{3}")
SHORT = [encodable(text) for text in STRINGS if len(text) < 500]
URLS = [*navigation.FILES, "audience", "open"]
# What pages show only once they are asked for it.
VIEWS = (
    "chunking?doc=html.txt%20(library)",
    "chunking?doc=markdown.txt%20(library)&panel=Numbers",
    "search?q=boat&panel=Flow",
    "similarity?texts=Collection&panel=Map&query=boat",
    "upload",
    "index?panel=Care",
)


@pytest.fixture(scope="module")
def home(tmp_path_factory, embedder) -> Path:
    """A library whose texts, names, questions, answers and scenes are the strings."""
    home = tmp_path_factory.mktemp("hostile") / "home"
    with RagPipeline.open(home, embedder=embedder) as pipeline:
        files = {
            f"{kind}.txt": "\n\n".join(f"boat {encodable(text)[:60]}" for text in of_kind(kind))
            for kind in dict.fromkeys(KINDS)
        }
        files |= {f"{name[:200]}.txt": f"A boat, {name[:60]}." for name in SHORT[::20]}
        pipeline.ingest(
            Document.from_text(name, text, metadata={"note": SHORT[place], SHORT[-place - 1]: "x"})
            for place, (name, text) in enumerate(files.items())
        )
        scenes = Scenes(pipeline.home.settings)
        saved = SavedQueries(pipeline.home.settings, "default")
        for text in SHORT[::10]:
            scenes.add(Scene(text, View("search", (("q", text),))))
            saved.add(text)
    kept = Conversations(home)
    for start in range(0, len(SHORT), 16):
        part = SHORT[start : start + 16]
        talk = kept.start("default", part[0])
        place = CitedPlace(1, "gone", part[0][:200], 0, 9, part[-1])
        turn = kept.add(talk, NewTurn(part[-1], "\n\n".join(part) + " [1]", (place,), part[0][:80]))
        kept.rate(turn.id, 1, part[0])
    kept.close()
    return home


@pytest.fixture(scope="module")
def server():
    pieces = [f"{text}\n\n" for text in SHORT] + ["The boat [1]."]
    with chat_server(pieces=pieces, models=["tiny-chat", *of_kind("html")[:5]]) as running:
        yield running


@pytest.fixture(scope="module")
def app(home, server):
    settings = {"OPENAI_API_KEY": "none", "OPENAI_BASE_URL": server.url}
    with running_app(home, RAGSCOPE_CHAT_MODEL="tiny-chat", **settings) as running:
        yield running


@pytest.fixture(scope="module")
def trouble() -> list[str]:
    """What the browser was made to do: requests to elsewhere, dialogs, windows."""
    return []


@pytest.fixture(scope="module")
def page(app, trouble):
    with open_browser() as context:
        opened = context.new_page()
        opened.set_default_timeout(60_000)
        opened.on("dialog", lambda dialog: (trouble.append(dialog.message), dialog.dismiss()))
        opened.on("popup", lambda popup: trouble.append(f"popup {popup.url}"))
        here = re.compile(rf"^({re.escape(app.url)}/|data:|blob:)")

        def only_here(route):
            trouble.append(route.request.url)
            route.abort()

        # The rest is not routed at all: a second look at every request would cost seconds
        opened.route(lambda url: not here.match(url), only_here)
        settled(opened, app.url)
        yield opened


@pytest.fixture(autouse=True)
def _nothing_happened(trouble):
    trouble.clear()
    yield
    assert trouble == []


def look(page, app, address: str) -> set[str]:
    """Open an address of the app, and return the markers of the strings it shows."""
    settled(page, f"{app.url}/{address}")
    page.wait_for_timeout(100)  # for what an obeyed string would begin
    assert page.evaluate(OBEYED) == [], address[:80]
    return set(page.evaluate(MARKERS))


def bound_keys() -> list[str]:
    """The names that widgets read from the address."""
    found = set()
    for source in [*(ROOT / "ui").rglob("*.py"), *(ROOT / "pages").glob("*.py")]:
        text = source.read_text(encoding="utf-8")
        if "query-params" in text or "query_params" in text:
            found |= set(re.findall(r'(?:key=|query_params[.\w]*[\[(])"([a-z_0-9]+)"', text))
    return sorted(found)


def hostile_query(page: int) -> str:
    # Each page begins elsewhere in the corpus: together they see all of it, in every name.
    values = islice(cycle(SHORT), page * len(SHORT) // len(URLS), None)
    return "&".join(f"{name}={quote(next(values))}" for name in bound_keys())


def test_no_page_obeys_its_address(page, app):
    assert {"q", "query", "doc", "panel"} <= set(bound_keys())
    for place, url in enumerate(URLS):
        look(page, app, f"{url}?{hostile_query(place)}")


def test_what_the_library_holds_is_shown_as_text(page, app):
    for view in VIEWS:
        look(page, app, view)
    settled(page, f"{app.url}/{VIEWS[0]}")
    page.wait_for_function(f"({MARKERS})().length > 50")  # every string of a kind that fits
    assert page.evaluate(OBEYED) == []


def test_what_is_typed_and_what_a_model_says_are_text(page, app, server):
    settled(page, f"{app.url}/chat")
    box = page.get_by_test_id("stChatInput").locator("textarea")
    box.fill(" boat ".join(SHORT[::9]))
    box.press("Enter")
    page.get_by_text("invented citation").first.wait_for()
    settled(page)
    assert page.evaluate(OBEYED) == []
    assert set(MARK.findall("".join(server.pieces))) <= set(page.evaluate(MARKERS))
