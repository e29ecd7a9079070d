"""What every panel is given."""

from __future__ import annotations

from dataclasses import dataclass

from rag_core.evaluation import SweepTable


@dataclass(frozen=True, slots=True)
class Found:
    """A sweep's table, the metric it is looked at by, and the grid's spelling where it is known."""

    collection: str
    table: SweepTable
    metric: str
    spec: str = ""
