"""What a store says of itself: engine, version, size, index settings, and whether it answers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from rag_core.errors import StoreError
from rag_core.protocols import VectorStore

Settings = Mapping[str, str | int | float | bool]


@dataclass(frozen=True, slots=True)
class Description:
    """An engine as it runs: its name and version, where it is, and how its index is made.

    `address` never holds a password or a key.
    """

    engine: str
    version: str
    address: str
    index: Settings = field(default_factory=dict, hash=False)


@runtime_checkable
class Describing(Protocol):
    """A store that can say what it is."""

    def describe(self) -> Description:
        """Return what the engine says of itself now.

        Raises:
            StoreError: when it does not answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class StoreHealth:
    """One health check. `seconds` is how long the engine took to count and to describe itself.

    When `ok` is False, `problem` and `hint` say why, and `chunks` is None.
    """

    engine: str
    version: str
    address: str
    ok: bool
    chunks: int | None
    seconds: float
    index: Settings = field(default_factory=dict, hash=False)
    problem: str = ""
    hint: str = ""


def check_health(store: VectorStore) -> StoreHealth:
    """Ask a store how it is; an engine that does not answer gives a report, not an error."""
    start = time.perf_counter()
    engine = type(store).__name__.removesuffix("Store").lower()
    try:
        chunks = store.count()
        told = store.describe() if isinstance(store, Describing) else Description(engine, "", "")
    except StoreError as error:
        seconds = time.perf_counter() - start
        return StoreHealth(
            engine, "", "", False, None, seconds, problem=error.message, hint=error.hint
        )
    seconds = time.perf_counter() - start
    return StoreHealth(told.engine, told.version, told.address, True, chunks, seconds, told.index)
