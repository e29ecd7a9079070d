"""How much work one file may cause, and the environment variables that say so."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from rag_core.errors import SettingsError

_MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one `load`; every one of them ends the work when it is passed.

    `max_bytes` bounds the file as it comes, `max_pages` the pages of a PDF, `max_characters` the
    text that comes out, `max_seconds` the time a parser may take, and `max_memory_bytes` what it
    may allocate (on platforms with resource limits; elsewhere the time limit has to do).
    """

    max_bytes: int = 100 * _MEGABYTE
    max_pages: int = 5_000
    max_characters: int = 20_000_000
    max_seconds: float = 120.0
    max_memory_bytes: int = 2048 * _MEGABYTE

    def __post_init__(self) -> None:
        """Refuse limits that nothing could pass; raises ValueError."""
        for field in self.__slots__:
            if not getattr(self, field) > 0:
                raise ValueError(f"{field} must be more than 0, got {getattr(self, field)!r}")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Limits:
        """Return the limits with whatever RAGSCOPE_MAX_* variables say; the rest are defaults.

        RAGSCOPE_MAX_MB, RAGSCOPE_MAX_MEMORY_MB (megabytes), RAGSCOPE_MAX_PAGES,
        RAGSCOPE_MAX_CHARACTERS and RAGSCOPE_MAX_SECONDS; fractions are allowed where they make
        sense. Raises SettingsError naming the variable whose value is not a number above 0.
        """
        env = os.environ if environ is None else environ
        return cls(
            max_bytes=_scaled(env, "RAGSCOPE_MAX_MB", cls().max_bytes, _MEGABYTE),
            max_pages=_scaled(env, "RAGSCOPE_MAX_PAGES", cls().max_pages),
            max_characters=_scaled(env, "RAGSCOPE_MAX_CHARACTERS", cls().max_characters),
            max_seconds=_number(env, "RAGSCOPE_MAX_SECONDS", cls().max_seconds),
            max_memory_bytes=_scaled(
                env, "RAGSCOPE_MAX_MEMORY_MB", cls().max_memory_bytes, _MEGABYTE
            ),
        )


def _scaled(env: Mapping[str, str], variable: str, default: int, unit: int = 1) -> int:
    """Return the variable's value times `unit`, as a whole number of at least 1."""
    return max(1, int(_number(env, variable, default / unit) * unit))


def _number(env: Mapping[str, str], variable: str, default: float) -> float:
    """Return the variable's value; an unset or empty variable gives `default`."""
    raw = env.get(variable, "").strip()
    if not raw:
        return default
    try:
        value = float(raw)
    except ValueError:
        value = 0.0
    # The upper bound also turns away "inf" and what would overflow the platform's own limits.
    if not 0 < value <= 1e9:
        raise SettingsError(
            f"{variable} is {raw!r}, which is not a number between 0 and 1,000,000,000.",
            hint=f"Set {variable} to a number such as {default:g}, or unset it.",
        )
    return value
