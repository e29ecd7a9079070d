"""Opening what people bring, text, JSON and JSON lines: errors have file, line and reason."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from rag_core.evaluation.questions import DatasetError

Kind = TypeVar("Kind")
_ENCODING = "Save it as UTF-8 text."


def read_text(path: Path) -> str:
    """Return a file's text, any line end made a newline, as Python's text mode does.

    Raises:
        DatasetError: when it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise DatasetError(path.name, line, "this is not UTF-8", hint=_ENCODING) from error
    except OSError as error:
        raise DatasetError(path.name, 0, error.strerror or str(error)) from error


def read_json(path: Path) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return the JSON of a file.

    Raises:
        DatasetError: when it is none.
    """
    return parsed(read_text(path), path.name, 1)


def json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the line number, from 1, and the object of every line that is not blank.

    Raises:
        DatasetError: at the first line that is no JSON object.
    """
    for number, line in _lines(path):
        if line.strip():
            found = parsed(line, path.name, number)
            if not isinstance(found, dict):
                raise DatasetError(path.name, number, "this is no JSON object")
            yield number, found


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield lines one at a time: a corpus may be larger than what its documents leave free."""
    try:
        # A file's own lines, not splitlines: JSON may hold other line separators as they are.
        with path.open(encoding="utf-8-sig") as file:
            yield from enumerate(file, start=1)
    except (UnicodeDecodeError, OSError):
        read_text(path)  # says where and why
        raise


def parsed(text: str, file: str, line: int) -> Any:  # noqa: ANN401
    """Return what a JSON text says; `line` is where it begins in the file.

    Raises:
        DatasetError: when it is no JSON.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = line + error.lineno - 1
        raise DatasetError(file, place, f"this is not JSON: {error.msg}") from error
    except RecursionError as error:
        raise DatasetError(file, line, "this JSON is nested too deeply") from error


class Fields:
    """The fields of one object of a file, taken by name and kind.

    Raises:
        DatasetError: for a field that is missing or of another kind.
    """

    def __init__(self, value: object, file: str, line: int, what: str) -> None:
        if not isinstance(value, Mapping):
            raise DatasetError(file, line, f"{what} is no JSON object")
        self._values, self.file, self.line, self._what = value, file, line, what

    def text(self, name: str) -> str:
        """Return a field that must be a text."""
        return self._of(name, str, "a text")

    def number(self, name: str) -> int:
        """Return a field that must be a whole number of at least 0."""
        found = self._of(name, int, "a whole number")
        if isinstance(found, bool) or found < 0:
            raise self.wrong(f"{name!r} must be a whole number of at least 0")
        return found

    def items(self, name: str) -> list[Any]:
        """Return a field that must be a list."""
        return self._of(name, list, "a list")

    def get(self, name: str) -> Any:  # noqa: ANN401
        """Return a field of any kind, or None when it is missing."""
        return self._values.get(name)

    def wrong(self, reason: str) -> DatasetError:
        """Return the error that says so of this object."""
        return DatasetError(self.file, self.line, f"{self._what}: {reason}")

    def _of(self, name: str, kind: type[Kind], said: str) -> Kind:
        found = self._values.get(name)
        if not isinstance(found, kind):
            raise self.wrong(f"{name!r} must be {said}" if found is not None else f"no {name!r}")
        return found
