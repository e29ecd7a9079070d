"""The main job in numbers: start, index, answer, and be right. Prints; changes nothing.

    .venv/bin/python benchmarks/main_job.py [--fresh] [--wiki10 FOLDER]

`--fresh` also clones this repository and times `make run` from nothing to a usable page (minutes).
The page is timed in a headless Chromium, ours and a one-line Streamlit page by turns.
"""

from __future__ import annotations

import argparse
import contextlib
import json
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

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from rag_core import RagPipeline, load  # noqa: E402

READY = '[data-testid="stApp"][data-test-script-state="notRunning"]'
BARE = 'import streamlit as st\n\nst.title("Hello")\n'


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def chromium() -> Iterator[object]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        yield browser
        browser.close()


def seconds_to_page(browser, command: list[str], cwd: Path, home: Path, limit: float) -> float:
    """Start a server and return the seconds until its first page stands still with a heading."""
    port = free_port()
    environment = {
        **os.environ,
        "RAGSCOPE_HOME": str(home),
        "STREAMLIT_SERVER_PORT": str(port),
        "STREAMLIT_SERVER_HEADLESS": "true",
    }
    page = browser.new_page()
    start = time.perf_counter()
    server = subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        while time.perf_counter() - start < limit:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            time.sleep(0.02)
        page.goto(f"http://127.0.0.1:{port}/", timeout=limit * 1000)
        page.wait_for_selector("h1", timeout=limit * 1000)
        page.wait_for_selector(READY, timeout=limit * 1000)
        return time.perf_counter() - start
    finally:
        page.close()
        os.killpg(server.pid, 15)
        server.wait()


def start_up(browser, folder: Path, runs: int = 5) -> None:
    bare = folder / "bare.py"
    bare.write_text(BARE, encoding="utf-8")
    streamlit = [sys.executable, "-m", "streamlit", "run"]
    times: dict[str, list[float]] = {"bare": [], "ours": []}
    for turn in range(runs + 1):
        for name, script, cwd in (("bare", bare, folder), ("ours", ROOT / "app.py", ROOT)):
            taken = seconds_to_page(browser, [*streamlit, str(script)], cwd, folder / "home", 60)
            if turn:  # the first turn fills the disk's caches
                times[name].append(taken)
    bare_s, ours_s = (statistics.median(times[name]) for name in ("bare", "ours"))
    print(f"warm start, bare page      {bare_s:6.2f} s   (median of {runs})")
    print(f"warm start, Ragscope       {ours_s:6.2f} s   ratio {ours_s / bare_s:.2f}")


def fresh_run(browser, folder: Path) -> None:
    clone = folder / "clone"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    taken = seconds_to_page(browser, ["make", "run"], clone, folder / "fresh_home", 1800)
    print(f"make run, from nothing     {taken:6.1f} s   (install included)")


def sample_library(folder: Path) -> None:
    files = sorted((ROOT / "samples" / "library").iterdir())
    with RagPipeline.open(folder / "samples") as pipeline:
        start = time.perf_counter()
        pipeline.warm_up()
        print(f"model, store, index ready  {time.perf_counter() - start:6.2f} s")
        start = time.perf_counter()
        report = pipeline.ingest(load(file.name, file.read_bytes()) for file in files)
        taken = time.perf_counter() - start
        print(
            f"sample library indexed     {taken:6.2f} s   {len(files)} files, "
            f"{report.chunks} chunks, {len(report.failed)} failed"
        )
        lines = (ROOT / "samples" / "questions.jsonl").read_text(encoding="utf-8").splitlines()
        questions = [json.loads(line) for line in lines]
        ask(pipeline, [(q["question"], q["answer"], q["document"]) for q in questions], "samples")


def wiki10(folder: Path, data: Path) -> None:
    lines = (data / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line) for line in lines]
    with RagPipeline.open(folder / "wiki10") as pipeline:
        pipeline.warm_up()
        start = time.perf_counter()
        files = sorted((data / "docs").iterdir())
        report = pipeline.ingest(load(file.name, file.read_bytes()) for file in files)
        print(
            f"wiki10 indexed             {time.perf_counter() - start:6.2f} s   "
            f"{report.chunks} chunks"
        )
        ask(pipeline, [(q["question"], q["answers"][0], q["doc"]) for q in questions], "wiki10")


def ask(pipeline: RagPipeline, questions: list[tuple[str, str | None, str]], name: str) -> None:
    in_top = in_answer = declined = 0
    times = []
    for question, gold, document in questions:
        hits = pipeline.search(question, k=5).hits
        start = time.perf_counter()
        answer = pipeline.answer(question)
        times.append(time.perf_counter() - start)
        if gold is None:
            declined += not answer.found
            continue
        in_top += any(hit.chunk.metadata["name"] == document for hit in hits)
        in_answer += gold in answer.text
    answerable = sum(gold is not None for _, gold, _ in questions)
    print(f"{name}: document in top 5      {in_top} of {answerable}")
    print(f"{name}: gold in the answer     {in_answer} of {answerable}   (3 sentences at most)")
    if answerable < len(questions):
        print(f"{name}: declined, unanswerable {declined} of {len(questions) - answerable}")
    print(
        f"{name}: extractive answer      p50 {statistics.median(times):.2f} s, "
        f"max {max(times):.2f} s   (warm, nothing cached)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fresh", action="store_true", help="time `make run` in a fresh clone too")
    parser.add_argument("--no-browser", action="store_true", help="leave out the page's start")
    parser.add_argument("--wiki10", type=Path, default=ROOT.parent / "shared" / "data" / "wiki10")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if not options.no_browser:
            with chromium() as browser:
                start_up(browser, folder)
                if options.fresh:
                    fresh_run(browser, folder)
        sample_library(folder)
        if options.wiki10.is_dir():
            wiki10(folder, options.wiki10)


if __name__ == "__main__":
    main()
