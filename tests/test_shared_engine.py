"""Instances with data folders of their own that share a server: each sees the other's documents.

Processes take real time here, and how long is printed; only `PATIENCE`, far above what is promised,
ends a test.
"""

import contextlib
import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hash_embedder import HashEmbedder
from store_servers import engine

from rag_core import IndexManager, RagPipeline, shared_documents
from rag_core.errors import HomeError, StoreError
from rag_core.index_manager.backup import backup
from rag_core.index_manager.sharing import leave_index
from rag_core.index_manager.space import reclaim

ENGINES = ("postgresql", "chroma+http", "qdrant+http")
every_engine = pytest.mark.parametrize("server", ENGINES, indirect=True)
one_engine = pytest.mark.parametrize("server", ENGINES[:1], indirect=True)
PATIENCE = 20.0  # seconds
TESTS = Path(__file__).parent
HERON = "The heron stands in the reeds and waits for a fish."
OTTER = "The otter slides down the bank into the cold river."
_names = (f"shared-{number}" for number in itertools.count())


class Process:
    """An instance in a process of its own, spoken to by lines."""

    def __init__(self, *arguments):
        command = [sys.executable, str(TESTS / "shared_driver.py"), *map(str, arguments)]
        path = os.pathsep.join([str(TESTS.parent), str(TESTS)])
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        self._ready = False

    def __call__(self, *words):
        self.say(*words)
        return self.answer()

    def say(self, *words):
        if not self._ready:  # asked when it is needed, so that two can start at once
            self._ready = self.answer() == "ready"
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()

    def answer(self):
        line = self._process.stdout.readline()
        assert line, "the instance has ended"
        return json.loads(line)

    def kill(self):
        self._process.kill()
        self._process.communicate()

    def close(self):
        self._process.communicate()


@pytest.fixture(scope="module")
def server(request, tmp_path_factory):
    with engine(request.param, tmp_path_factory.mktemp("engine")) as running:
        yield running
        running.check()


@pytest.fixture
def start(server, tmp_path):
    """Return a function that starts a process on a home, all of them in one collection."""
    collection = next(_names)
    with contextlib.ExitStack() as stack:

        def started(home, point=""):
            process = Process(tmp_path / home, server.url, collection, *([point] * bool(point)))
            stack.callback(process.kill)
            return process

        yield started


@pytest.fixture
def here(server, tmp_path, monkeypatch):
    """Return a function that opens a home in this process; every reading looks at the server."""
    monkeypatch.setattr(shared_documents, "_EVERY", 0.0)
    monkeypatch.setattr(shared_documents, "_REST", 0.0)
    collection = next(_names)
    with contextlib.ExitStack() as stack:

        def opened(home, **options):
            options = {"collection": collection, "embedder": HashEmbedder(), **options}
            pipeline = RagPipeline.open(tmp_path / home, store_url=server.url, **options)
            return stack.enter_context(pipeline)

        yield opened


def names(pipeline):
    return [info.name for info in pipeline.documents()]


def upload(pipeline, name, text):
    return pipeline.process(pipeline.accept(name, text.encode())).status


def until(what, wanted, told):
    """Ask until the answer is the wanted one, and print how long that took."""
    began = time.monotonic()
    while (found := what()) != wanted:
        assert time.monotonic() - began < PATIENCE, (told, found, wanted)
        time.sleep(0.02)
    print(f"{told}: {time.monotonic() - began:.2f} s")  # noqa: T201


@every_engine
def test_two_processes_see_what_the_other_adds_and_deletes(start):
    one, two = start("one"), start("two")
    assert one("names") == two("names") == []
    assert one("upload", "heron.txt", HERON) == "added"
    until(lambda: two("find", "heron reeds", "keyword"), ["heron.txt"], "found by keyword")
    assert two("find", "heron reeds", "vector") == ["heron.txt"]
    assert two("names") == ["heron.txt"]
    assert two("text", "heron.txt") == HERON
    assert (one("foreign"), two("foreign")) == ([], ["heron.txt"])
    assert "the instance that it was uploaded to" in two("original", "heron.txt")["error"]
    # The same file on both sides is one document, and then its original is on both
    assert two("upload", "heron.txt", HERON) == "unchanged"
    assert two("original", "heron.txt") == HERON
    assert one("count") == two("count") == 1
    # Both write at once
    one.say("many", "ant", 5)
    two.say("many", "bee", 5)
    assert one.answer() == two.answer() == 5
    all_ = sorted(["heron.txt", *(f"{kind}{n}.txt" for kind in ("ant", "bee") for n in range(5))])
    until(lambda: one("names"), all_, "one sees all")
    until(lambda: two("names"), all_, "two sees all")
    assert one("problems") == two("problems") == []
    assert one("find", "bee3", "keyword")[0] == "bee3.txt"
    assert two("find", "ant3", "vector")[0] == "ant3.txt"
    # What came from elsewhere can be deleted here
    assert len(two("delete", "heron.txt")) == 1
    all_.remove("heron.txt")
    until(lambda: one("names"), all_, "one sees it gone")
    assert one("find", "heron", "keyword") == []
    assert one("count") == two("count") == 10
    assert one("problems") == two("problems") == []


@one_engine
def test_a_kill_half_way_through_an_upload_shows_nothing_to_the_other(start):
    two = start("two")
    assert two("upload", "otter.txt", OTTER) == "added"
    one = start("one", "chunks-stored")
    one.say("upload", "heron.txt", HERON)
    assert one.answer() == "at chunks-stored"
    assert two("count") == 2  # it is in the store, and nobody knows of it
    one.kill()
    assert two("names") == ["otter.txt"]
    for mode in ("keyword", "vector"):
        assert "heron.txt" not in two("find", "heron reeds", mode)
    assert two("problems") == []
    # What one has to clean up is not cleaned up once another has brought the same file
    assert two("upload", "heron.txt", HERON) == "added"
    one = start("one")
    assert one("names") == ["heron.txt", "otter.txt"]
    assert one("count") == two("count") == 2
    assert two("find", "heron", "vector")[0] == "heron.txt"
    assert one("problems") == two("problems") == []


@one_engine
@pytest.mark.parametrize("point", ["document-committed", "record-removed"])
def test_a_kill_before_the_others_were_told_tells_them_later(start, point):
    one = start("one", point)
    if point == "document-committed":
        one.say("upload", "heron.txt", HERON)
    else:
        first = start("two")
        assert first("upload", "heron.txt", HERON) == "added"
        first.close()
        one.say("delete", "heron.txt")
    assert one.answer() == f"at {point}"
    one.kill()
    one = start("one")
    two = start("two")
    left = ["heron.txt"] if point == "document-committed" else []
    assert one("count") == len(left)  # opening the store puts right what the kill left
    until(lambda: two("names"), left, "told after a kill")
    assert one("names") == left
    assert one("problems") == two("problems") == []


@every_engine
def test_changes_of_a_document_arrive_with_its_chunks(here):
    one, two = here("one"), here("two")
    upload(one, "note.txt", HERON)
    assert names(two) == ["note.txt"]
    upload(two, "note.txt", OTTER)  # another text under its name
    assert [info.id for info in one.documents()] == [info.id for info in two.documents()]
    assert one.search("otter river", mode="keyword").hits[0].chunk.text == OTTER
    assert one.search("heron", mode="keyword").hits == ()
    assert one.store().count() == two.store().count() == 1
    assert IndexManager(one).verify().clean
    assert IndexManager(two).verify().clean


@one_engine
def test_of_two_texts_put_under_one_name_at_once_both_keep_the_later(here, monkeypatch):
    one, two = here("one"), here("two")
    assert names(one) == names(two) == []
    with monkeypatch.context() as patch:  # neither looks at what the other does
        patch.setattr(RagPipeline, "look", lambda pipeline: None)
        upload(one, "note.txt", HERON)
        upload(two, "note.txt", OTTER)
    for _ in range(2):
        found = [info.id for info in one.documents()], [info.id for info in two.documents()]
    assert found[0] == found[1]
    assert two.document(found[0][0]).text == OTTER
    assert one.store().count() == 1
    assert IndexManager(one).verify().clean


@every_engine
def test_a_server_that_is_down_or_new_empties_no_catalog(here, server):
    one, two = here("one"), here("two")
    upload(one, "heron.txt", HERON)
    assert names(two) == ["heron.txt"]
    server.stop()
    try:
        assert names(one) == names(two) == ["heron.txt"]
        with pytest.raises(StoreError):
            two.search("heron", mode="vector")
    finally:
        server.start()
    assert names(one) == names(two) == ["heron.txt"]
    # Another space: what was there is gone with the server, and not because anybody deleted it
    two._shared._opened().drop()
    two._shared.close()
    assert names(two) == ["heron.txt"]
    one._shared.close()
    assert names(one) == ["heron.txt"]
    upload(two, "otter.txt", OTTER)
    assert names(one) == ["heron.txt", "otter.txt"]


@every_engine
def test_an_instance_that_gives_up_a_collection_leaves_it_to_the_other(here):
    one, two = here("one"), here("two")
    upload(one, "heron.txt", HERON)
    assert names(two) == ["heron.txt"]
    _give_up(one)
    assert two.store().count() == 1
    assert names(two) == ["heron.txt"]
    _give_up(two)
    three = here("three")
    assert names(three) == []
    assert three.store().count() == 0


def _give_up(pipeline):
    pipeline.home.catalog.remove_collection(pipeline.collection)
    reclaim(pipeline)


@one_engine
def test_a_backup_does_without_the_originals_that_are_elsewhere(here, tmp_path):
    one, two = here("one"), here("two")
    upload(one, "heron.txt", HERON)
    upload(two, "otter.txt", OTTER)
    assert names(two) == ["heron.txt", "otter.txt"]
    report = backup(two.home.path, tmp_path / "two.zip")
    with_all = backup(one.home.path, tmp_path / "one.zip")
    assert report.files == with_all.files  # its own original, and not the other's
    info = next(info for info in two.documents() if info.name == "heron.txt")
    with pytest.raises(HomeError, match="instance that it was uploaded to"):
        two.original(info.id)
    assert two.original(next(i.id for i in two.documents() if i.id != info.id)) == OTTER.encode()


@one_engine
def test_repair_leaves_alone_what_another_is_storing(here):
    one, two = here("one"), here("two")
    upload(one, "heron.txt", HERON)
    assert names(two) == ["heron.txt"]
    chunk = next(iter(one.store()))
    half = type(chunk)("half", "of-another", 0, 0, len(OTTER), OTTER, {"name": "otter.txt"})
    one.store().upsert([half], HashEmbedder().embed_documents([OTTER]))
    assert IndexManager(two).repair().after.clean
    assert IndexManager(two).xray().healthy
    assert one.store().count() == 2
    # Alone, the same chunk belongs to nobody
    leave_index(one, one.collection)
    one.close()
    assert IndexManager(two).repair().mended == 1
    assert two.store().count() == 1
