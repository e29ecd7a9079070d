"""Giving back the room of indexes that nobody uses any more."""

from __future__ import annotations

import shutil
import sqlite3
import uuid
from contextlib import closing
from pathlib import Path
from typing import Protocol, runtime_checkable

from rag_core.errors import FingerprintError, StoreError
from rag_core.index_manager.sharing import leave_index
from rag_core.indexes import IndexInfo
from rag_core.pipeline import RagPipeline

_COMPACTED = 200 * 2**20  # about two seconds; Chroma gives up after five


@runtime_checkable
class Droppable(Protocol):
    """A store that can remove itself."""

    def drop(self) -> None:
        """Remove the whole collection; the store cannot be used afterwards."""
        ...


def reclaim(pipeline: RagPipeline) -> int:
    """Remove every dropped index with its store, and return the bytes that were given back.

    Raises:
        StoreError: when a store refuses; what is left is removed the next time.
    """
    home = pipeline.home
    chroma = home.path / "chroma"
    before = size_of(chroma)
    for index in home.indexes.all():
        if index.state == "dropped":
            _drop(pipeline, index)
            home.indexes.purge(index.key)
    for folder in orphaned_folders(chroma):
        shutil.rmtree(folder, ignore_errors=True)
    return max(0, before - size_of(chroma))


def compact(pipeline: RagPipeline) -> int:
    """Shrink Chroma's own database to what it holds; return the bytes that were given back.

    Searches wait while it is copied, so a large one is left: what comes next uses its room.

    Raises:
        StoreError: when the file is in use or damaged.
    """
    path = pipeline.home.path / "chroma" / "chroma.sqlite3"
    if not pipeline.at_home or not path.exists() or path.stat().st_size > _COMPACTED:
        return 0
    before = path.stat().st_size
    try:
        with closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as db:
            db.execute("VACUUM")
    except sqlite3.Error as error:
        raise StoreError(
            f"{path} could not be made smaller: {error}.", hint="Try again in a quiet moment."
        ) from error
    return max(0, before - path.stat().st_size)


def orphaned_folders(chroma: Path) -> list[Path]:
    """Return the folders of deleted collections, which Chroma leaves behind."""
    database = chroma / "chroma.sqlite3"
    if not database.exists():
        return []
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=10)) as db:
            known = {row[0] for row in db.execute("SELECT id FROM segments")}
    except sqlite3.Error:
        return []  # what cannot be read is not judged
    return [
        path
        for path in sorted(chroma.iterdir())
        if path.is_dir() and _is_uuid(path.name) and path.name not in known
    ]


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder; 0 if it is not there."""
    paths = [path] if path.is_file() else path.rglob("*")
    total = 0
    for found in paths:
        try:
            total += found.stat().st_size if found.is_file() else 0
        except OSError:  # it has gone meanwhile
            continue
    return total


def _drop(pipeline: RagPipeline, index: IndexInfo) -> None:
    if leave_index(pipeline, index.key):
        return  # other instances go on with it
    try:
        store = pipeline.open_index(index.key, index.model)
    except FingerprintError:
        return  # the name is somebody else's in this store: it is not ours to remove
    try:
        if isinstance(store, Droppable):
            store.drop()
        else:
            store.delete([chunk.id for chunk in store])
    finally:
        store.close()


def _is_uuid(name: str) -> bool:
    try:
        return str(uuid.UUID(name)) == name
    except ValueError:
        return False
