"""What a sweep has found so far, on disk: a kill at any moment loses at most the run at work."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

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

    A line is on the disk before the next run begins. Half a line that a kill left is cut off, and
    a damaged one is as if it were not there.

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
        found = [run for line in whole[1:] if (run := _stored(line))]  # the first is the header
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
            whole = _whole_lines(file)
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


def _whole_lines(file: BinaryIO) -> int:
    """Return where the last whole line of a file ends."""
    end = file.seek(0, os.SEEK_END)
    if not end:
        return 0
    file.seek(end - 1)
    if file.read(1) == b"\n":  # as nearly always: the rest need not be read
        return end
    file.seek(0)
    return file.read().rfind(b"\n") + 1


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
