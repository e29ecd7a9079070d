"""Who may do what: three roles, checked where things change and not where buttons are drawn.

A viewer reads, searches and asks; an editor adds, replaces and removes documents and settings; an
admin also moves, rebuilds and restores. The role belongs to the running code, not to an object:
pipelines are shared by everybody who looks at the same server.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal, get_args

from rag_core.errors import AccessError

Role = Literal["viewer", "editor", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""From least to most; each may do what those before it may."""

_acting: ContextVar[Role | None] = ContextVar("acting", default=None)
_TRUE = ("1", "true", "yes", "on")


class _Process:
    role: Role = "admin"  # a script on one's own machine may do everything


def read_only() -> bool:
    """Return whether RAGSCOPE_READ_ONLY makes this whole process a viewer."""
    return os.environ.get("RAGSCOPE_READ_ONLY", "").strip().lower() in _TRUE


def set_default(role: Role) -> None:
    """Choose the role of code that nobody is known to act for.

    Raises:
        ValueError: for an unknown role.
    """
    _Process.role = _known(role)


def role() -> Role:
    """Return the role of the running code."""
    return "viewer" if read_only() else _acting.get() or _Process.role


@contextmanager
def acting_as(who: Role) -> Iterator[None]:
    """Act in a role for the time of a `with` block; threads started in it do not inherit it.

    Raises:
        ValueError: for an unknown role.
    """
    token = _acting.set(_known(who))
    try:
        yield
    finally:
        _acting.reset(token)


def require(least: Role, action: str) -> None:
    """Go on only when the running code has at least this role.

    Args:
        least: what it takes.
        action: what is to be done, for the message: "add documents".

    Raises:
        AccessError: when the role does not suffice.
    """
    now = role()
    if ROLES.index(now) >= ROLES.index(least):
        return
    if read_only():
        raise AccessError(
            f"This instance is read-only: nobody can {action}.",
            hint="Whoever runs it can unset RAGSCOPE_READ_ONLY and start it again.",
        )
    raise AccessError(
        f"A{'n' if now[0] in 'ae' else ''} {now} cannot {action}.",
        hint=f"Ask whoever runs this instance for the role {least!r}.",
    )


def _known(who: Role) -> Role:
    if who not in ROLES:
        raise ValueError(f"unknown role {who!r}; known are {', '.join(ROLES)}")
    return who
