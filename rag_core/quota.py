"""How much a data folder may hold: what keeps uploads from filling somebody's disk."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rag_core.errors import HomeError, SettingsError

VARIABLE = "RAGSCOPE_QUOTA_MB"
_MEGABYTE = 1024 * 1024
_DEFAULT = 10_000 * _MEGABYTE
_NEAR = 0.9
_FRESH_SECONDS = 2.0  # a folder of many files is not counted again for each of many uploads


@dataclass(frozen=True, slots=True)
class Room:
    """What a data folder holds, in bytes, of what it may hold; None for no bound."""

    used: int
    quota: int | None

    @property
    def near(self) -> bool:
        """Whether less than a tenth is left."""
        return self.quota is not None and self.used >= _NEAR * self.quota

    def __str__(self) -> str:
        """Return it in words: "3.1 of 10,000 MB"."""
        return _megabytes(self.used) if self.quota is None else f"{self._numbers} MB"

    @property
    def _numbers(self) -> str:
        return f"{self.used / _MEGABYTE:,.1f} of {(self.quota or 0) / _MEGABYTE:,.6g}"


class Quota:
    """Counts one data folder, originals, texts, vectors and all, against RAGSCOPE_QUOTA_MB.

    Only what adds documents asks it: searching, deleting and rebuilding never fail for it.
    Thread-safe.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._used = 0
        self._counted_at = -math.inf

    def room(self) -> Room:
        """Return what is used and what is allowed.

        Raises:
            SettingsError: when RAGSCOPE_QUOTA_MB is no number of 0 or more.
        """
        quota = quota_from_env()
        with self._lock:
            return self._room(quota)

    def take(self, size: int, what: str) -> None:
        """Go on only if `size` more bytes may be stored, and count them as used.

        Args:
            size: bytes that are to be added.
            what: what they are, for the message.

        Raises:
            HomeError: when they would pass the quota; then nothing is counted.
            SettingsError: as `room` does.
        """
        quota = quota_from_env()
        with self._lock:
            room = self._room(quota, more=size)
            if quota is not None and room.used + size > quota:
                raise HomeError(
                    f"{what} does not fit: it needs {_megabytes(size)}, and the data folder holds "
                    f"{room}.",
                    hint=f"Delete documents, or raise {VARIABLE} (0 takes the bound away).",
                )
            self._used += size

    def changed(self) -> None:
        """Count the files again before the next decision: stores and databases have grown."""
        with self._lock:
            self._counted_at = -math.inf

    def _room(self, quota: int | None, more: int = 0) -> Room:
        # Near the bound every file is counted afresh
        old = time.monotonic() - self._counted_at > _FRESH_SECONDS
        if old or Room(self._used + more, quota).near:
            self._used = _bytes_in(self._folder)
            self._counted_at = time.monotonic()
        return Room(self._used, quota)


def quota_from_env(environ: Mapping[str, str] | None = None) -> int | None:
    """Return RAGSCOPE_QUOTA_MB in bytes, 10,000 MB when it is unset, None for 0: no bound.

    Raises:
        SettingsError: when it is no number of 0 or more.
    """
    text = (os.environ if environ is None else environ).get(VARIABLE, "").strip()
    if not text:
        return _DEFAULT
    try:
        value = float(text.replace(",", ""))
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise SettingsError(
            f"{VARIABLE} is {text!r}, not a number of megabytes.",
            hint=f"Set it to something like 5000, or to 0 for no bound, or unset {VARIABLE}.",
        )
    return int(value * _MEGABYTE) or None


def _bytes_in(folder: Path) -> int:
    total = 0
    for root, _, files in os.walk(folder):
        for name in files:
            try:
                total += os.lstat(os.path.join(root, name)).st_size
            except OSError:  # gone since it was listed, as the stores' files may be
                continue
    return total


def _megabytes(size: int) -> str:
    return f"{size / _MEGABYTE:,.1f} MB"
