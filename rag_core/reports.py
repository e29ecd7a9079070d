"""What became of files that were to be indexed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["added", "replaced", "unchanged", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one file. `seconds` is its time from reading to storing.

    `same_as` names other documents of the collection with the same content; `error` and `hint` are
    empty unless the status is "failed" or "cancelled". Of the chunks, `embedded` had a new text and
    `kept` the text and vector of the version before; of that version's chunks, `removed` have gone.
    """

    name: str
    status: Status
    document_id: str = ""
    pages: int = 0
    characters: int = 0
    chunks: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    same_as: tuple[str, ...] = ()
    error: str = ""
    hint: str = ""
    embedded: int = 0
    kept: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What became of a whole ingest, file by file, in order."""

    files: tuple[FileReport, ...]

    @property
    def chunks(self) -> int:
        """Return how many chunks the files have now, those of unchanged files included."""
        return sum(file.chunks for file in self.files)

    @property
    def seconds(self) -> float:
        """Return the time of all files together, in seconds."""
        return sum(file.seconds for file in self.files)

    @property
    def failed(self) -> tuple[FileReport, ...]:
        """Return the files that could not be indexed."""
        return tuple(file for file in self.files if file.status == "failed")
