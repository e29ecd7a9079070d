"""A file of JSON lines that a kill at any moment cannot spoil: at most its last line is lost."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from rag_core.errors import HomeError

_WRITING = threading.Lock()


class JsonLines:
    """A header, and a line each of what was appended. Half a line that a kill left is cut off.

    Raises:
        HomeError: when the file cannot be read or written.
    """

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        self._path = path
        self._header = header

    def read(self) -> list[bytes]:
        """Return the whole lines behind the header; none where there is no file."""
        try:
            data = self._path.read_bytes() if self._path.exists() else b""
        except OSError as error:
            raise self._failed(error) from error
        return data[: data.rfind(b"\n") + 1].splitlines()[1:]

    def append(self, value: Mapping[str, Any]) -> None:
        """Write a value at the end; durable when it returns."""
        try:
            with _WRITING:
                self._append(json.dumps(value).encode() + b"\n")
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
