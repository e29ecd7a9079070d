"""What engines share: checks of what they are given, the order of hits, and options in a url."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar
from urllib.parse import parse_qsl

from rag_core.datatypes import Chunk, SearchHit
from rag_core.errors import FingerprintError, SettingsError
from rag_core.protocols import FloatArray

Item = TypeVar("Item")
PLACE = ("document_id", "index", "start", "end")


def check_vectors(chunks: Sequence[Chunk], vectors: FloatArray, dimension: int) -> None:
    """Raise ValueError unless there is one vector of this length for every chunk."""
    if vectors.shape != (len(chunks), dimension):
        raise ValueError(
            f"{len(chunks)} chunks of dimension {dimension} need vectors of shape "
            f"{(len(chunks), dimension)}, not {vectors.shape}"
        )


def check_query(vector: FloatArray, k: int, dimension: int) -> None:
    """Raise ValueError for a k below 1 or a query of another length."""
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    if vector.shape != (dimension,):
        raise ValueError(f"the query needs {dimension} numbers, not {vector.shape}")


def check_model(
    collection: str, kept: tuple[int, str], asked: tuple[int, str], *, any_length: bool = False
) -> None:
    """Refuse to open a collection with another model; each is (dimension, fingerprint).

    Raises:
        FingerprintError: when the lengths differ, or both fingerprints are known and differ.
    """
    same_length = any_length or kept[0] == asked[0]
    if same_length and (not asked[1] or not kept[1] or kept[1] == asked[1]):
        return
    raise FingerprintError(
        f"The collection {collection!r} holds vectors of another model ({kept[0]} numbers, "
        f"fingerprint {kept[1] or 'unknown'}; asked for {asked[0]} and {asked[1] or 'any'}).",
        hint="Open it with the model it was made with, or use another collection.",
    )


def last_of_each(chunks: Sequence[Chunk], vectors: FloatArray) -> tuple[list[Chunk], FloatArray]:
    """Return the chunks ordered by id, the last one of each id, with their vectors.

    One statement may not touch a row twice, and two writers that go in one order do not wait for
    each other in a circle.
    """
    last = {chunk.id: row for row, chunk in enumerate(chunks)}
    rows = [last[id_] for id_ in sorted(last)]
    return [chunks[row] for row in rows], vectors[rows]


def ranked(scored: Iterable[tuple[Chunk, float]], k: int) -> list[SearchHit]:
    """Return the k best as hits, ties by id."""
    ordered = sorted(scored, key=lambda pair: (-pair[1], pair[0].id))[:k]
    return [
        SearchHit(chunk, rank, score, {"vector": score})
        for rank, (chunk, score) in enumerate(ordered, start=1)
    ]


def pages(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Yield the items in slices of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def take_options(query: str, known: Mapping[str, type[int] | type[str]]) -> dict[str, int | str]:
    """Return the options of a url's query that are ours, numbers as int of at least 1.

    Raises:
        SettingsError: for one that is no such number.
    """
    found: dict[str, int | str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in known:
            continue
        if known[name] is int and not (value.isascii() and value.isdigit() and int(value)):
            raise SettingsError(
                f"The store's option {name} must be a number of at least 1, not {value!r}.",
                hint=f"Write it as {name}=16, or leave it out.",
            )
        found[name] = int(value) if known[name] is int else value
    return found


def only_known(query: str, known: Iterable[str]) -> None:
    """Raise SettingsError for an option in a url's query that nobody reads."""
    names = sorted(known)
    for name, _ in parse_qsl(query, keep_blank_values=True):
        if name not in names:
            raise SettingsError(
                f"The store's url has an unknown option {name!r}.",
                hint=f"Known are {', '.join(names)}." if names else "It takes none.",
            )


def past_ties(
    look: Callable[[int], list[tuple[Chunk, float]]], k: int, most: int
) -> list[tuple[Chunk, float]]:
    """Return the k nearest and whatever ties with the last of them, at most `most` in all.

    `look(n)` gives the n nearest, best first. An engine that breaks ties as it likes may leave out
    the one of the lowest id (law 4), so it is asked for more until the tie ends.
    """
    wanted = min(k + 1, most)
    while True:
        found = look(wanted)
        if len(found) < wanted or wanted >= most or found[-1][1] < found[k - 1][1]:
            return found
        wanted = min(wanted * 4, most)
