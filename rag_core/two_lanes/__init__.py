"""Two lanes: the same question asked of two pipelines, side by side."""

from __future__ import annotations

from rag_core.two_lanes.ballot import Ballot, Tally, Vote, wins
from rag_core.two_lanes.evidence import Evidence, Seen, compare
from rag_core.two_lanes.index import Shelf
from rag_core.two_lanes.race import LaneReport, RaceProgress, run_race
from rag_core.two_lanes.settings import (
    AS_INDEXED,
    CHUNKINGS,
    QUOTED,
    LaneSettings,
    distinct_labels,
    swapped,
)

__all__ = [
    "AS_INDEXED",
    "CHUNKINGS",
    "QUOTED",
    "Ballot",
    "Evidence",
    "LaneReport",
    "LaneSettings",
    "RaceProgress",
    "Seen",
    "Shelf",
    "Tally",
    "Vote",
    "compare",
    "distinct_labels",
    "run_race",
    "swapped",
    "wins",
]
