"""Waiting for items that may never come."""

import threading

import pytest

from rag_core.waiting import watched


def test_items_come_in_order_and_end():
    assert list(watched(iter("abc"), lambda: None)) == ["a", "b", "c"]
    assert list(watched([], lambda: None)) == []


def test_whoever_waits_for_nothing_can_leave():
    ready, end = threading.Event(), threading.Event()

    def silent():
        ready.set()
        end.wait(60)
        yield "too late"

    looks = 0

    def look():
        nonlocal looks
        looks += 1
        if ready.is_set():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(watched(silent(), look))
    assert looks >= 1
    end.set()


def test_an_error_of_the_maker_is_raised_where_it_is_waited_for():
    def failing():
        yield 1
        raise ValueError("broken")

    coming = watched(failing(), lambda: None)
    assert next(coming) == 1
    with pytest.raises(ValueError, match="broken"):
        next(coming)


def test_who_leaves_early_lets_the_maker_end():
    ended = threading.Event()

    def endless():
        try:
            while True:
                yield 1
        finally:
            ended.set()

    made = endless()
    coming = watched(made, lambda: None)
    next(coming)
    coming.close()
    del made
    assert ended.wait(10)
