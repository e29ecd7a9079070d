"""Keeping a collection like a folder: what is new there comes, what is gone there goes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag_core.errors import LoadError, SettingsError
from rag_core.folders import find_files, read_file
from rag_core.loaders import LOADERS, Limits
from rag_core.pipeline import RagPipeline
from rag_core.protocols import OnProgress
from rag_core.reports import FileReport

_KEY = "sync"


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """What would change: names to add, to replace, to remove; and what is as it was.

    `removed` are documents that came from this folder and are not in it any more; what came
    otherwise is never removed. `skipped` are files that are not read, with the reason.
    """

    folder: Path
    added: tuple[str, ...]
    replaced: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What was changed: the plan, and what became of each file that was read."""

    plan: SyncPlan
    files: tuple[FileReport, ...]

    @property
    def failed(self) -> tuple[FileReport, ...]:
        """Return the files that could not be indexed; what they were before stays."""
        return tuple(file for file in self.files if file.status == "failed")


def synced(pipeline: RagPipeline) -> list[Path]:
    """Return the folders that documents of the collection come from, by name."""
    return [Path(name) for name in sorted(_all(pipeline))]


def plan_sync(pipeline: RagPipeline, folder: Path) -> SyncPlan:
    """Compare a folder with the collection, by content; nothing is changed.

    Raises:
        SettingsError: when there is no such folder.
    """
    if not folder.is_dir():
        raise SettingsError(
            f"There is no folder {folder}.", hint="If it is on another disk, mount that first."
        )
    found = find_files([folder], known=LOADERS, leave_out=pipeline.home.path)
    infos = {info.name: info for info in pipeline.documents()}
    settings = pipeline.chunking.settings()
    added, replaced, unchanged = [], [], []
    skipped = list(found.skipped)
    for path, name in found.files:
        info = infos.get(name)
        try:
            data = read_file(path, name, Limits.from_env().max_bytes)
        except LoadError as error:
            skipped.append((str(path), error.reason))
            continue
        if info is None:
            added.append(name)
        elif info.sha256 != hashlib.sha256(data).hexdigest() or dict(info.chunker) != settings:
            replaced.append(name)
        else:
            unchanged.append(name)
    here = {name for _, name in found.files}
    ours = _names(pipeline, folder)
    removed = sorted(name for name in ours if name in infos and name not in here)
    return SyncPlan(
        folder, tuple(added), tuple(replaced), tuple(removed), tuple(unchanged), tuple(skipped)
    )


def apply_sync(
    pipeline: RagPipeline,
    plan: SyncPlan,
    *,
    empty: bool = False,
    on_progress: OnProgress | None = None,
) -> SyncReport:
    """Do what the plan says: index what is new or changed, then remove what is gone.

    Args:
        pipeline: the collection.
        plan: what `plan_sync` returned.
        empty: whether a folder that holds nothing any more may remove everything.
        on_progress: called often; it may raise `Cancelled`.

    Raises:
        SettingsError: when all files are gone at once and `empty` is not said.
        HomeError: when a file cannot be kept.
    """
    left = plan.added or plan.replaced or plan.unchanged
    if plan.removed and not left and not empty:
        raise SettingsError(
            f"{plan.folder} holds none of its {len(plan.removed)} files any more.",
            hint="If that is meant, say --empty; if the folder is on another disk, mount it.",
        )
    # Noted before they come: what a kill leaves in the collection is known to be of this folder
    _note(pipeline, plan.folder, (*plan.added, *plan.replaced, *plan.unchanged, *plan.removed))
    reports = [
        _indexed(pipeline, plan.folder / name, name, on_progress)
        for name in (*plan.added, *plan.replaced)
    ]
    by_name = {info.name: info.id for info in pipeline.documents()}
    gone = [by_name[name] for name in plan.removed if name in by_name]
    if gone:
        pipeline.delete(gone)
    _note(pipeline, plan.folder, (*plan.added, *plan.replaced, *plan.unchanged))
    return SyncReport(plan, tuple(reports))


def _indexed(
    pipeline: RagPipeline, path: Path, name: str, on_progress: OnProgress | None
) -> FileReport:
    try:
        data = read_file(path, name, Limits.from_env().max_bytes)
    except LoadError as error:
        return FileReport(name, "failed", error=error.message, hint=error.hint)
    return pipeline.process(pipeline.accept(name, data), on_progress=on_progress)


def _all(pipeline: RagPipeline) -> dict[str, Any]:
    return dict(pipeline.home.settings.get(pipeline.collection, _KEY) or {})


def _names(pipeline: RagPipeline, folder: Path) -> list[str]:
    return list(_all(pipeline).get(str(folder.resolve()), []))


def _note(pipeline: RagPipeline, folder: Path, names: Sequence[str]) -> None:
    noted = {**_all(pipeline), str(folder.resolve()): sorted(names)}
    pipeline.home.settings.put(pipeline.collection, _KEY, noted)
