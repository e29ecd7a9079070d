"""Nothing fails, is lost, doubled or stale while the owner is killed.

RAGSCOPE_KILLS sets how often that is, 5 unless told; benchmarks/index_stress.py does 50 and
prints the tally.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.kill

KILLS = int(os.environ.get("RAGSCOPE_KILLS", "5"))
SCRIPT = Path(__file__).with_name("index_stress.py")


def test_readers_a_writer_and_rebuilds_through_kill_after_kill(tmp_path):
    # In a process of its own: a spawned reader runs its parent's __main__ again, and after a page
    # test that is app.py.
    run = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path / "home"), str(KILLS)],
        env={**os.environ, "PYTHONPATH": str(SCRIPT.parents[1])},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    tally = json.loads(run.stdout)
    assert not tally.pop("problems")
    assert tally.pop("kills") == KILLS
    assert tally.pop("searches") > KILLS
    assert tally.pop("changes") > KILLS
    assert tally.pop("rebuilds") > 0
    tally.pop("seconds")
    assert not any(tally.values()), tally
