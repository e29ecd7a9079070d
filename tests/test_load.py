"""A short load: several sessions at once, over real websockets. No time is judged here."""

import asyncio
from collections import Counter

from benchmarks import load


def test_sessions_at_once_meet_no_error_and_no_stranger_s_data(tmp_path):
    home = tmp_path / "home"
    load.prepare(home, 6)
    with load.served(home) as (address, process):
        seen = asyncio.run(load.under_load(address, process, 6, 12, think=0.2, sentences=0))
    assert seen.errors == []
    assert seen.strangers == []
    # Every session was asked for what only its own file holds, or the run proves nothing
    times = Counter(action for action, _, _ in seen.taken)
    assert times["search"] > 0
    assert times["search own"] + times["chat own"] > 0
    assert times["chat"] > 0


def test_another_session_s_mark_is_seen():
    line = b"\x0a\x12The password of the keeper is secret03kolm.\x00marker11kolm"
    assert load.strangers(line, 3) == {"11"}
    assert load.strangers(line, 11) == {"3"}
    assert load.strangers(b"secret03kolm", 3) == set()


def test_memory_is_compared_after_the_warm_up():
    rising = [(second, 1000.0 + second) for second in range(100)]
    assert load.growth(rising) == (1023.5, 1095.5)
    warming = [(second, min(500.0 + 20 * second, 900.0)) for second in range(100)]
    assert load.growth(warming) == (900.0, 900.0)
