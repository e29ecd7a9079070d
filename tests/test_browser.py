"""The main job as a person does it: a real server, a real Chromium, a real file chooser."""

import re
from urllib.parse import urlsplit

import pytest
from browser import open_browser, running_app, settled
from chat_server import chat_server
from playwright.sync_api import expect

from rag_core import RagPipeline

pytestmark = pytest.mark.browser

HOSTILE_NAME = "<img src=x onerror=alert(1)> [x](http://evil.example) $$x$$ :red[hi].txt"
HOSTILE_TEXT = (
    "<script>alert('document')</script><img src=http://evil.example/a.png onerror=alert(2)> "
    "The hostile gardener planted ninety tulips. ![x](http://evil.example/b.png) $$\\frac{1}{2}$$ "
    "[click](javascript:alert(3)) <a href='http://evil.example'>here</a>"
)


@pytest.fixture(scope="module")
def context():
    with open_browser() as opened:
        yield opened


@pytest.fixture
def app(tmp_path):
    with running_app(tmp_path / "home") as running:
        yield running


@pytest.fixture
def page(context):
    """A page that must neither open a dialog nor ask another host for anything."""
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    trouble = []
    opened.on("dialog", lambda dialog: (trouble.append(dialog.message), dialog.dismiss()))
    opened.on(
        "request",
        lambda request: (
            trouble.append(request.url)
            if not re.match(r"(?:https?|wss?)://127\.0\.0\.1[:/]|data:|blob:", request.url)
            else None
        ),
    )
    yield opened
    opened.close()
    assert trouble == []


def pdf(*pages: str) -> bytes:
    """A small PDF, each page with one line of Helvetica."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>"]
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    objects.append(f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>")
    objects.append("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    for n, text in enumerate(pages):
        stream = f"BT /F1 12 Tf 40 700 Td ({text}) Tj ET"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * n} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>"
        )
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    out, places = "%PDF-1.4\n", []
    for n, body in enumerate(objects, start=1):
        places.append(len(out))
        out += f"{n} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    return f"{out}xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{end}".encode()


def upload(page, app, *files: tuple[str, bytes]) -> None:
    settled(page, f"{app.url}/upload")
    with page.expect_file_chooser() as chooser:
        page.get_by_test_id("stFileUploaderDropzone").locator("button").first.click()
    chooser.value.set_files(
        [{"name": name, "mimeType": "", "buffer": data} for name, data in files]
    )
    page.get_by_test_id("stFileChip").nth(len(files) - 1).wait_for()
    page.get_by_role("button", name="Add to the collection").click()
    page.get_by_role("button", name="Clear this list").wait_for(timeout=120_000)


def ask(page, question: str) -> None:
    box = page.get_by_test_id("stChatInput").locator("textarea")
    box.fill(question)
    box.press("Enter")


@pytest.fixture
def cold_app(tmp_path):
    with running_app(tmp_path / "home", preloaded=False) as running:
        yield running


def test_upload_a_pdf_ask_and_open_the_citation(cold_app, page):
    app = cold_app
    upload(
        page,
        app,
        ("lamps.pdf", pdf("The first page is about goats.", "The lamp was lit by Ada Quill.")),
    )
    expect(page.get_by_text("2 pages")).to_have_count(1)
    page.reload()
    settled(page)
    expect(page.get_by_text("1 document, ")).to_have_count(1)

    settled(page, f"{app.url}/chat")
    ask(page, "Who lit the lamp?")
    citation = page.get_by_role("button", name="lamps.pdf").first
    citation.wait_for()
    expect(citation).to_contain_text("p. 2")
    expect(page.locator(".answer")).to_contain_text("“The lamp was lit by Ada Quill.”")
    citation.click()
    mark = page.locator("mark").first
    mark.wait_for()
    expect(mark).to_have_text("The lamp was lit by Ada Quill.")
    expect(page.get_by_text("page 2 of 2")).to_have_count(1)
    page.get_by_text("Whole document").click()
    page.get_by_text("The first page is about goats.").last.wait_for()


def test_an_answer_streams_from_a_chat_server(tmp_path, page):
    pieces = ["The lamp ", "was lit ", "by Ada ", "Quill [1]."]
    with (
        chat_server(pieces=pieces, delay=0.6) as server,
        running_app(tmp_path / "home", OPENAI_BASE_URL=server.url) as app,
    ):
        upload(page, app, ("lamp.txt", b"The lamp was lit by Ada Quill."))
        settled(page, f"{app.url}/chat")
        ask(page, "Who lit the lamp?")
        seen = set()
        answer = page.get_by_test_id("stChatMessage").nth(1).get_by_test_id("stHtml").first
        while page.get_by_role("button", name="lamp.txt").count() == 0:
            seen.update(answer.all_inner_texts())  # without waiting: it gives way to the whole one
            page.wait_for_timeout(100)
        partial = [text for text in seen if "The lamp" in text and "Quill" not in text]
        assert len(partial) >= 2
        assert server.requests[0]["stream"] is True


def test_a_number_in_an_answer_opens_its_source_beside_it(tmp_path, page):
    pieces = ["The lamp was lit by Ada Quill [1]. ", "It weighs 77 tons [1]. ", "See [8]."]
    with (
        chat_server(pieces=pieces) as server,
        running_app(tmp_path / "home", OPENAI_BASE_URL=server.url) as app,
    ):
        upload(page, app, ("lamps.pdf", pdf("Goats.", "The lamp was lit by Ada Quill.")))
        settled(page, f"{app.url}/chat")
        ask(page, "Who lit the lamp?")
        page.get_by_text("1 invented citation").wait_for()
        expect(page.locator(".answer")).to_contain_text(re.compile(r"77\s*in no source"))
        page.locator(".answer [data-cite='1']").first.click()
        page.locator("mark").first.wait_for()
        expect(page.get_by_role("dialog")).to_have_count(0)
        answer, source = page.locator(".answer").bounding_box(), page.locator("mark").bounding_box()
        assert source["x"] > answer["x"] + answer["width"]
        page.get_by_role("radio", name="Page").click()
        page.get_by_text("Page 1, as it looks").wait_for()
        query = urlsplit(page.url).query
        app.kill()
        app.start()
        settled(page, f"{app.url}/chat?{query}")
        page.get_by_text("The lamp was lit by Ada Quill").first.wait_for()


def test_a_stopped_answer_keeps_its_question_and_can_be_asked_again(tmp_path, page):
    pieces = ["The lamp ", *(f"{word} " for word in "was lit by Ada Quill as was told".split())]
    with (
        chat_server(pieces=pieces, delay=1.0) as server,
        running_app(tmp_path / "home", OPENAI_BASE_URL=server.url) as app,
    ):
        upload(page, app, ("lamp.txt", b"The lamp was lit by Ada Quill."))
        settled(page, f"{app.url}/chat")
        ask(page, "Who lit the lamp?")
        page.get_by_text("The lamp was").wait_for()
        page.get_by_role("button", name="Stop", exact=True).click()
        page.get_by_text("Stopped before the answer was whole.").wait_for()
        expect(page.get_by_role("button", name="Ask again")).to_have_count(1)
        page.get_by_role("link", name="Upload").click()
        page.get_by_role("heading", name="Library").wait_for()
        page.get_by_role("link", name="Chat").click()
        page.get_by_text("Stopped before the answer was whole.").wait_for()
        expect(page.get_by_text("Who lit the lamp?")).to_have_count(1)
        page.get_by_text("How this answer was made").click()
        page.get_by_text("The exact prompt").wait_for()


def test_a_new_collection_is_chosen_and_its_form_closes(app, page):
    settled(page, app.url)
    page.get_by_role("button", name="New collection").click()
    page.get_by_label("Name").fill("second")
    page.get_by_label("Name").press("Enter")
    page.wait_for_url("**collection=second**")
    page.get_by_label("Name").wait_for(state="hidden")


def test_a_second_tab_and_a_refresh_change_nothing(app, page, context):
    upload(page, app, ("a.txt", b"Alpha is first."), ("b.txt", b"Beta is second."))
    other = context.new_page()
    settled(other, f"{app.url}/upload")
    for opened in (page, other):
        opened.reload()
        settled(opened)
        expect(opened.get_by_text("2 documents, 2 chunks")).to_have_count(1)
        expect(opened.get_by_text("2 files done")).to_have_count(1)
    other.close()


def test_a_killed_server_lists_what_is_unfinished_and_finishes_it(app, page):
    settled(page, app.url)
    app.kill()
    with RagPipeline.open(app.home) as pipeline:
        pipeline.accept("left.txt", b"The keeper has two goats.")
    app.start()
    settled(page, f"{app.url}/upload")
    expect(page.get_by_text("1 file unfinished")).to_have_count(1)
    page.get_by_role("button", name="Finish them").click()
    page.get_by_text("1 document, 1 chunk").wait_for(timeout=120_000)


def test_hostile_names_and_texts_are_only_text(app, page):
    upload(page, app, (HOSTILE_NAME.replace("/", "∕"), HOSTILE_TEXT.encode()))
    expect(page.locator("main img, section img[src='x']")).to_have_count(0)
    settled(page, f"{app.url}/chat")
    ask(page, "How many <b>tulips</b> did the hostile gardener plant? $$x$$")
    citation = page.get_by_role("button", name="onerror").first
    citation.wait_for()
    expect(citation).to_contain_text("<img src=x onerror=alert(1)>")
    citation.click()
    page.locator("mark").first.wait_for()
    expect(page.locator("a[href*='evil']")).to_have_count(0)
    expect(page.locator(".katex")).to_have_count(0)
    expect(page.locator("body")).to_contain_text("<script>alert('document')</script>")


@pytest.mark.parametrize("path", ["", "upload", "chat"])
def test_every_page_opens_first_on_a_cold_server(path, tmp_path, page):
    with running_app(tmp_path / "home", preloaded=False) as app:
        settled(page, f"{app.url}/{path}")
        page.wait_for_timeout(1_000)
        expect(page.get_by_test_id("stException")).to_have_count(0)
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(page.get_by_test_id("stSidebarNavLink").nth(2)).to_be_visible()
