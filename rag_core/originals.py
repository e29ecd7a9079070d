"""The files as they came, kept by content: everything else can be made again from them."""

from __future__ import annotations

import hashlib
import itertools
import os
from pathlib import Path

from rag_core.errors import HomeError


class Originals:
    """A folder of files named by the SHA-256 of their content; equal files are stored once.

    No name that came from outside ever becomes a path.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, data: bytes) -> str:
        """Store the bytes and return their SHA-256; when it returns they survive a power cut.

        Raises:
            HomeError: when the disk is full or the folder cannot be written.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        path = self._path(sha256)
        try:
            if _holds(path, data):
                return sha256
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(f".{os.getpid()}.part")
            with partial.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
            _sync_folder(path.parent)
        except OSError as error:
            raise self._failed("stored in", error) from error
        return sha256

    def get(self, sha256: str) -> bytes:
        """Return the bytes stored under this SHA-256.

        Raises:
            HomeError: when they are missing or no longer match their name.
        """
        try:
            data = self._path(sha256).read_bytes()
        except OSError as error:
            raise HomeError(
                f"The original {sha256[:12]}… cannot be read: {error.strerror or error}.",
                hint="Upload the file again.",
            ) from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise HomeError(
                f"The original {sha256[:12]}… is damaged on disk.", hint="Upload the file again."
            )
        return data

    def has(self, sha256: str) -> bool:
        """Return whether there is a file of this name; `get` says whether it is whole."""
        return self._path(sha256).exists()

    def delete(self, sha256: str) -> None:
        """Remove the file; a missing one is ignored.

        Raises:
            HomeError: when the folder cannot be written.
        """
        self._remove(self._path(sha256))

    def sweep(self, used: set[str]) -> None:
        """Remove every file that is not in `used`, half-written ones included."""
        for path in self._folder.glob("*/*"):
            if path.name not in used:
                self._remove(path)

    def set_aside(self) -> None:
        """Move all files to a folder beside this one, where nothing removes them.

        For a home whose catalog was lost: they may be the only copies, and nothing says who needs
        them.
        """
        if any(self._folder.glob("*/*")):
            names = (f"{self._folder.name}-kept-{number}" for number in itertools.count(1))
            paths = (self._folder.with_name(name) for name in names)
            self._folder.rename(next(path for path in paths if not path.exists()))

    def _remove(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise self._failed("removed from", error) from error

    def _failed(self, what: str, error: OSError) -> HomeError:
        return HomeError(
            f"A file could not be {what} {self._folder}: {error.strerror or error}.",
            hint="Free some space, or make the data folder writable, and try again.",
        )

    def _path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256


def _holds(path: Path, data: bytes) -> bool:
    # Compared whole: uploading a file again is how a damaged original gets repaired.
    return path.exists() and path.stat().st_size == len(data) and path.read_bytes() == data


def _sync_folder(folder: Path) -> None:
    # The rename itself has to reach the disk too; Windows cannot open folders and needs no sync.
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
