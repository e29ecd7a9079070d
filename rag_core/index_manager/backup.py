"""A whole data folder in one file, taken while it is in use, and back again."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import sqlite3
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rag_core.access import require
from rag_core.database import FORMAT
from rag_core.errors import HomeError
from rag_core.home import CATALOG_FILE, Home

_MANIFEST = "manifest.json"
_VERSION = 1
_TRIES = 5
_BLOCK = 2**20


# The originals of documents that other instances brought to a store they share with this one
_ELSEWHERE = (
    "SELECT sha256 FROM documents AS d JOIN shared AS s "
    "ON s.collection = d.collection AND s.document_id = d.id WHERE s.writer NOT IN "
    "(SELECT json_extract(value, '$') FROM settings WHERE key = 'home.id')"
)


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What a backup holds: files and their bytes, and the size of the backup itself."""

    path: Path
    files: int
    bytes: int
    size: int


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What was restored. `set_aside` is where the folder that was there is now, or empty.

    The vector index is not in a backup: `repair` makes it from the texts and the vectors' cache.
    """

    home: Path
    files: int
    bytes: int
    set_aside: str = ""


def backup(home: Path, target: Path) -> BackupReport:
    """Write a data folder to a zip file, also beside the process that owns the folder.

    It holds the databases as of one moment each, the originals that the catalog names, and a
    checksum of every file. The target appears only when it is whole.

    Raises:
        HomeError: when there is no data folder, it cannot be read, or the target not be written.
        AccessError: for less than an admin.
    """
    require("admin", "back up the data folder")
    home = home.expanduser().resolve()
    if not (home / CATALOG_FILE).exists():
        raise HomeError(f"There is no data folder {home}.", hint="Check --home and RAGSCOPE_HOME.")
    partial = target.with_name(f"{target.name}.{os.getpid()}.part")
    with _errors(f"The backup {target} could not be written"):
        try:
            noted = _written(home, partial)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        return BackupReport(target, len(noted), sum(noted.values()), target.stat().st_size)


def restore(source: Path, home: Path, *, replace: bool = False) -> RestoreReport:
    """Make a data folder from a backup, once every checksum was found right.

    Args:
        source: what `backup` wrote.
        home: the folder; nobody may have it open.
        replace: whether a folder that holds something is set aside for it.

    Raises:
        HomeError: for a file that is no whole backup or of a newer format, or a folder that holds
            something; then nothing was changed.
        HomeInUseError: when another process has the folder.
    """
    home = home.expanduser().resolve()
    full = home.exists() and (not home.is_dir() or any(home.iterdir()))
    if full and not replace:
        raise HomeError(
            f"{home} is not empty.",
            hint="Restore to another folder, or say --replace to set this one aside.",
        )
    if full and (home / CATALOG_FILE).exists():
        _refuse_in_use(home)
    with _errors(f"{source} could not be restored"):
        home.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f"{home.name}-restoring-", dir=home.parent))
        try:
            noted = _unpacked(source, staging)
            aside = ""
            if full:
                names = (home.with_name(f"{home.name}-before-{n}") for n in itertools.count(1))
                kept = next(path for path in names if not path.exists())
                home.rename(kept)
                aside = str(kept)
            elif home.exists():
                home.rmdir()
            staging.rename(home)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return RestoreReport(home, len(noted), sum(noted.values()), aside)


def _written(home: Path, partial: Path) -> dict[str, int]:
    for tries_left in reversed(range(_TRIES)):
        try:
            return _write(home, partial)
        except FileNotFoundError:
            # An original was deleted after the catalog was copied: take a newer copy of both
            if not tries_left:
                raise
    return {}


def _write(home: Path, partial: Path) -> dict[str, int]:
    files: dict[str, dict[str, object]] = {}
    with (
        tempfile.TemporaryDirectory(dir=partial.parent, prefix=".backup-") as temporary,
        partial.open("wb") as raw,
        zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        copies = _databases(home, Path(temporary))
        with closing(sqlite3.connect(Path(temporary) / CATALOG_FILE)) as db:
            sql = "SELECT sha256 FROM documents UNION SELECT sha256 FROM uploads"
            needed = [row[0] for row in db.execute(sql)]
            elsewhere = {row[0] for row in db.execute(_ELSEWHERE)} if _shares(db) else set()
        originals = {
            f"originals/{sha[:2]}/{sha}": path
            for sha in needed
            if (path := home / "originals" / sha[:2] / sha).exists() or sha not in elsewhere
        }
        for name, path in {**copies, **originals}.items():
            sha256, size = _digest(path)
            archive.write(path, name)
            files[name] = {"sha256": sha256, "bytes": size}
        manifest = {"version": _VERSION, "format": FORMAT, "made_at": time.time(), "files": files}
        archive.writestr(_MANIFEST, json.dumps(manifest, indent=1))
        archive.close()
        raw.flush()
        os.fsync(raw.fileno())
    return {name: int(str(noted["bytes"])) for name, noted in files.items()}


def _shares(db: sqlite3.Connection) -> bool:
    tables = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'shared'")
    return tables.fetchone() is not None  # not in a catalog that was last opened before there were


def _databases(home: Path, folder: Path) -> dict[str, Path]:
    """Copy every database of the folder as of one moment; Chroma's is derived and left out."""
    copies = {}
    for path in sorted([*home.glob("*.sqlite3"), *home.glob("cache/*.sqlite3")]):
        name = path.relative_to(home).as_posix()
        copy = folder / name
        copy.parent.mkdir(exist_ok=True)
        with (
            closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=10)) as old,
            closing(sqlite3.connect(copy)) as new,
        ):
            old.backup(new)
        copies[name] = copy
    return copies


def _unpacked(source: Path, folder: Path) -> dict[str, int]:
    with zipfile.ZipFile(source) as archive:
        manifest = json.loads(archive.read(_MANIFEST))
        if manifest["version"] > _VERSION or manifest["format"] > FORMAT:
            raise HomeError(
                f"{source} was made by a newer version of Ragscope.",
                hint="Restore it with that version. Nothing was changed.",
            )
        files = dict(manifest["files"])
        extra = set(archive.namelist()) - set(files) - {_MANIFEST}
        if extra or CATALOG_FILE not in files or not all(map(_inside, files)):
            raise _no_backup(source, "it holds files that no backup has, or lacks the catalog")
        for name, noted in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(name) as packed, path.open("wb") as file:
                # Never more than was noted: a small file can be packed to unfold without end
                shutil.copyfileobj(_Limited(packed, int(noted["bytes"])), file, _BLOCK)
                file.flush()
                os.fsync(file.fileno())
            if _digest(path) != (noted["sha256"], noted["bytes"]):
                raise _no_backup(source, f"the checksum of {name} is wrong")
    return {name: int(noted["bytes"]) for name, noted in files.items()}


class _Limited:
    """A file that gives one byte more than it should at most."""

    def __init__(self, file: object, most: int) -> None:
        self._file = file
        self._left = most + 1

    def read(self, size: int = -1) -> bytes:
        read = getattr(self._file, "read")  # noqa: B009 - whatever zipfile opens
        data: bytes = read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data


def _inside(name: str) -> bool:
    path = PurePosixPath(name)
    plain = "\\" not in name and ":" not in name and not path.is_absolute()
    return plain and ".." not in path.parts and str(path) == name


def _digest(path: Path) -> tuple[str, int]:
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return digest.hexdigest(), size


def _refuse_in_use(home: Path) -> None:
    Home.open(home).close()


def _no_backup(source: Path, why: str) -> HomeError:
    return HomeError(
        f"{source} is no whole backup: {why}.", hint="Use another backup. Nothing was changed."
    )


@contextmanager
def _errors(what: str) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zipfile.LargeZipFile, KeyError, ValueError, TypeError) as error:
        raise HomeError(
            f"{what}: it is no whole backup ({error}).",
            hint="Use another backup. Nothing was changed.",
        ) from error
    except (OSError, sqlite3.Error, EOFError) as error:
        raise HomeError(
            f"{what}: {error}.", hint="Check that there is space and that you may write there."
        ) from error
