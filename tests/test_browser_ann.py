"""Exact vs approximate in a real Chromium: following a measurement, cancelling it, its link."""

import re

import pytest
from browser import open_browser, running_app, settled
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

SMALL = "size=2000&dimension=32&queries=20&spread=Clustered"


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    with running_app(tmp_path_factory.mktemp("home") / "home") as running:
        yield running


@pytest.fixture
def page(app):
    with open_browser() as context:
        opened = context.new_page()
        opened.set_default_timeout(60_000)
        trouble = []
        opened.on("pageerror", lambda error: trouble.append(str(error)))
        settled(opened, app.url)
        yield opened
        assert trouble == []


def open_with(page, query):
    address = page.get_by_role("link", name="Exact vs approximate").get_attribute("href")
    settled(page, f"{address}?{query}")


def measure(page):
    page.get_by_role("button", name="Measure", exact=True).click()


def test_a_measurement_ends_by_itself_in_an_answer_and_a_curve(page):
    open_with(page, f"{SMALL}&ef=16")
    measure(page)
    page.get_by_text(re.compile(r"n_probe = \d+ is the first with recall over 90 %")).wait_for()
    page.locator(".js-plotly-plot .scatterlayer .trace").nth(2).wait_for()
    page.get_by_text("Keep", exact=True).click()
    page.wait_for_url(re.compile("panel=Keep"))
    with page.expect_download() as download:
        page.get_by_role("button", name="Results as CSV").click()
    assert download.value.path().read_text("utf-8-sig").startswith("method,setting,recall")


def test_it_can_be_cancelled_while_it_builds(page):
    open_with(page, "size=100000&ef=200")
    measure(page)
    page.get_by_text(re.compile("Building|Drawing")).first.wait_for()
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_text("Stopped. Nothing was kept of it.").wait_for()
    expect(page.get_by_role("button", name="Measure", exact=True)).to_be_enabled()
