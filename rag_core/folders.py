"""Files on disk that are to be indexed: which ones, under which names, within which size."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rag_core.errors import LoadError


@dataclass(frozen=True, slots=True)
class Found:
    """Files as (path, name), in order, and what was left out as (path, reason)."""

    files: tuple[tuple[Path, str], ...]
    skipped: tuple[tuple[str, str], ...]


def find_files(paths: Iterable[Path], *, known: Collection[str], leave_out: Path) -> Found:
    """Return the files that are given, and those of known suffixes in the folders that are given.

    A file is named by its path in the folder that was given, or by its own name. Hidden files,
    files of other suffixes, and the folder `leave_out` are skipped; a file that is named itself
    never is. A file met twice counts once.

    Raises:
        ValueError: when two files would have the same name, for one would replace the other.
    """
    files: dict[str, Path] = {}
    seen: set[Path] = set()
    skipped: list[tuple[str, str]] = []
    for given in paths:
        for path in _walk(given, leave_out.resolve()) if given.is_dir() else [given]:
            if path.resolve() in seen:
                continue
            reason = "" if path == given else _reason_to_skip(path, known)
            if reason:
                skipped.append((str(path), reason))
                continue
            name = path.name if path == given else path.relative_to(given).as_posix()
            if name in files:
                raise ValueError(f"{files[name]} and {path} would both be called {name!r}")
            seen.add(path.resolve())
            files[name] = path
    return Found(tuple((path, name) for name, path in files.items()), tuple(skipped))


def read_file(path: Path, name: str, max_bytes: int) -> bytes:
    """Return the file's bytes.

    Raises:
        LoadError: when it cannot be read, or has more than `max_bytes` (and is not read then).
    """
    try:
        if path.stat().st_size > max_bytes:
            raise LoadError(
                name,
                f"The file has more than the limit of {max_bytes / 2**20:,.1f} MB.",
                hint="Split it, or raise RAGSCOPE_MAX_MB.",
            )
        return path.read_bytes()
    except OSError as error:
        raise LoadError(
            name,
            f"The file cannot be read: {error.strerror or error}.",
            hint="Check that it is there and that you may read it.",
        ) from error


def _walk(folder: Path, leave_out: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        here = Path(parent)
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and (here / name).resolve() != leave_out
        )
        yield from (here / name for name in sorted(names))


def _reason_to_skip(path: Path, known: Collection[str]) -> str:
    checks: tuple[tuple[str, Callable[[], bool]], ...] = (
        ("hidden", lambda: path.name.startswith(".")),
        ("unknown type", lambda: path.suffix.lower() not in known),
        ("no regular file", lambda: not path.is_file()),  # reading a pipe would never end
    )
    return next((reason for reason, holds in checks if holds()), "")
