"""The chunking page in a real browser: how long a slider's move takes. Prints; changes nothing.

    .venv/bin/python benchmarks/chunk_page.py [--words 5000] [--moves 20]

Both pages are driven by turns in one headless Chromium: ours with the four strategies that need no
model and take an overlap, and a bare page with one slider and one line of text. A move is timed
from the key press that moves the slider to the change being drawn. A second table times scrolling
through 20,000 words in six columns, frame by frame.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
STILL = '[data-testid="stApp"][data-test-script-state="notRunning"]'
BARE = """
import streamlit as st

size = st.slider("Size", 100, 4000, 900, 50, key="size")
st.write(f"Size is {size}")
"""
STRATEGIES = ("recursive", "fixed", "sentence", "markdown")
ALL = (*STRATEGIES, "paragraph", "semantic")
WATCH = """(want) => new Promise((done) => {
    const roots = () => [document, ...[...document.querySelectorAll("*")]
        .map((each) => each.shadowRoot).filter((each) => each)];
    const look = () => roots().some((root) => (root.body ?? root).textContent.includes(want))
        ? requestAnimationFrame(() => done(performance.now())) : setTimeout(look, 4);
    look();
})"""
SCROLL = """() => new Promise((done) => {
    const root = [...document.querySelectorAll("*")].map((each) => each.shadowRoot)
        .find((each) => each?.querySelector(".scroller"));
    const scroller = root.querySelector(".scroller");
    const gaps = [];
    let last = performance.now();
    const step = (now) => {
        gaps.push(now - last);
        last = now;
        scroller.scrollTop += 240;
        const end = scroller.scrollTop + scroller.clientHeight + 2 >= scroller.scrollHeight;
        if (end || gaps.length > 399) done(gaps.slice(1));
        else requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
})"""


def text_of(words: int) -> str:
    source = (ROOT / "samples" / "library" / "book-store-handbook.md").read_text(encoding="utf-8")
    pieces = source.split(" ")
    while len(pieces) < words:
        pieces += pieces
    return " ".join(pieces[:words])


@contextmanager
def served(script: Path, home: str) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [
            sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port),
            "--server.headless", "true", "--server.fileWatcherType", "none",
        ],
        cwd=ROOT, env={**os.environ, "RAGSCOPE_HOME": home},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def settled(page: Page) -> None:
    page.wait_for_timeout(300)
    page.wait_for_selector(STILL, timeout=180_000)


def paste(page: Page, url: str, words: int, strategies: tuple[str, ...]) -> None:
    page.goto(url)
    settled(page)
    chosen = "&".join(f"strategies={name}" for name in strategies)
    page.goto(f"{url}/chunking?doc=Pasted+text&{chosen}")
    box = page.get_by_role("textbox", name="Text")
    box.wait_for()
    box.fill(text_of(words))
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".cell span", timeout=300_000)
    settled(page)


def move(page: Page, size: int, want: str) -> float:
    """Move the slider to the next size and return the milliseconds until `want` is drawn."""
    handle = page.get_by_role("slider", name="Size")
    handle.focus()
    start = page.evaluate("() => performance.now()")
    page.keyboard.press("ArrowRight")
    return page.evaluate(WATCH, want.format(size)) - start


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--words", type=int, default=5_000)
    options.add_argument("--moves", type=int, default=20)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        script = Path(folder) / "bare.py"
        script.write_text(BARE, encoding="utf-8")
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        with served(ROOT / "app.py", f"{folder}/home") as ours, served(script, folder) as bare:
            page, plain = browser.new_page(), browser.new_page()
            for each in (page, plain):
                each.set_viewport_size({"width": 1440, "height": 900})
            paste(page, ours, given.words, STRATEGIES)
            plain.goto(bare)
            settled(plain)
            moves(page, plain, given.words, given.moves)
            plain.close()
            scrolling(page, ours)
        browser.close()


def moves(page: Page, plain: Page, words: int, count: int) -> None:
    times: dict[str, list[float]] = {"bare": [], "page": []}
    for step in range(1, count + 1):
        size = 900 + 50 * step
        plain.bring_to_front()
        times["bare"].append(move(plain, size, "Size is {}"))
        settled(plain)
        page.bring_to_front()
        times["page"].append(move(page, size, f"{size:,} characters, overlap"))
        settled(page)
    print(f"A slider's move, {words:,} words, {len(STRATEGIES)} strategies, {count} moves (ms)")
    for name, found in times.items():
        ordered = sorted(found)
        print(
            f"  {name:5} median {statistics.median(found):6.0f}   "
            f"90th percentile {ordered[int(0.9 * (len(ordered) - 1))]:6.0f}"
        )
    more = statistics.median(times["page"]) - statistics.median(times["bare"])
    print(f"  the page takes {more:.0f} ms more at the median; promised are at most 300")


def scrolling(page: Page, url: str) -> None:
    paste(page, url, 20_000, ALL)
    gaps = sorted(page.evaluate(SCROLL))
    slow = sum(gap > 50 for gap in gaps)
    print(f"Scrolling through 20,000 words in {len(ALL)} columns, {len(gaps)} frames (ms)")
    late = gaps[int(0.99 * (len(gaps) - 1))]
    print(
        f"  median {statistics.median(gaps):.0f}   99th percentile {late:.0f}   "
        f"worst {gaps[-1]:.0f}   frames over 50 ms: {slow}"
    )


if __name__ == "__main__":
    main()
