"""An app that Streamlit was told to start without `ui.serve` refuses strangers all the same."""

import pytest
from browser import App, open_browser

pytestmark = pytest.mark.browser

AUTH = """
[auth]
redirect_uri = "http://127.0.0.1/oauth2callback"
cookie_secret = "a-cookie-secret-for-tests-that-is-long"
client_id = "tests"
client_secret = "tests"
server_metadata_url = "http://127.0.0.1:9/.well-known/openid-configuration"
"""
WIDE = {"STREAMLIT_SERVER_ADDRESS": "0.0.0.0"}


@pytest.fixture(scope="module")
def context():
    with open_browser() as opened:
        yield opened


@pytest.fixture
def first_look(tmp_path, context):
    """Opens a path of a server that nobody has opened before: until then Streamlit takes every
    file of pages/ for a page of its own, under the file's name."""
    started = []

    def look(path, *options, **environment):
        command = ("streamlit", "run", "app.py", *options)
        app = App(tmp_path / "home", command=command, **environment)
        started.append(app)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto(f"{app.url}/{path}")
        return page

    yield look
    for app in started:
        app.kill()


def drawn(page) -> int:
    return page.locator('[data-testid="stFileUploader"], [data-testid="stSelectbox"]').count()


@pytest.mark.parametrize(
    ("path", "options", "environment"),
    [
        ("", ("--server.address", "0.0.0.0"), {}),
        ("upload", (), WIDE),
        ("upload_page", (), WIDE),
    ],
)
def test_a_wide_server_without_a_login_shows_why_and_nothing_else(
    first_look, path, options, environment
):
    page = first_look(path, *options, **environment)
    said = page.get_by_test_id("stAlert")
    said.get_by_text("This server is bound to 0.0.0.0, without a login.").wait_for()
    said.get_by_text("RAGSCOPE_READ_ONLY=1").wait_for()
    assert drawn(page) == 0


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("upload", "Log in to look at this instance"),
        ("upload_page", "You are not logged in."),
    ],
)
def test_no_page_opens_before_the_login(first_look, tmp_path, path, said):
    secrets = tmp_path / "secrets.toml"
    secrets.write_text(AUTH)
    page = first_look(path, STREAMLIT_SECRETS_FILES=str(secrets))
    page.get_by_text(said).wait_for()
    assert drawn(page) == 0
