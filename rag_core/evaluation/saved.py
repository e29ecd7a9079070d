"""Sweeps that were made: what was asked, kept beside the runs, so that each opens again.

Nothing that was found is kept twice: a record names its runs, and a table is made of both whenever
it is looked at.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rag_core.access import require
from rag_core.datatypes import content_id
from rag_core.errors import HomeError, RagError
from rag_core.evaluation.answering import AnswerLog, StoredAnswer
from rag_core.evaluation.questions import Question, question_from
from rag_core.evaluation.reporting import EvaluationReport
from rag_core.evaluation.runs import depth_for, level_of
from rag_core.evaluation.scoring import QuestionResult, Ruler, score
from rag_core.evaluation.sweep_log import FOLDER, StoredRun, SweepLog
from rag_core.evaluation.table import SweepTable

_RECORDS = "sweeps"
_ID = re.compile(r"[0-9a-f]{12}")
_GONE = "Measure again: what is still on record is not measured twice."


class UnknownSweepError(RagError):
    """No sweep of that id is on record, or not all of it."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One setting of a sweep, and the run that serves it."""

    run: str
    k: int
    label: str
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SavedSweep:
    """A sweep's record. `made_at` is in seconds since 1970; `writer` is "" without answers.

    `questions` are those that could be asked, with their passages as they stood.
    """

    id: str
    name: str
    data: str
    code: str
    made_at: float
    seconds: float
    ks: tuple[int, ...]
    cells: tuple[Cell, ...]
    questions: tuple[Question, ...]
    skipped: tuple[str, ...] = ()
    writer: str = ""
    judge: str = ""
    answer_code: str = ""

    @classmethod
    def id_of(cls, data: str, code: str, cells: Sequence[Cell], *more: str) -> str:
        """Return the id of a sweep: the same settings over the same data are the same sweep."""
        return content_id(data, code, *(f"{cell.run} {cell.k}" for cell in cells), *more)[:12]


def table_of(
    sweep: SavedSweep,
    runs: Mapping[str, StoredRun],
    answers: Iterable[StoredAnswer] = (),
    ruler: Ruler | None = None,
) -> SweepTable:
    """Return the table of a sweep, every measure made now of what its runs found.

    Args:
        sweep: the record.
        runs: at least the record's, by key.
        answers: what was answered, if anything.
        ruler: what chunk quality counts; characters when None.

    Raises:
        KeyError: when a run is missing.
    """
    answered = {(each.key.run, each.key.hits, each.key.question): each for each in answers}
    level = level_of(sweep.questions)
    asked = {question.id: question for question in sweep.questions}

    def result(cell: Cell, depth: int, ks: tuple[int, ...]) -> list[QuestionResult]:
        found = []
        for each in runs[cell.run].runs:
            question, cut = asked[each.id], replace(each, retrieved=each.retrieved[:depth])
            one = (
                score(question, cut, ks, level, ruler)
                if question.judged
                else QuestionResult(question, cut.retrieved, (), {}, cut.seconds)
            )
            answer = answered.get((cell.run, min(cell.k, len(each.retrieved)), each.id))
            if answer is not None:
                values = {**one.values, **answer.values(question)}
                one = replace(one, values=values, answer=answer.text)
            found.append(one)
        return found

    reports = []
    for cell in sweep.cells:
        ks = tuple(k for k in sorted(set(sweep.ks)) if k <= cell.k)
        described = {**cell.settings, "label": cell.label, "chunks": runs[cell.run].chunks}
        if sweep.writer:
            described["generator"] = sweep.writer
        if sweep.judge:
            described["judge"] = sweep.judge
        results = tuple(result(cell, depth_for(level, cell.k), ks))
        reports.append(
            EvaluationReport(
                sweep.name, described, ks, level, results, sweep.skipped, sweep.data, sweep.code
            )
        )
    return SweepTable(sweep.name, tuple(reports), sweep.seconds, sweep.id)


class SavedSweeps:
    """The records of a data folder.

    Raises:
        HomeError: when they cannot be read or written.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._folder = home / FOLDER / _RECORDS

    def list(self) -> list[SavedSweep]:
        """Return the sweeps, the latest first; damaged records are left out."""
        found = [sweep for path in self._folder.glob("*.json") if (sweep := _read(path))]
        return sorted(found, key=lambda sweep: (-sweep.made_at, sweep.id))

    def get(self, id_: str) -> SavedSweep:
        """Return one sweep's record.

        Raises:
            UnknownSweepError: when there is none of this id.
        """
        path = self._folder / f"{id_}.json"
        found = _read(path) if _ID.fullmatch(id_) and path.is_file() else None
        if found is None:
            raise UnknownSweepError(f"There is no sweep {id_[:40]!r}.", hint=_GONE)
        return found

    def open(self, id_: str) -> SweepTable:
        """Return the table of a sweep as it was measured.

        Raises:
            UnknownSweepError: when there is none of this id, or its runs are gone.
        """
        sweep = self.get(id_)
        log = SweepLog(self._home, name=sweep.name, data=sweep.data, code=sweep.code)
        try:
            return table_of(sweep, log.runs(), _answers(self._home, sweep))
        except KeyError as error:
            raise UnknownSweepError(
                f"The runs of the sweep {sweep.name!r} are not whole any more.", hint=_GONE
            ) from error

    def save(self, sweep: SavedSweep) -> None:
        """Keep a record, whole or not at all.

        One of the same id is replaced, but for its seconds: what was on record took none this time.
        """
        before = _read(self._folder / f"{sweep.id}.json")
        if before is not None:
            sweep = replace(sweep, seconds=before.seconds)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            fresh = self._folder / f"{sweep.id}.new"
            with fresh.open("w", encoding="utf-8") as file:
                json.dump(asdict(sweep), file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(fresh, self._folder / f"{sweep.id}.json")
        except OSError as error:
            raise HomeError(
                f"The sweep cannot be kept: {error.strerror or error}.",
                hint="Free some space, or make the data folder writable.",
            ) from error

    def delete(self, id_: str) -> None:
        """Forget a sweep, and what was found for it alone; an unknown id is ignored.

        Raises:
            AccessError: for a viewer.
        """
        require("editor", "delete a sweep")
        if not _ID.fullmatch(id_):
            return
        gone = _read(self._folder / f"{id_}.json")
        try:
            (self._folder / f"{id_}.json").unlink(missing_ok=True)
            if gone is None or any(
                (one.data, one.code) == (gone.data, gone.code) for one in self.list()
            ):
                return
            for path in (self._home / FOLDER).glob(f"{gone.data}-{gone.code}*.jsonl"):
                path.unlink(missing_ok=True)
        except OSError as error:
            raise HomeError(f"The sweep cannot be deleted: {error.strerror or error}.") from error


def answer_log(home: Path, name: str, data: str, code: str) -> AnswerLog:
    """Return where the answers to a question set are kept."""
    header = {"name": name, "data": data, "code": code}
    return AnswerLog(home / FOLDER / f"{data}-{code}-answers.jsonl", header)


def _answers(home: Path, sweep: SavedSweep) -> list[StoredAnswer]:
    """Return the answers that belong to a sweep."""
    if not sweep.writer:
        return []
    stored = answer_log(home, sweep.name, sweep.data, sweep.code).answers()
    by_whom = (sweep.writer, sweep.judge, sweep.answer_code)
    return [each for each in stored.values() if tuple(each.key)[3:] == by_whom]


def _read(path: Path) -> SavedSweep | None:
    try:
        value = json.loads(path.read_bytes())
        return SavedSweep(
            **{
                **value,
                "ks": tuple(value["ks"]),
                "cells": tuple(Cell(**cell) for cell in value["cells"]),
                "questions": tuple(map(question_from, value["questions"])),
                "skipped": tuple(value["skipped"]),
            }
        )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        return None
    except OSError as error:
        raise HomeError(f"{path} cannot be read: {error.strerror or error}.") from error
