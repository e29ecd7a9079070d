"""Many sessions on one server process: errors, strangers' data, waiting, memory. Prints.

    .venv/bin/python benchmarks/load.py [--sessions 30] [--minutes 15] [--think 5]

Each session is a real websocket that speaks Streamlit's protocol (websocket_client.py), without a
browser: what a browser only draws is not drawn. Each has a secret of its own in the file it
uploads, and a marker of its own in what it types; any message that carries another session's is
counted, and so is every error, and every answer without the secret it must have. All search one
shared library; each uploads to, searches and asks a collection of its own. Between two actions a
session waits `--think` seconds in the mean.

Three stages: one session searches alone; then beside a slow embedding job; then the load, with
another such job in its middle. Ends with 1 if something was wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.websocket_client import Run, Session  # noqa: E402
from rag_core import RagPipeline, load  # noqa: E402

SECRET = re.compile(rb"(?:marker|secret)(\d\d)kolm")
ACTIONS = ("search", "search own", "chat", "chat own", "page", "upload")
WEIGHTS = (40, 15, 8, 8, 24, 5)
WORDS = ("boat", "bridge", "museum clock", "cranes", "fog signal", "bees in spring", "sourdough",
         "ferry ticket", "oxygen", "telescope mirror", "tram ramp", "seed vault")  # fmt: skip
SLOW = "slow"  # the collection of the embedding job
FLAT = 1.05  # memory at the end against memory after warm-up
P95 = 2.0  # seconds of a search
BLOCKED = 1.0  # seconds an embedding job may hold up a search


@dataclass
class Figures:
    """What was seen, of all sessions."""

    taken: list[tuple[str, float, float]] = field(default_factory=list)  # action, begin, seconds
    errors: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)  # moment, MB
    jobs: list[tuple[float, float]] = field(default_factory=list)  # begin and end

    def seconds(self, *actions: str) -> list[float]:
        """Return how long these actions took."""
        return [seconds for action, _, seconds in self.taken if action in actions]

    def during_jobs(self, *actions: str) -> list[float]:
        """Return how long these actions took where they met a slow job."""
        return [
            seconds
            for action, begin, seconds in self.taken
            if action in actions
            and any(begin < end and begin + seconds > start for start, end in self.jobs)
        ]


def strangers(data: bytes, number: int) -> set[str]:
    """Return the markers and secrets in a message that are not session `number`'s."""
    return {f"{int(n)}" for n in SECRET.findall(data) if int(n) != number}


def notes(number: int, edition: int) -> bytes:
    """Return the file session `number` uploads: a few pages around its secret."""
    rng = random.Random(number * 1_000 + edition)
    filler = [" ".join(rng.choices(WORDS, k=9)).capitalize() + "." for _ in range(40)]
    filler.insert(17, f"The password of the keeper is secret{number:02}kolm.")
    return " ".join(filler).encode()


def long_text(sentences: int) -> bytes:
    """Return a text that takes a while to embed; no two chunks are alike, so nothing is cached."""
    rng = random.Random(7)
    line = (" ".join(rng.choices(WORDS, k=12)) + f" {n}." for n in range(sentences))
    return "\n".join(line).encode()


class Person:
    """One session at work."""

    def __init__(self, number: int, address: str, figures: Figures, think: float) -> None:
        self.number = number
        self.collection = f"load-{number:02}"
        self.random = random.Random(number)
        self.figures = figures
        self.think = think
        self.count = 0
        self.session = Session(address, self._look)

    async def work(self, seconds: float) -> None:
        """Act for so long, from the first file indexed; whatever goes wrong is noted."""
        async with self._noted("open"), self.session as session:
            await session.open("search")
            await self.upload()
            await self._indexed()
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                await asyncio.sleep(self.random.uniform(0.5, 1.5) * self.think)
                await self.act(self.random.choices(ACTIONS, WEIGHTS)[0])
            self.figures.errors += [f"{self.number}: {each}" for each in session.errors]

    async def act(self, action: str) -> None:
        """Do one thing, time it, and check what came of it."""
        async with self._noted(action):
            prepare, do = {
                "search": (lambda: self._open("search"), self.search),
                "search own": (lambda: self._open("search", own=True), self.search_own),
                "chat": (lambda: self._open("chat"), self.chat),
                "chat own": (lambda: self._open("chat", own=True), self.chat_own),
                "page": (lambda: asyncio.sleep(0), self.page),
                "upload": (lambda: asyncio.sleep(0), self.upload),
            }[action]
            await prepare()
            begin = time.monotonic()
            await do()
            self.figures.taken.append((action, begin, time.monotonic() - begin))

    async def search(self) -> None:
        """Search the shared library."""
        run = await self._query(f"{self.random.choice(WORDS)} marker{self.number:02}kolm")
        self._expect(any("dir=" in each for each in run.html), "a search without hits")

    async def search_own(self) -> None:
        """Search one's own collection, for what one uploaded."""
        run = await self._query(f"password keeper {self.count}")
        self._expect(run.says(f"secret{self.number:02}kolm"), "its own file was not found")

    async def chat(self) -> None:
        """Ask the shared library; the conversation about it is one's own all the same."""
        run = await self._ask(f"Who made the {self.random.choice(WORDS)}?")
        self._expect(run.says(f"marker{self.number:02}kolm"), "a question that was lost")

    async def chat_own(self) -> None:
        """Ask one's own collection."""
        run = await self._ask("What is the password of the keeper?")
        self._expect(run.says(f"secret{self.number:02}kolm"), "an answer without its secret")

    async def page(self) -> None:
        """Go to another page."""
        known = [name for name in self.session.pages if name not in ("audience", "open")]
        await self._open(self.random.choice(known), own=self.random.random() < 0.5)

    async def upload(self) -> None:
        """Upload one of three editions: a collection does not grow without end."""
        self.count += 1
        edition = self.count % 3
        await self._open("upload", own=True)
        self._checked(
            await self.session.upload(
                "files", "add_files", f"notes-{edition}.txt", notes(self.number, self.count)
            )
        )

    async def _ask(self, question: str) -> Run:
        self.count += 1
        asked = f"{question} marker{self.number:02}kolm {self.count}"
        return self._checked(await self.session.set({"ChatInput": asked}))

    async def _query(self, words: str) -> Run:
        self.count += 1
        return self._checked(await self.session.set({"q": words, "search": True}))

    async def _indexed(self) -> None:
        """Wait until the first file can be found."""
        for _ in range(600):
            run = await self._open("search", own=True, q="password keeper")
            if run.says(f"secret{self.number:02}kolm"):
                return
            await asyncio.sleep(0.5)
        raise AssertionError("the first file was never indexed")

    async def _open(self, page: str, *, own: bool = False, **query: str) -> Run:
        # Where nothing is said of it a session stays with the collection it has
        chosen = self.collection if own else "default"
        return self._checked(await self.session.open(page, collection=chosen, **query))

    def _checked(self, run: Run) -> Run:
        self.figures.errors += [f"{self.number}: {each}" for each in run.errors]
        return run

    def _expect(self, right: bool, otherwise: str) -> None:
        if not right:
            self.figures.errors.append(f"{self.number}: {otherwise}")

    def _look(self, data: bytes) -> None:
        for other in strangers(data, self.number):
            self.figures.strangers.append(f"session {self.number} was sent a mark of {other}")

    @contextlib.asynccontextmanager
    async def _noted(self, what: str) -> AsyncIterator[None]:
        try:
            yield
        except (OSError, TimeoutError, LookupError, AssertionError, ValueError) as error:
            self.figures.errors.append(f"{self.number}, {what}: {error!r}")


async def slow_job(address: str, figures: Figures, sentences: int) -> None:
    """Upload one long file and wait until it is indexed."""
    async with Session(address) as session:
        await session.open("upload", collection=SLOW)
        begin = time.monotonic()
        name = f"long-{begin:.0f}.txt"
        await session.upload("files", "add_files", name, long_text(sentences))
        while session.busy:
            await asyncio.sleep(0.2)
        figures.jobs.append((begin, time.monotonic()))
        figures.errors += [f"job: {each}" for each in session.errors]


async def searches(address: str, figures: Figures, name: str, until: Callable[[], bool]) -> None:
    """Search alone, one after another."""
    person = Person(99, address, figures, 0.0)
    async with person.session as session:
        await session.open("search")
        await person.search()  # loads the models
        while not until():
            begin = time.monotonic()
            await person.search()
            figures.taken.append((name, begin, time.monotonic() - begin))
            await asyncio.sleep(0.3)


async def measure_memory(process: psutil.Process, figures: Figures) -> None:
    """Note the server's resident memory every five seconds."""
    while True:
        figures.memory.append((time.monotonic(), process.memory_info().rss / 2**20))
        await asyncio.sleep(5)


async def alone(address: str, sentences: int) -> Figures:
    """Measure searches alone, and beside a slow embedding job."""
    figures = Figures()
    end = time.monotonic() + 15
    await searches(address, figures, "alone", lambda: time.monotonic() > end)
    job = asyncio.create_task(slow_job(address, figures, sentences))
    await searches(address, figures, "beside", job.done)
    await job
    return figures


async def under_load(
    address: str, process: psutil.Process, sessions: int, seconds: float, think: float,
    sentences: int,
) -> Figures:  # fmt: skip
    """Let all sessions work for so long; with `sentences`, a slow job in the middle."""
    figures = Figures()
    watching = asyncio.create_task(measure_memory(process, figures))
    people = [Person(number, address, figures, think) for number in range(sessions)]
    tasks = [asyncio.create_task(person.work(seconds)) for person in people]
    if sentences:
        await asyncio.sleep(seconds / 2)
        tasks.append(asyncio.create_task(slow_job(address, figures, sentences)))
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, BaseException):
            figures.errors.append(repr(result))
    watching.cancel()
    return figures


def prepare(home: Path, sessions: int) -> None:
    """Index the sample library, and make an empty collection for every session."""
    with RagPipeline.open(home) as pipeline:
        library = sorted((ROOT / "samples" / "library").iterdir())
        pipeline.ingest([load(file.name, file.read_bytes()) for file in library])
    for name in (SLOW, *(f"load-{number:02}" for number in range(sessions))):
        RagPipeline.open(home, collection=name).close()


@contextlib.contextmanager
def served(home: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Start the app as `make run` does; give its address and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    process = subprocess.Popen(
        [sys.executable, "-m", "ui.serve", "--server.port", address.rpartition(":")[2]],
        cwd=ROOT, env={**os.environ, "RAGSCOPE_HOME": str(home)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(600):
            with contextlib.suppress(OSError):
                host, _, port = address.partition(":")
                socket.create_connection((host, int(port)), timeout=1).close()
                break
            time.sleep(0.1)
        yield address, psutil.Process(process.pid)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def p95(seconds: list[float]) -> float:
    return (
        statistics.quantiles(seconds, n=20, method="inclusive")[-1]
        if len(seconds) > 1
        else max(seconds, default=0)
    )


def growth(memory: list[tuple[float, float]]) -> tuple[float, float]:
    """Return the memory after warm-up, a fifth of the time, and at the end: medians in MB."""
    values = [mb for _, mb in memory]
    warm = values[len(values) // 5 :]
    tenth = max(1, len(warm) // 10)
    return statistics.median(warm[:tenth]), statistics.median(warm[-tenth:])


def report(quiet: Figures, busy: Figures) -> bool:
    """Print the figures, and return whether all is as it should be."""
    print("| action | times | median s | p95 s | longest s |\n|---|---|---|---|---|")
    for name in ACTIONS:
        if found := busy.seconds(name):
            print(f"| {name} | {len(found):,} | {statistics.median(found):.2f} | {p95(found):.2f} "
                  f"| {max(found):.2f} |")  # fmt: skip
    by_itself, beside = quiet.seconds("alone"), quiet.seconds("beside")
    held = max(beside) - statistics.median(by_itself)
    print(f"\nOne session: a search took {statistics.median(by_itself):.2f} s, "
          f"beside an embedding job of {quiet.jobs[0][1] - quiet.jobs[0][0]:.0f} s "
          f"{statistics.median(beside):.2f} s, at most {max(beside):.2f} s: "
          f"held up by at most {held:.2f} s.")  # fmt: skip
    own = busy.seconds("search", "search own")
    during = busy.during_jobs("search", "search own")
    print(f"Under load p95 of {len(own):,} searches is {p95(own):.2f} s; of the {len(during):,} "
          f"beside such a job {p95(during):.2f} s.")  # fmt: skip
    warm, last = growth(busy.memory)
    print(f"Memory after warm-up {warm:,.0f} MB, at the end {last:,.0f} MB.")
    print(f"Errors: {len(busy.errors) + len(quiet.errors)}. Messages with another session's data: "
          f"{len(busy.strangers)}.")  # fmt: skip
    wrong = Counter([*quiet.errors, *busy.errors, *busy.strangers])
    for error, times in wrong.most_common(20):
        print(f"  {times} x {error}")
    clean = not (busy.errors or quiet.errors or busy.strangers)
    return clean and p95(own) < P95 and held <= BLOCKED and last <= FLAT * warm


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--sessions", type=int, default=30)
    options.add_argument("--minutes", type=float, default=15.0)
    options.add_argument("--think", type=float, default=5.0, help="seconds between two actions")
    options.add_argument("--sentences", type=int, default=20_000, help="of the embedding job")
    given = options.parse_args()
    print(f"{given.sessions} sessions, {given.minutes:g} minutes, {given.think:g} s between two "
          f"actions, {os.cpu_count()} cores")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        prepare(home, given.sessions)
        with served(home) as (address, process):
            quiet = asyncio.run(alone(address, given.sentences))
            busy = asyncio.run(
                under_load(
                    address, process, given.sessions, 60 * given.minutes, given.think,
                    given.sentences,
                )
            )  # fmt: skip
            sys.exit(0 if report(quiet, busy) else 1)


if __name__ == "__main__":
    main()
