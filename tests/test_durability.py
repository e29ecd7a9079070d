"""What was acknowledged is never lost: real processes, really killed (law 8).

RAGSCOPE_KILLS sets how many kills come at random moments; 4 unless told.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hash_embedder import HashEmbedder
from ingest_driver import DELETED, POINTS, STAGES

from rag_core import RagPipeline, load
from rag_core.pipeline import DEFAULT_COLLECTION

pytestmark = pytest.mark.kill

DRIVER = Path(__file__).with_name("ingest_driver.py")
KILLS = int(os.environ.get("RAGSCOPE_KILLS", "4"))
OLD_WORD, NEW_WORD = "zyzzyva", "quokka"
REPLACED = "replaced.txt"


def prose(seed: int, words: int) -> str:
    chance = random.Random(seed)
    vocabulary = [f"{a}{b}" for a in ("ka", "mo", "ri", "tu") for b in ("lan", "dor", "ves", "pim")]
    sentences = [
        " ".join(chance.choices(vocabulary, k=8)).capitalize() + f" {n}." for n in range(words // 8)
    ]
    return " ".join(sentences)


FILES = {
    "a-short.txt": prose(1, 60),
    "b-long.md": prose(2, 4_000),
    "c-page.html": f"<html><body><p>{prose(3, 400)}</p></body></html>",
    "d-twin.txt": prose(4, 300),
    "e-twin.txt": prose(4, 300),
    "f-medium.txt": prose(5, 1_500),
    REPLACED: f"{NEW_WORD} {prose(6, 800)}",
    "s-last.txt": prose(7, 200),
}
BEFORE = {
    "before.txt": prose(8, 500),
    DELETED: prose(9, 700),
    REPLACED: f"{OLD_WORD} {prose(10, 900)}",
}


def written(folder: Path, names) -> Path:
    for name in names:
        (folder / name).write_text(FILES[name])
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return written(tmp_path_factory.mktemp("files"), FILES)


def filled(path, embedder):
    with RagPipeline.open(path, embedder=embedder) as pipeline:
        pipeline.ingest([load(name, text.encode()) for name, text in BEFORE.items()])
    return path


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return filled(tmp_path_factory.mktemp("template"), HashEmbedder())


@pytest.fixture
def home(template, tmp_path):
    return shutil.copytree(template, tmp_path / "home")


class Run:
    """The driver at work; `said` holds its lines so far."""

    def __init__(self, home: Path, folder: Path, point: str, *more: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(DRIVER), str(home), str(folder), point, *more],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(DRIVER.parents[1])},
        )
        self.said: list[str] = []
        self._more = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with self.process.stdout:
            for line in self.process.stdout:
                with self._more:
                    self.said.append(line.strip())
                    self._more.notify_all()

    def wait_for(self, beginning: str, seconds: float = 60) -> None:
        def came() -> bool:
            return any(line.startswith(beginning) for line in self.said)

        with self._more:
            assert self._more.wait_for(came, seconds), f"no {beginning!r} in {self.said}"

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self._reader.join()

    def names(self, verb: str) -> set[str]:
        return {line.split()[1] for line in self.said if line.startswith(f"{verb} ")}


def check_whole(pipeline: RagPipeline) -> None:
    """Every document is there wholly and once, and nothing else is anywhere."""
    catalog, home = pipeline.home.catalog, pipeline.home.path
    chunks = {chunk.id: chunk for chunk in catalog.chunks(DEFAULT_COLLECTION)}
    stored = list(pipeline.store())
    assert sorted(chunk.id for chunk in stored) == sorted(chunks)
    assert catalog.unwanted(DEFAULT_COLLECTION) == []
    texts = {info.id: pipeline.document(info.id).text for info in pipeline.documents()}
    for chunk in stored:
        assert chunk == chunks[chunk.id]
        assert chunk.text == texts[chunk.document_id][chunk.start : chunk.end]
    for info in pipeline.documents():
        assert info.chunks == len(pipeline.chunks(info.id)) > 0
    names = [info.name for info in pipeline.documents()]
    assert len(names) == len(set(names))
    originals = {path.name for path in (home / "originals").glob("*/*")}
    assert originals == catalog.originals()
    for mode in ("vector", "keyword", "hybrid"):
        hits = pipeline.search("kalan modor 7", mode=mode, k=len(chunks)).hits
        assert {hit.chunk.id for hit in hits} <= set(chunks)
        assert hits


def check_recovery(run: Run, home: Path, embedder) -> None:
    accepted, done = run.names("accepted"), run.names("done")
    assert not run.names("failed")
    with RagPipeline.open(home, embedder=embedder) as pipeline:
        waiting = pipeline.unfinished()
        check_whole(pipeline)
        texts = {info.name: pipeline.document(info.id).text for info in pipeline.documents()}
        finished = {name for name in texts if FILES.get(name) and name != REPLACED}
        finished |= {REPLACED} & {name for name, text in texts.items() if NEW_WORD in text}
        assert done <= finished
        assert accepted <= finished | {upload.name for upload in waiting}
        assert len(waiting) == len({upload.name for upload in waiting})
        assert not finished & {upload.name for upload in waiting}
        assert {"before.txt", REPLACED} <= set(texts)
        if run.names("deleted"):
            assert DELETED not in texts
        elif not run.names("deleting"):
            assert texts[DELETED] == BEFORE[DELETED]

        reports = [pipeline.process(upload) for upload in waiting]
        assert {report.status for report in reports} <= {"added", "replaced"}
        assert pipeline.unfinished() == []
        check_whole(pipeline)
        texts = {info.name: pipeline.document(info.id).text for info in pipeline.documents()}
        assert accepted <= set(texts)
        for name in accepted - {"c-page.html"}:
            assert texts[name] == FILES[name]
        old = pipeline.search(OLD_WORD, mode="keyword", k=50).hits
        new = pipeline.search(NEW_WORD, mode="keyword", k=50).hits
        assert (len(old), len(new)) == ((0, 1) if REPLACED in accepted else (1, 0))


POINTS_MET = [
    *STAGES,
    "embedding:5",
    *POINTS,
    "original-kept:7",
    "document-committed:7",
    "chunks-removed:2",
]


@pytest.mark.parametrize("point", POINTS_MET)
def test_a_kill_at_every_step_loses_and_leaves_nothing(point, home, folder):
    run = Run(home, folder, point)
    run.wait_for(f"at {point}")
    run.kill()
    check_recovery(run, home, HashEmbedder())


@pytest.mark.parametrize("seed", range(KILLS))
def test_a_kill_at_a_random_moment_loses_and_leaves_nothing(seed, home, folder):
    run = Run(home, folder, "nowhere")
    run.wait_for("ready")
    time.sleep(random.Random(seed).uniform(0.0, 1.5))
    run.kill()
    check_recovery(run, home, HashEmbedder())


def test_kill_after_kill_on_one_folder(home, folder):
    accepted = set()
    for point in ("chunks-stored:2", "document-committed:3", "embedding:4"):
        run = Run(home, folder, point)
        run.wait_for(f"at {point}")
        run.kill()
        accepted |= run.names("accepted")
    run.said += [f"accepted {name}" for name in accepted]
    check_recovery(run, home, HashEmbedder())


def test_a_run_that_is_not_killed_leaves_the_same(home, folder):
    run = Run(home, folder, "nowhere")
    run.wait_for("end")
    run.process.wait()
    assert run.names("done") == set(FILES)
    check_recovery(run, home, HashEmbedder())


@pytest.mark.parametrize("point", ["embedding:4", "chunks-stored:3"])
def test_the_real_model_is_killed_too(point, tmp_path, tmp_path_factory, embedder):
    home = filled(tmp_path / "home", embedder)
    few = written(tmp_path_factory.mktemp("few"), ["a-short.txt", "d-twin.txt", REPLACED])
    run = Run(home, few, point, "real")
    run.wait_for(f"at {point}")
    run.kill()
    check_recovery(run, home, embedder)
