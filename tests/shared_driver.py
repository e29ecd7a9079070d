"""One of several instances on a server: a pipeline on a data folder, told by line what to do.

Usage: shared_driver.py HOME URL COLLECTION [POINT]

It reads a JSON list a line, answers each with a JSON line, and ends with its input. When POINT, a
key of POINTS, has been passed, it prints "at POINT" and waits to be killed.
"""

import functools
import json
import sys
import time
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

from hash_embedder import HashEmbedder

from rag_core import IndexManager, RagError, RagPipeline
from rag_core.catalog import Catalog
from rag_core.stores import STORES
from rag_core.stores.records import DocumentRecords

POINTS = {
    "chunks-stored": lambda store: (store, "upsert"),
    "document-committed": lambda store: (Catalog, "commit"),
    "record-removed": lambda store: (DocumentRecords, "remove"),
}


def say(value) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def wait_to_be_killed(point: str) -> None:
    say(f"at {point}")
    time.sleep(600)


def stop_at(point: str, url: str) -> None:
    module, name = STORES[urlsplit(url).scheme].split(":")
    owner, method = POINTS[point](getattr(import_module(module), name))
    original = getattr(owner, method)

    @functools.wraps(original)
    def waiting(*args, **kwargs):
        original(*args, **kwargs)
        wait_to_be_killed(point)

    setattr(owner, method, waiting)


class Instance:
    """What can be asked of it; each method is a word that a line begins with."""

    def __init__(self, pipeline: RagPipeline) -> None:
        self.pipeline = pipeline

    def upload(self, name: str, text: str):
        return self.pipeline.process(self.pipeline.accept(name, text.encode())).status

    def many(self, prefix: str, number: int):
        for one in range(number):
            self.upload(f"{prefix}{one}.txt", f"{prefix} number {one} of many, {prefix}{one}.")
        return number

    def delete(self, name: str):
        ids = [info.id for info in self.pipeline.documents() if info.name == name]
        self.pipeline.delete(ids)
        return ids

    def names(self):
        return [info.name for info in self.pipeline.documents()]

    def text(self, name: str):
        info = next(info for info in self.pipeline.documents() if info.name == name)
        return self.pipeline.document(info.id).text

    def foreign(self):
        names = {info.id: info.name for info in self.pipeline.documents()}
        return sorted(names[id_] for id_ in self.pipeline.writers())

    def original(self, name: str):
        info = next(info for info in self.pipeline.documents() if info.name == name)
        return self.pipeline.original(info.id).decode()

    def find(self, query: str, mode: str):
        found = self.pipeline.search(query, mode=mode, k=3)
        return [hit.chunk.metadata["name"] for hit in found.hits]

    def count(self):
        return self.pipeline.store().count()

    def problems(self):
        report = IndexManager(self.pipeline).verify()
        return [[problem.kind, problem.detail] for problem in report.problems]


def main() -> None:
    home, url, collection = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    if len(sys.argv) > 4:
        stop_at(sys.argv[4], url)
    with RagPipeline.open(
        home, collection=collection, store_url=url, embedder=HashEmbedder()
    ) as pipeline:
        instance = Instance(pipeline)
        say("ready")
        for line in sys.stdin:
            word, *values = json.loads(line)
            try:
                say(getattr(instance, word)(*values))
            except RagError as error:
                say({"error": error.message, "hint": error.hint})


if __name__ == "__main__":
    main()
