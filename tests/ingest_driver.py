"""A program to be killed: indexes the files of a folder and says where it is, line by line.

Usage: ingest_driver.py HOME FOLDER POINT [real]

It prints "accepted NAME", "done NAME", "deleting NAME", "deleted NAME" and "end". At POINT (a key
of POINTS, with ":n" for its n-th time, or "nowhere") it prints "at POINT" and waits to be killed.
"""

import functools
import sys
import time
from pathlib import Path

from hash_embedder import HashEmbedder

from rag_core import IngestQueue, RagPipeline
from rag_core.catalog import Catalog
from rag_core.originals import Originals
from rag_core.protocols import Progress
from rag_core.stores.chroma import ChromaStore
from rag_core.uploads import Uploads

DELETED = "deleted.txt"
# where: the method, and whether to wait before or after it
POINTS = {
    "original-kept": (Originals, "put", "after"),
    "upload-noted": (Uploads, "accept", "after"),
    "chunks-announced": (Catalog, "announce", "after"),
    "chunks-stored": (ChromaStore, "upsert", "after"),
    "document-committed": (Catalog, "commit", "after"),
    "chunks-removed": (ChromaStore, "delete", "after"),
    "originals-cleaned": (Originals, "delete", "before"),
    "document-retired": (Catalog, "retire", "after"),
}
STAGES = ("reading", "chunking", "embedding", "storing")


def say(*words: str) -> None:
    sys.stdout.write(" ".join(words) + "\n")  # one write: two threads speak
    sys.stdout.flush()


def wait_to_be_killed(point: str) -> None:
    say("at", point)
    time.sleep(600)


def stop_at(point: str) -> None:
    """Make the program wait when it comes to the point for the n-th time."""
    name, _, number = point.partition(":")
    owner, method, when = POINTS[name]
    original = getattr(owner, method)
    left = int(number or 1)

    @functools.wraps(original)
    def waiting(*args, **kwargs):
        nonlocal left
        left -= 1
        if left == 0 and when == "before":
            wait_to_be_killed(point)
        result = original(*args, **kwargs)
        if left == 0 and when == "after":
            wait_to_be_killed(point)
        return result

    setattr(owner, method, waiting)


def watch_stage(pipeline: RagPipeline, stage: str) -> None:
    name, _, number = stage.partition(":")
    process, left = pipeline.process, int(number or 1)

    def watched(upload, *, on_progress=None, **kwargs):
        def report(progress: Progress) -> None:
            nonlocal left
            on_progress(progress)
            left -= progress.stage == name
            if left == 0 and progress.stage == name:
                wait_to_be_killed(stage)

        return process(upload, on_progress=report, **kwargs)

    pipeline.process = watched


def main() -> None:
    home, folder, point = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    embedder = None if "real" in sys.argv else HashEmbedder()
    pipeline = RagPipeline.open(home, embedder=embedder)
    pipeline.search("ready?")  # warm_up would load what reads answers, which takes ten seconds
    if point.partition(":")[0] in POINTS:
        stop_at(point)
    elif point.partition(":")[0] in STAGES:
        watch_stage(pipeline, point)
    say("ready")
    queue = IngestQueue(pipeline)
    names = sorted(path.name for path in folder.iterdir())
    for name in names:
        queue.submit([(name, (folder / name).read_bytes())])
        say("accepted", name)
    said: set[str] = set()
    deleted = False
    while len(said) < len(names) or not deleted:
        for file in queue.files():
            if file.report and file.upload.name not in said:
                said.add(file.upload.name)
                say("done" if file.report.document_id else "failed", file.upload.name)
        if len(said) >= 3 and not deleted:
            say("deleting", DELETED)
            pipeline.delete([info.id for info in pipeline.documents() if info.name == DELETED])
            deleted = True
            say("deleted", DELETED)
        time.sleep(0.005)
    say("end")


if __name__ == "__main__":
    main()
