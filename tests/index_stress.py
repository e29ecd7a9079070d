"""Readers, a writer and rebuilds as real processes, killed at random moments; a tally of it all.

Usage: index_stress.py HOME KILLS, which prints the tally as JSON.
"""

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from index_driver import call, model_of

from rag_core import RagPipeline
from rag_core.index_manager import IndexManager

DRIVER = Path(__file__).with_name("index_driver.py")
DOCUMENTS = 12
READERS = 3
MODES = ("vector", "keyword", "hybrid")


@dataclass
class Tally:
    """What happened; every list of failures is to be empty."""

    kills: int = 0
    searches: int = 0
    changes: int = 0
    rebuilds: int = 0
    failed_searches: list = field(default_factory=list)
    failed_changes: list = field(default_factory=list)
    failed_rebuilds: list = field(default_factory=list)
    lost: list = field(default_factory=list)
    duplicates: list = field(default_factory=list)
    stale: list = field(default_factory=list)
    problems: list = field(default_factory=list)
    seconds: float = 0.0

    @property
    def clean(self) -> bool:
        return not any(
            (self.failed_searches, self.failed_changes, self.failed_rebuilds, self.lost,
             self.duplicates, self.stale, self.problems)
        )  # fmt: skip


def word(number: int) -> str:
    return "".join(chr(97 + int(digit)) * 2 for digit in f"{number:04}")


def body(number: int, version: int) -> str:
    """A text whose every chunk says which document and version it is."""
    mark = f"subject{word(number)} version{version:05}"
    filler = " ".join(f"{mark} has line {n} of plain words here." for n in range(60))
    return f"{mark} begins. {filler}"


def read(address, least, present, stop, out, seed) -> None:
    chance = random.Random(seed)
    while not stop.is_set():
        number = chance.randrange(DOCUMENTS)
        mode = chance.choice(MODES)
        floor, there = least[number], present[number]
        try:
            hits = call(address, "search", (f"subject{word(number)}", mode))
        except (OSError, EOFError):
            time.sleep(0.02)  # the owner was killed: its searches are not counted
            continue
        except RuntimeError as error:
            out.put(("failed_searches", f"{mode}: {error}"))
            continue
        out.put(("searches", mode))
        ours = [text for name, text in hits if name == f"{number}.txt"]
        for text in ours:
            version = int(text.split("version")[1][:5])
            if version < floor:
                out.put(("stale", f"{mode} {number}: {version} < {floor}"))
        if there and present[number] == there and not ours:
            out.put(("lost", f"{mode}: {number} was not found"))


def write(address, least, present, stop, out, seed) -> None:
    chance = random.Random(seed)
    versions = [max(1, value) for value in least]
    while not stop.is_set():
        number = chance.randrange(DOCUMENTS)
        remove = present[number] > 0 and chance.random() < 0.2
        present[number] = 0  # in flux: nobody may ask for it
        versions[number] += 1
        while not stop.is_set():
            try:
                if remove:
                    call(address, "delete", f"{number}.txt")
                    least[number] = versions[number]
                else:
                    call(address, "update", (f"{number}.txt", body(number, versions[number])))
                    least[number] = versions[number]
                    present[number] = versions[number]
            except (OSError, EOFError):
                time.sleep(0.02)  # not acknowledged: the same again
                continue
            except RuntimeError as error:
                out.put(("failed_changes", str(error)))
            else:
                out.put(("changes", ""))
            break
        time.sleep(0.02)


def start_owner(home: Path, address: str, log: Path) -> subprocess.Popen:
    owner = subprocess.Popen(
        [sys.executable, str(DRIVER), str(home), address],
        stdout=subprocess.PIPE,
        stderr=log.open("ab"),
        text=True,
        env={**os.environ, "PYTHONPATH": str(DRIVER.parents[1])},
    )
    return owner


def stress(home: Path, *, kills: int, seed: int = 0, longest: float = 3.5) -> Tally:
    """Run it all, kill the owner so many times, and look at what is left."""
    tally, chance, began = Tally(), random.Random(seed), time.monotonic()
    context = multiprocessing.get_context("spawn")
    least, present = context.Array("i", DOCUMENTS), context.Array("i", DOCUMENTS)
    stop, out = context.Event(), context.Queue()
    with tempfile.TemporaryDirectory() as folder:
        address, log = str(Path(folder) / "owner"), Path(folder) / "log"
        shared = (address, least, present, stop, out)
        workers = [
            context.Process(target=read, args=(*shared, seed + n), daemon=True)
            for n in range(READERS)
        ]
        workers.append(context.Process(target=write, args=(*shared, seed + 99), daemon=True))
        for worker in workers:
            worker.start()
        for turn in range(kills + 1):
            owner = start_owner(home, address, log)
            line = owner.stdout.readline()
            if line != "ready\n":
                owner.kill()
                tally.problems.append(f"the owner did not start: {line}{log.read_text()}")
                break
            time.sleep(chance.uniform(0.05, longest))
            if turn == kills:  # the last one is let be, and its clients are stopped first
                stop.set()
                for worker in workers:
                    worker.join(20)
            owner.send_signal(signal.SIGKILL)
            said, _ = owner.communicate()

            tally.kills += turn < kills
            tally.rebuilds += said.count("rebuild done")
            tally.failed_rebuilds += [
                line for line in said.splitlines() if "rebuild" in line and "done" not in line
            ]
            collect(out, tally)
        stop.set()
        collect(out, tally)
    examine(home, list(least), list(present), tally)
    tally.seconds = time.monotonic() - began
    return tally


def collect(out, tally: Tally) -> None:
    while not out.empty():
        kind, value = out.get()
        if kind in ("searches", "changes"):
            setattr(tally, kind, getattr(tally, kind) + 1)
        else:
            getattr(tally, kind).append(value)


def examine(home: Path, least, present, tally: Tally) -> None:
    """Open the folder once more and hold it against what was acknowledged."""
    with RagPipeline.open(home, embedder=model_of(home)) as pipeline:
        for upload in pipeline.unfinished():
            pipeline.process(upload)
        manager = IndexManager(pipeline)
        manager.forget_unfinished()
        infos = pipeline.documents()
        names = [info.name for info in infos]
        tally.duplicates += [name for name in set(names) if names.count(name) > 1]
        texts = {info.name: pipeline.document(info.id).text for info in infos}
        for number in range(DOCUMENTS):
            text = texts.get(f"{number}.txt")
            if present[number] and text is None:
                tally.lost.append(f"{number}.txt")
            elif text and int(text.split("version")[1][:5]) < least[number]:
                tally.stale.append(f"{number}.txt")
        found = manager.verify()
        tally.problems += [f"{p.kind} {p.subject} {p.detail}" for p in found.problems]
        manager.forget_kept()
        folders = [path for path in (home / "chroma").iterdir() if path.is_dir()]
        if len(folders) > 1:
            tally.problems.append(f"{len(folders)} folders of indexes are left")


if __name__ == "__main__":
    json.dump(asdict(stress(Path(sys.argv[1]), kills=int(sys.argv[2]))), sys.stdout)
