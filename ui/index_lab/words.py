"""How these pages say a time, a size, a chunking."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any


def when(seconds: float | None) -> str:
    """Return a moment as people read it, in the server's time zone."""
    if seconds is None:
        return "never"
    return f"{datetime.fromtimestamp(seconds).astimezone():%Y-%m-%d %H:%M}"


def size(count: float) -> str:
    """Return bytes in kB or MB."""
    return f"{count / 2**20:,.1f} MB" if count >= 2**20 else f"{count / 2**10:,.0f} kB"


def cut(settings: Mapping[str, Any]) -> str:
    """Return a chunking in a few words: "recursive 1000 characters"."""
    if not settings:
        return "as each document says"
    named = [settings["name"]]
    named += [str(settings[key]) for key in ("size", "sentences", "max_size") if key in settings][
        :1
    ]
    named += [str(settings["unit"])] if "unit" in settings else []
    return " ".join(named)


def lasting(seconds: float | None) -> str:
    """Return a duration: "12 s", "3 min"."""
    if seconds is None:
        return "unknown"
    return f"{seconds:,.0f} s" if seconds < 120 else f"{seconds / 60:,.0f} min"
