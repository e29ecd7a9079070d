"""Long work in short calls, and who goes first between them."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_core import Chunk, giving_way
from rag_core.giving_way import LEAST, Pace, Turn, give_way, in_front
from rag_core.stores import open_store


class Clock:
    """Time that passes only where it is said."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    found = Clock()
    monkeypatch.setattr(giving_way, "time", found)
    return found


@given(st.integers(0, 500), st.integers(1, 500))
def test_every_thing_is_done_once_in_order(things, most):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(giving_way, "BREATH", 0)
        parts = list(Pace().calls(things, most))
    assert [n for part in parts for n in range(part.start, part.stop)] == list(range(things))
    assert all(0 < part.stop - part.start <= most for part in parts)


@pytest.mark.parametrize(
    ("each", "watched", "alone"),
    [(0.0001, 1_500, 8_000), (0.0005, 300, 1_600), (0.01, LEAST, 80)],
)
def test_a_call_takes_about_as_long_as_somebody_may_wait(clock, monkeypatch, each, watched, alone):
    for last, wanted in ((float("inf"), watched), (float("-inf"), alone)):
        monkeypatch.setattr(giving_way, "_last", last)
        pace, sizes = Pace(), []
        for part in pace.calls(100_000, 10_000):
            sizes.append(part.stop - part.start)
            clock.now += sizes[-1] * each
        assert set(sizes[10:-1]) <= {
            wanted - 1,
            wanted,
        }  # a float is a little less than it should be
        assert next(pace.calls(100_000, 10_000)).stop in (wanted - 1, wanted)  # it is remembered


def test_who_was_in_front_a_moment_ago_is_still_there(clock):
    with in_front():
        pass
    assert giving_way._seconds() == giving_way.SECONDS
    clock.now += giving_way.RECENT
    assert giving_way._seconds() == giving_way.ALONE
    with in_front():
        clock.now += 3_600
        assert giving_way._seconds() == giving_way.SECONDS


def test_who_is_in_front_goes_first():
    parts = Pace().calls(1_000, 10)
    next(parts)
    order, inside, over = [], threading.Event(), threading.Event()

    def somebody():
        with in_front(), in_front():
            inside.set()
            over.wait(60)
            order.append("in front")

    def the_rest():
        next(parts)
        order.append("long work")

    front, work = threading.Thread(target=somebody), threading.Thread(target=the_rest)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(giving_way, "PATIENCE", 60)
        front.start()
        assert inside.wait(60)
        work.start()
        work.join(0.2)
        assert order == []
        over.set()
        front.join(60)
        work.join(60)
    assert order == ["in front", "long work"]


def test_who_waits_for_long_work_is_not_in_front_of_it(monkeypatch):
    monkeypatch.setattr(giving_way, "PATIENCE", 3_600)
    turn, inside, order = Turn(), threading.Event(), []

    def somebody():
        with in_front():
            inside.set()
            with turn, turn:
                order.append("somebody")
                with pytest.raises(AssertionError), turn:
                    raise AssertionError
                assert giving_way._in_front[threading.get_ident()] == 1

    thread = threading.Thread(target=somebody)
    with turn:
        thread.start()
        assert inside.wait(60)
        give_way()  # would wait for an hour, for one who waits for us
        order.append("long work")
    thread.join(60)
    assert order == ["long work", "somebody"]
    assert not giving_way._in_front


def test_nobody_gives_way_to_oneself_or_for_ever(monkeypatch):
    monkeypatch.setattr(giving_way, "PATIENCE", 3_600)
    with in_front():
        give_way()  # would wait for an hour
    monkeypatch.setattr(giving_way, "PATIENCE", 0.01)
    inside, over = threading.Event(), threading.Event()

    def always():
        with in_front():
            inside.set()
            over.wait(60)

    thread = threading.Thread(target=always)
    thread.start()
    assert inside.wait(60)
    give_way()
    over.set()
    thread.join(60)


def test_chroma_writes_and_removes_in_short_calls(tmp_path, monkeypatch):
    monkeypatch.setattr(giving_way, "_last", float("-inf"))
    monkeypatch.setattr(giving_way, "ALONE", 0.1)
    store = open_store(f"chroma://{tmp_path}/chroma", collection="docs", dimension=4)
    chunks = [Chunk(f"c{n}", "doc", n, n, n + 1, "x", {"name": "a.txt"}) for n in range(500)]
    sizes = {"upsert": [], "delete": []}

    def counted(name):
        whole = getattr(store._collection, name)

        def call(**given):
            sizes[name].append(len(given["ids"]))
            whole(**given)

        monkeypatch.setattr(store._collection, name, call)

    for name in sizes:
        counted(name)
    store.upsert(chunks, np.eye(4, dtype=np.float32)[[n % 4 for n in range(500)]])
    assert store.count() == 500
    store.delete([chunk.id for chunk in chunks])
    assert store.count() == 0
    for seen in sizes.values():
        assert sum(seen) == 500
        assert seen[0] == 100
    store.close()
