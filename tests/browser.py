"""A real server and a real headless Chromium for tests."""

import contextlib
import multiprocessing
import os
import runpy
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from playwright.sync_api import expect

ROOT = Path(__file__).resolve().parent.parent
# A page is drawn piece by piece, on a busy machine slowly: what is expected of it is waited for.
expect.set_options(timeout=60_000)
STILL = '[data-testid="stApp"][data-test-script-state="notRunning"]'


def chromium_path() -> str:
    """The system's Chromium; without one the test is skipped, except in CI, where it fails."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("CI needs chromium: browser tests may not be skipped there")
        pytest.skip("needs chromium on the PATH")
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# Every server here imports the same libraries, which takes 15 seconds of a slow core: so one
# process imports them, computes nothing, and is forked. What is ours each imports for itself.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    ["streamlit.web.cli", "sentence_transformers", "chromadb", "openai", "plotly", "pandas"]
)


class App:
    """One `python -m ui.serve` on a home of its own; it can be killed and started again.

    With `preloaded` False its process starts from nothing, as a user's does.
    """

    def __init__(
        self,
        home: Path,
        *,
        port: int | None = None,
        command: tuple[str, ...] = ("ui.serve",),
        log: Path = Path(os.devnull),
        preloaded: bool = True,
        **environment: str,
    ) -> None:
        self.home = home
        self._port = port
        self._command = command
        self._log = log
        self._context = _FORKS if preloaded else multiprocessing.get_context("spawn")
        self._environment = environment
        self.start()

    def start(self) -> None:
        port = self._port or free_port()
        self.url = f"http://127.0.0.1:{port}"
        environment = {**os.environ, "RAGSCOPE_HOME": str(self.home), **self._environment}
        command = [*self._command, "--server.port", str(port)]
        self._process = self._context.Process(
            target=_run, args=(command, environment, self._log), daemon=True
        )
        # A child runs what it takes for its parent's main program: after tests of pages, a page
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            self._process.start()
        finally:
            sys.modules["__main__"] = main
        for _ in range(600):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            time.sleep(0.1)
        pytest.fail("the server did not start")

    def kill(self) -> None:
        self._process.kill()
        self._process.join()


def _run(command: list[str], environment: dict[str, str], log: Path) -> None:
    """Become `python -m <command>`."""
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    with log.open("ab") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    sys.path.insert(0, str(ROOT))
    sys.argv = command
    runpy.run_module(command[0], run_name="__main__", alter_sys=True)


@contextlib.contextmanager
def running_app(home: Path, *, preloaded: bool = True, **environment: str) -> Iterator[App]:
    app = App(home, preloaded=preloaded, **environment)
    try:
        yield app
    finally:
        app.kill()


@contextlib.contextmanager
def open_browser(**options) -> Iterator:
    from playwright.sync_api import sync_playwright

    path = chromium_path()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            # --disable-gpu and friends: the least that a bare machine without a screen needs
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        try:
            yield browser.new_context(viewport={"width": 1440, "height": 900}, **options)
        finally:
            browser.close()


def settled(page, path: str = "") -> None:
    """Wait until the page's script stands still."""
    if path:
        page.goto(path)
    page.wait_for_selector("h1", timeout=60_000)
    page.wait_for_selector(STILL, timeout=60_000)
