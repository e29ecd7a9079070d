"""What a sweep has found so far, on disk: a kill at any moment loses at most the run at work."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag_core.errors import HomeError
from rag_core.evaluation.runs import QuestionRun

_WRITING = threading.Lock()
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

    A line is on the disk before the next run begins. Half a line that a kill left is cut off.

    Raises:
        HomeError: when the file cannot be read or written.
    """

    def __init__(self, home: Path, *, name: str, data: str, code: str) -> None:
        self._path = home / FOLDER / f"{data}-{code}.jsonl"
        self._header = {"name": name, "data": data, "code": code}

    def runs(self) -> dict[str, StoredRun]:
        """Return what is there, by key."""
        try:
            data = self._path.read_bytes() if self._path.exists() else b""
        except OSError as error:
            raise self._failed(error) from error
        whole = data[: data.rfind(b"\n") + 1].splitlines()
        found = [_stored(json.loads(line)) for line in whole[1:]]  # the first is the header
        return {run.key: run for run in found}

    def append(self, run: StoredRun) -> None:
        """Write a run at the end; durable when it returns."""
        line = json.dumps(
            {
                "key": run.key,
                "settings": dict(run.settings),
                "chunks": run.chunks,
                "runs": [each.as_json() for each in run.runs],
            }
        )
        try:
            with _WRITING:
                self._append(line.encode() + b"\n")
        except OSError as error:
            raise self._failed(error) from error

    def _append(self, line: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a+b") as file:
            file.seek(0)
            data = file.read()
            whole = data.rfind(b"\n") + 1
            file.truncate(whole)  # what a kill left half-way
            if not whole:
                line = json.dumps(self._header).encode() + b"\n" + line
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    def _failed(self, error: OSError) -> HomeError:
        return HomeError(
            f"The results {self._path} cannot be kept: {error.strerror or error}.",
            hint="Free some space, or make the data folder writable; what was found stays.",
        )


def _stored(value: Mapping[str, Any]) -> StoredRun:
    runs: Sequence[Mapping[str, Any]] = value["runs"]
    return StoredRun(
        str(value["key"]),
        value["settings"],
        int(value["chunks"]),
        tuple(QuestionRun.from_json(run) for run in runs),
    )
