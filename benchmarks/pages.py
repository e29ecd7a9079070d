"""Every page in a real browser: cold start, first paint, time to result. Prints; changes nothing.

    .venv/bin/python benchmarks/pages.py [--rounds 5] [--starts 3]

Ours, with the sample library, and a bare Streamlit page with a title and a line of text, by turns
in one headless Chromium, each visit in a new context with an empty cache. First paint is the
browser's own "first contentful paint"; the result is there when the script has ended and the
page's heading is drawn. A cold start begins with the command and ends with that result.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from rag_core import RagPipeline, load  # noqa: E402
from ui import navigation  # noqa: E402

STILL = '[data-testid="stApp"][data-test-script-state="notRunning"]'
BARE = 'import streamlit as st\n\nst.title("Hello")\nst.write("A line of text.")\n'
# Where a page as it opens only asks, the link that makes it answer.
LINKS = {
    "search": "search?q=station+where+returned+books+are+measured",
    "chat": "chat?q=Who+made+MSC-0217",
}
PAINT = """() => new Promise((done) => {
    const seen = performance.getEntriesByName("first-contentful-paint")[0];
    if (seen) return done(seen.startTime);
    new PerformanceObserver((list, watcher) => {
        const found = list.getEntriesByName("first-contentful-paint")[0];
        if (found) { watcher.disconnect(); done(found.startTime); }
    }).observe({ type: "paint", buffered: true });
})"""


@contextlib.contextmanager
def served(home: Path, *command: str) -> Iterator[str]:
    """Start a server; give its url at once, before it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", *command, "--server.port", str(port)],
        cwd=ROOT, env={**os.environ, "RAGSCOPE_HOME": str(home)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def answering(url: str) -> None:
    """Wait until the server takes connections."""
    host, _, port = url.removeprefix("http://").partition(":")
    while True:
        with contextlib.suppress(OSError):
            socket.create_connection((host, int(port)), timeout=1).close()
            return
        time.sleep(0.02)


def visit(browser: Browser, url: str) -> tuple[float, float]:
    """Return the seconds to first paint and to the result, with an empty cache."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    try:
        page = context.new_page()
        page.set_default_timeout(120_000)
        begin = time.perf_counter()
        page.goto(url, wait_until="commit")
        page.wait_for_selector("h1")
        page.wait_for_selector(STILL)
        result = time.perf_counter() - begin
        return page.evaluate(PAINT) / 1000, result
    finally:
        context.close()


def cold(browser: Browser, home: Path, command: tuple[str, ...]) -> float:
    """Return the seconds from the command to a page that stands."""
    begin = time.perf_counter()
    with served(home, *command) as url:
        answering(url)
        visit(browser, url)
        return time.perf_counter() - begin


def middle(values: list[float]) -> str:
    return f"{statistics.median(values):.2f}"


def prepare(home: Path) -> None:
    with RagPipeline.open(home) as pipeline:
        for file in sorted((ROOT / "samples" / "library").iterdir()):
            pipeline.ingest([load(file.name, file.read_bytes())])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--starts", type=int, default=3)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        home, script = Path(folder) / "home", Path(folder) / "bare.py"
        script.write_text(BARE, encoding="utf-8")
        prepare(home)
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        ours = ("ui.serve",)
        plain = ("streamlit", "run", str(script), "--server.fileWatcherType", "none")
        starts = [(cold(browser, home, ours), cold(browser, home, plain))
                  for _ in range(given.starts)]  # fmt: skip
        print("| seconds, medians | ours | bare Streamlit |\n|---|--:|--:|")
        print(f"| cold start, from the command | {middle([s[0] for s in starts])} "
              f"| {middle([s[1] for s in starts])} |\n")  # fmt: skip
        print("| page | first paint | bare | result | bare |\n|---|--:|--:|--:|--:|")
        with served(home, *ours) as app, served(home, *plain) as bare:
            for url in (app, bare):
                answering(url)
            visit(browser, f"{app}/search?q=warm")  # models are loaded once, by whoever is first
            for name in navigation.FILES:
                link = "" if name == navigation.HOME else LINKS.get(name, name)
                pairs = [(visit(browser, f"{app}/{link}"), visit(browser, bare))
                         for _ in range(given.rounds)]  # fmt: skip
                row = [middle([pair[side][what] for pair in pairs])
                       for what in (0, 1) for side in (0, 1)]  # fmt: skip
                print(f"| {name} | {' | '.join(row)} |")
        browser.close()


if __name__ == "__main__":
    main()
