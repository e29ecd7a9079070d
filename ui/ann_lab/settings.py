"""What is to be measured, as the person chose it; no Streamlit here."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from rag_core.errors import SettingsError

SYNTHETIC, COLLECTION = "Synthetic", "This collection"
SOURCES = (SYNTHETIC, COLLECTION)
RANDOM, CLUSTERED = "Random", "Clustered"
SPREADS = (RANDOM, CLUSTERED)
CHUNKS, QUESTIONS = "Its own chunks", "Typed questions"
ASKED = (CHUNKS, QUESTIONS)
DIMENSIONS = (32, 64, 128, 256, 384, 768)
_MOST = 12  # settings of one index: each asks every query again
_LARGEST = 10_000


@dataclass(frozen=True, slots=True)
class Settings:
    """One measurement. `size`, `dimension` and `spread` count for synthetic vectors alone.

    `collection` is None for synthetic vectors; `questions` is empty when the collection's own
    chunks are asked.
    """

    collection: str | None = None
    spread: str = RANDOM
    size: int = 50_000
    dimension: int = 384
    seed: int = 0
    queries: int = 100
    questions: tuple[str, ...] = ()
    n_clusters: int = 100
    n_probes: tuple[int, ...] = (1, 10, 50)
    efs: tuple[int, ...] = (16, 64, 256)


def whole_numbers(text: str, name: str) -> tuple[int, ...]:
    """Return the numbers of a list such as "1, 10, 50", in order, each once; none for nothing.

    Raises:
        SettingsError: for what is no number from 1 to 10,000, or for more than twelve.
    """
    parts = [part for part in re.split(r"[\s,;]+", text) if part]
    for part in parts:
        if not re.fullmatch("[0-9]{1,5}", part) or not 1 <= int(part) <= _LARGEST:
            raise SettingsError(
                f"{name} takes whole numbers from 1 to {_LARGEST:,}, not “{part[:20]}”.",
                hint="Write them with commas: 1, 10, 50.",
            )
    found = tuple(sorted({int(part) for part in parts}))
    if len(found) > _MOST:
        raise SettingsError(
            f"{name} takes at most {_MOST} numbers, not {len(found)}.", hint="Leave some out."
        )
    return found


def usual_clusters(size: int) -> int:
    """Return as many clusters as are usual for this many vectors: the square root."""
    return max(1, round(math.sqrt(size)))


def usual_probes(n_clusters: int) -> tuple[int, ...]:
    """Return 1, 2, 4, 8 and so on, as far as there are clusters; at most seven."""
    return tuple(1 << power for power in range(7) if 1 << power <= n_clusters)


def described(settings: Settings) -> str:
    """Return what was measured, in words."""
    asked = f"{settings.queries:,} queries"
    if settings.questions:
        asked = f"{len(settings.questions):,} typed questions"
    if settings.collection is not None:
        return f"the collection {settings.collection}, {asked}"
    return (
        f"{settings.size:,} {settings.spread.lower()} vectors of {settings.dimension} numbers, "
        f"seed {settings.seed}, {asked}"
    )


def check(settings: Settings, size: int) -> None:
    """Refuse what cannot be measured over `size` vectors, before anything is built.

    Raises:
        SettingsError: saying what to change.
    """
    if settings.collection is not None and not settings.questions and size < 2:
        raise SettingsError(
            f"The collection {settings.collection!r} has too few chunks to find neighbours of.",
            hint="Add documents, or choose synthetic vectors.",
        )
    if not settings.n_probes:
        return
    if settings.n_clusters > size:
        raise SettingsError(
            f"{settings.n_clusters:,} clusters need at least as many vectors; there are {size:,}.",
            hint=f"Choose {usual_clusters(size):,} clusters, the square root of the vectors.",
        )
    if settings.n_probes[-1] > settings.n_clusters:
        raise SettingsError(
            f"n_probe = {settings.n_probes[-1]:,} looks into more clusters than the "
            f"{settings.n_clusters:,} there are.",
            hint="Leave it out, or have more clusters.",
        )
