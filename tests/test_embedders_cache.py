"""The cache on the disk."""

import logging
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hash_embedder import HashEmbedder

from rag_core.embedders.cache import VectorCache

ROOT = Path(__file__).parent.parent
D = 64


class Clock:
    time = 1e9

    def __call__(self):
        return self.time


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "embeddings.sqlite3"


def vectors(*texts):
    return HashEmbedder(D).embed_documents(texts)


def put(cache, *texts, fingerprint="m"):
    cache.put(fingerprint, "document", texts, vectors(*texts))


def got(cache, *texts, fingerprint="m"):
    return set(cache.get(fingerprint, "document", texts, D))


# -- the cache ------------------------------------------------------------------------------


def test_what_was_put_comes_back_exactly_and_after_reopening(path):
    texts = [f"text {n}" for n in range(1200)] + ["", "Привет", "\ud800", "a\0b"]
    cache = VectorCache(path)
    put(cache, *texts)
    for opened in (cache, VectorCache(path)):
        found = opened.get("m", "document", [*texts, "unknown"], D)
        assert set(found) == set(texts)
        assert np.array_equal([found[text] for text in texts], vectors(*texts))
        assert all(vector.dtype == np.float32 for vector in found.values())


def test_models_kinds_and_texts_are_kept_apart(path):
    cache = VectorCache(path)
    put(cache, "a")
    assert got(cache, "a") == {"a"}
    assert got(cache, "A") == got(cache, "a", fingerprint="other") == set()
    assert cache.get("m", "query", ["a"], D) == {}
    assert cache.get("m", "document", ["a"], D + 1) == {}
    assert cache.known("m", "document", ["a", "b"]) == {"a"}
    assert cache.known("other", "document", ["a"]) == cache.known("m", "query", ["a"]) == set()


def test_it_can_be_looked_into_and_cleared(path):
    cache = VectorCache(path, max_bytes=10**6)
    put(cache, "a", "b")
    put(cache, "a", "c", "d", "c", fingerprint="other")
    put(cache, "b")  # again
    report = cache.report()
    assert {name: share.entries for name, share in report.models.items()} == {"m": 2, "other": 3}
    assert report.entries == 5
    assert report.bytes == sum(share.bytes for share in report.models.values())
    assert report.bytes == 5 * 4 * D < report.file_bytes
    assert report.max_bytes == 10**6
    got(cache, "a", "x", "y")
    assert (cache.report().hits, cache.report().misses) == (1, 2)
    cache.clear("m")
    assert set(cache.report().models) == {"other"}
    assert got(cache, "a", "b") == set()
    cache.clear()
    assert (cache.report().entries, cache.report().bytes) == (0, 0)


def test_clearing_gives_the_disk_back(path):
    cache = VectorCache(path)
    put(cache, *[f"text {n}" for n in range(3000)])
    before = cache.report().file_bytes
    cache.clear()
    assert cache.report().file_bytes < before / 5


def test_what_was_used_longest_ago_leaves_first(path):
    clock = Clock()
    bound = 500_000
    cache = VectorCache(path, max_bytes=bound, clock=clock)
    texts = [f"text {n}" for n in range(3000)]
    often = texts[:100]
    for start in range(0, 3000, 100):
        put(cache, *texts[start : start + 100])
        clock.time += 100
        assert got(cache, *often) == set(often)
        cache.close()  # writes back, so that the file itself can be looked at
        assert path.stat().st_size <= bound * 1.2
    left = [text in got(cache, text) for text in texts[100:]]
    assert 500 < sum(left) < 2900
    assert left == sorted(left)  # all that is gone is older than all that is left


def test_a_batch_larger_than_the_cache_keeps_it_within_bounds(path):
    cache = VectorCache(path, max_bytes=300_000)
    put(cache, *[f"text {n}" for n in range(3000)])
    assert 100 < cache.report().entries < 1000
    nothing = VectorCache(path.parent / "none.sqlite3", max_bytes=0)
    put(nothing, "a")
    assert nothing.report().entries == 0
    with pytest.raises(ValueError, match="-1"):
        VectorCache(path, max_bytes=-1)


# -- threads and processes ------------------------------------------------------------------


def test_threads_may_share_it(path):
    cache = VectorCache(path)
    errors = []

    def work(number):
        try:
            for turn in range(20):
                texts = [f"{turn} {n}" for n in range(number, number + 10)]
                put(cache, *texts)
                assert got(cache, *texts) == set(texts)
                cache.report()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert cache.report().entries == 20 * 15


WORKER = """
import sys
sys.path[:0] = sys.argv[2:4]
from test_embedders_cache import VectorCache, Path, put, got
cache = VectorCache(Path(sys.argv[1]))
for turn in range(25):
    texts = [f"{turn} {n}" for n in range(20)] + [f"{sys.argv[4]} {turn}"]
    put(cache, *texts)
    assert got(cache, *texts) == set(texts), turn
"""


def test_processes_may_share_it(path, caplog):
    """They start together, so that they also race for making the file."""
    workers = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", WORKER, path, ROOT, ROOT / "tests", f"w{number}"],
            stderr=subprocess.PIPE,
        )
        for number in range(3)
    ]
    said = [worker.communicate(timeout=120)[1].decode() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0], said
    assert said == ["", "", ""]
    cache = VectorCache(path)
    assert cache.report().entries == 25 * 20 + 3 * 25
    assert caplog.text == ""


def _in_child(cache, texts, inherited, queue):
    put(cache, "child")
    queue.put((cache._file._connection() is inherited, sorted(got(cache, *texts, "child"))))


@pytest.mark.filterwarnings("ignore:This process")  # that forking with threads is unwise is known
def test_a_fork_opens_the_file_for_itself(path):
    cache = VectorCache(path)
    put(cache, "a", "b")
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(
        target=_in_child, args=(cache, ["a", "b"], cache._file._connection(), queue)
    )
    child.start()
    assert queue.get(timeout=60) == (False, ["a", "b", "child"])
    child.join()
    assert got(cache, "a", "child") == {"a", "child"}


# -- damage ---------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["no database", "torn", "another format", "empty"])
def test_a_damaged_file_is_made_anew_with_a_note(path, damage, caplog):
    cache = VectorCache(path)
    put(cache, *[f"text {n}" for n in range(500)])
    cache.close()
    data = path.read_bytes()
    if damage == "another format":
        with sqlite3.connect(path) as db:
            db.execute("PRAGMA user_version = 99")
        db.close()
    else:
        path.write_bytes(
            {"no database": b"hello" * 999, "torn": data[:4096] + b"\xff" * 9000, "empty": b""}[
                damage
            ]
        )
    put(cache, "new")
    assert got(cache, "new", "text 1") <= {"new", "text 1"}
    assert "new" in got(cache, "new")
    assert cache.report().entries >= 1
    if damage != "empty":
        assert "damaged" in caplog.text
        assert str(path) in caplog.text


def test_damage_while_open_never_stops_the_work(path):
    cache = VectorCache(path)
    put(cache, *[f"text {n}" for n in range(2000)])
    with path.open("r+b") as file:
        file.seek(0)
        file.write(b"\xaa" * 50_000)
    for turn in range(3):
        put(cache, f"new {turn}")
        got(cache, *[f"text {n}" for n in range(2000)])
    cache.close()
    put(cache, "at last")
    assert got(cache, "at last") == {"at last"}


def test_a_damaged_vector_counts_as_missing(path):
    cache = VectorCache(path)
    put(cache, "a", "b")
    with sqlite3.connect(path) as db:
        (blob,) = db.execute("SELECT vector FROM vectors LIMIT 1").fetchone()
        db.execute("UPDATE vectors SET vector = ? WHERE vector = ?", (bytes(len(blob)), blob))
    db.close()
    assert len(got(cache, "a", "b")) == 1
    put(cache, "a", "b")
    assert got(cache, "a", "b") == {"a", "b"}


def test_where_nothing_can_be_kept_work_goes_on_and_says_so_once(tmp_path, caplog):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    cache = VectorCache(blocked / "cache.sqlite3")
    for _ in range(3):
        put(cache, "a")
        assert got(cache, "a") == set()
    assert cache.report().entries == 0
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_file_is_read(path):
    put(VectorCache(path), "a")
    path.chmod(0o444)
    path.parent.chmod(0o555)
    assert got(VectorCache(path), "a") <= {"a"}
    path.parent.chmod(0o755)
