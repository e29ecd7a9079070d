"""Bounds that the operating system enforces on this process, where it can.

Without the `resource` module (Windows) nothing is bounded here, and the time limit of the parent
process has to do; macOS knows the bounds but does not enforce the one on memory.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from types import ModuleType

_resource: ModuleType | None
try:
    import resource as _resource
except ImportError:
    _resource = None

_CPU_GRACE = 10


def bound_memory(count: int | None) -> None:
    """Let the process allocate `count` bytes more than it has; None lifts the bound."""
    if _resource:
        soft = _resource.RLIM_INFINITY if count is None else virtual_memory() + count
        _set_soft(_resource, _resource.RLIMIT_AS, soft)


def bound_cpu(seconds: float) -> None:
    """End the process some time after `seconds` of work, should nobody be left to kill it."""
    if _resource:
        soft = int(time.process_time() + seconds) + _CPU_GRACE
        _set_soft(_resource, _resource.RLIMIT_CPU, soft)


def virtual_memory() -> int:
    """Return the size of the address space in bytes, or 0 where it is not known."""
    with suppress(OSError):
        pages = int(Path("/proc/self/statm").read_bytes().split()[0])
        return pages * _resource.getpagesize() if _resource else 0
    return 0


def _set_soft(resource: ModuleType, kind: int, soft: int) -> None:
    _, hard = resource.getrlimit(kind)
    free = resource.RLIM_INFINITY
    if hard != free:
        soft = hard if soft == free else min(soft, hard)
    resource.setrlimit(kind, (soft, hard))
