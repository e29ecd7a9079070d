"""What a sweep has found so far, on disk: a kill at any moment loses at most the run at work."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag_core.evaluation.kept_lines import JsonLines
from rag_core.evaluation.runs import QuestionRun

FOLDER = "evaluation"


@dataclass(frozen=True, slots=True)
class StoredRun:
    """One way of searching over all questions. `key` is of everything that decides it."""

    key: str
    settings: Mapping[str, Any]
    chunks: int
    runs: tuple[QuestionRun, ...]


class SweepLog:
    """The runs over one question set by one version of the code: a file of JSON lines.

    A damaged line is as if it were not there.

    Raises:
        HomeError: when the file cannot be read or written.
    """

    def __init__(self, home: Path, *, name: str, data: str, code: str) -> None:
        header = {"name": name, "data": data, "code": code}
        self._lines = JsonLines(home / FOLDER / f"{data}-{code}.jsonl", header)

    def runs(self) -> dict[str, StoredRun]:
        """Return what is there, by key."""
        found = [run for line in self._lines.read() if (run := _stored(line))]
        return {run.key: run for run in found}

    def append(self, run: StoredRun) -> None:
        """Write a run at the end; durable when it returns."""
        self._lines.append(
            {
                "key": run.key,
                "settings": dict(run.settings),
                "chunks": run.chunks,
                "runs": [each.as_json() for each in run.runs],
            }
        )


def _stored(line: bytes) -> StoredRun | None:
    """Return the run of a line, or None when it is damaged: that run is then made again."""
    try:
        value = json.loads(line)
        runs: Sequence[Mapping[str, Any]] = value["runs"]
        return StoredRun(
            str(value["key"]),
            value["settings"],
            int(value["chunks"]),
            tuple(QuestionRun.from_json(run) for run in runs),
        )
    except (ValueError, KeyError, TypeError):
        return None
