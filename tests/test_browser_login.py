"""Logging in with a real browser, at an OpenID Connect provider on loopback."""

import re

import pytest
from browser import App, free_port, open_browser, settled
from oidc_server import CLIENT, SECRET, oidc_provider
from playwright.sync_api import expect

from rag_core import AccessError, RagPipeline, access

pytestmark = pytest.mark.browser

SECRETS = """
[auth]
redirect_uri = "http://127.0.0.1:{port}/oauth2callback"
cookie_secret = "a-cookie-secret-for-tests-that-is-long"
client_id = "{client}"
client_secret = "{secret}"
server_metadata_url = "{provider}/.well-known/openid-configuration"
[roles]
editor = ["editor@example.org"]
admin = ["Admin@Example.org"]
"""


@pytest.fixture(scope="module")
def provider():
    with oidc_provider() as running:
        yield running


@pytest.fixture(scope="module")
def app(tmp_path_factory, provider):
    folder, port = tmp_path_factory.mktemp("login"), free_port()
    secrets = folder / "secrets.toml"  # read when the server starts
    secrets.write_text(
        SECRETS.format(port=port, client=CLIENT, secret=SECRET, provider=provider.url)
    )
    running = App(folder / "home", port=port, STREAMLIT_SECRETS_FILES=str(secrets))
    yield running
    running.kill()


@pytest.fixture(scope="module")
def page(app):
    with open_browser() as context:
        opened = context.new_page()
        opened.set_default_timeout(60_000)
        settled(opened, app.url)
        yield opened


@pytest.fixture(autouse=True)
def _logged_out(page, provider):
    provider.refuses = provider.forges = False
    provider.verified = True
    button(page, "Log in").wait_for()
    yield
    if button(page, "Log out").count():
        button(page, "Log out").click()
        button(page, "Log in").wait_for()


def button(page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def log_in(page, provider, email: str, role: str) -> None:
    provider.email = email
    button(page, "Log in").click()
    # beside the picture, whose name is text too
    page.get_by_test_id("stSidebar").get_by_text(re.compile(rf"^\s*(person)?\s*{role}$")).wait_for()
    settled(page)


def go(page, name: str) -> None:
    """Through the menu: a new address would be a new session."""
    page.get_by_role("link", name=name, exact=True).first.click()
    page.get_by_role("heading", name=name, exact=True).wait_for()
    settled(page)


@pytest.mark.parametrize("fault", ["refuses", "forges"])
def test_a_login_that_failed_is_said(page, provider, fault):
    setattr(provider, fault, True)
    button(page, "Log in").click()
    page.get_by_text("You are not logged in").wait_for()
    settled(page)
    expect(page.get_by_label("Collection")).to_have_count(0)  # nothing but the names of the pages
    expect(button(page, "Log out")).to_have_count(0)


def test_a_viewer_looks_and_changes_nothing(page, provider, tmp_path, hash_embedder):
    log_in(page, provider, "viewer@example.org", "viewer")
    page.get_by_text("Nothing can be found yet").wait_for()
    expect(button(page, "Load the sample library")).to_have_count(0)
    expect(button(page, "New collection")).to_have_count(0)
    go(page, "Upload")
    page.get_by_text("You can look at this library, and not change it.").wait_for()
    expect(page.get_by_test_id("stFileUploaderDropzone")).to_have_count(0)
    go(page, "Store")
    page.get_by_text("takes the role of an admin").wait_for()
    expect(button(page, "Change or move")).to_have_count(0)
    # and were the button there
    with RagPipeline.open(tmp_path, embedder=hash_embedder) as pipeline:
        with access.acting_as("viewer"), pytest.raises(AccessError, match="A viewer cannot"):
            pipeline.accept("note.txt", b"A boat.")
        assert pipeline.documents() == []


def test_an_address_that_the_provider_has_not_verified_is_a_viewer(page, provider):
    provider.verified = False
    log_in(page, provider, "admin@example.org", "viewer")


def test_an_editor_adds_a_document(page, provider):
    log_in(page, provider, "editor@example.org", "editor")
    go(page, "Upload")
    with page.expect_file_chooser() as chooser:
        page.get_by_test_id("stFileUploaderDropzone").locator("button").first.click()
    note = {"name": "note.txt", "mimeType": "", "buffer": b"A boat carries salt."}
    chooser.value.set_files([note])
    page.get_by_test_id("stFileChip").wait_for()
    button(page, "Add to the collection").click()
    page.get_by_text("1 document, ").first.wait_for()
    go(page, "Store")
    page.get_by_text("takes the role of an admin").wait_for()


def test_an_admin_may_choose_the_store_and_nobody_after_logging_out(app, page, provider):
    log_in(page, provider, "admin@example.org", "admin")
    go(page, "Store")
    button(page, "Change or move").wait_for()
    button(page, "Log out").click()
    button(page, "Log in").wait_for()
    settled(page, f"{app.url}/upload")
    button(page, "Log in").wait_for()
    expect(page.get_by_test_id("stFileUploaderDropzone")).to_have_count(0)
