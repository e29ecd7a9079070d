"""Nothing fails, is lost, doubled or stale while the owner is killed.

RAGSCOPE_KILLS sets how often that is, 8 unless told; benchmarks/index_stress.py does 50 and
prints the tally.
"""

import os

import pytest
from index_stress import stress

pytestmark = pytest.mark.kill

KILLS = int(os.environ.get("RAGSCOPE_KILLS", "8"))


def test_readers_a_writer_and_rebuilds_through_kill_after_kill(tmp_path):
    tally = stress(tmp_path / "home", kills=KILLS)
    assert tally.clean, tally
    assert tally.kills == KILLS
    assert tally.searches > KILLS
    assert tally.changes > KILLS
