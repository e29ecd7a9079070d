"""What a sweep tries: chunkings, depths, modes, rerankers and models, and every mixture of them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rag_core.chunkers import CHUNKERS, make_chunker
from rag_core.embedders import DEFAULT_EMBEDDER, embedder_from_env
from rag_core.errors import SettingsError
from rag_core.rerankers import RERANKERS
from rag_core.retrieval import MODES, Mode

_KEYS = ("chunker", "size", "overlap", "unit", "k", "mode", "rerank", "model")
_SPELLING = 'Such as "default" or "size=200,500 k=3,5 rerank=none,late-interaction".'
NO_RERANKER = "none"


@dataclass(frozen=True, slots=True)
class Setting:
    """One cell of a grid. `chunker` is its "name" and parameters, as JSON with sorted keys."""

    chunker: str
    mode: Mode
    rerank: str | None
    model: str
    k: int

    @property
    def chunking(self) -> dict[str, Any]:
        """The chunker's parameters with its "name"."""
        return dict(json.loads(self.chunker))

    @property
    def label(self) -> str:
        """The setting in a few words: "recursive 200 words, k 5, hybrid, late-interaction"."""
        parts = [self.chunking_label, f"k {self.k}", self.mode]
        parts += [self.rerank] if self.rerank else []
        parts += [self.model] if self.model != DEFAULT_EMBEDDER else []
        return ", ".join(parts)

    @property
    def chunking_label(self) -> str:
        """The chunking in a few words: "fixed 200/20 words"."""
        values = self.chunking
        name = str(values.pop("name"))
        size, overlap = values.pop("size", ""), values.pop("overlap", 0)
        unit = values.pop("unit", "")
        rest = [f"{key} {value}" for key, value in sorted(values.items())]
        sized = f"{size}/{overlap}" if overlap else f"{size}"
        return " ".join(part for part in (name, sized, unit if size else "", *rest) if part)

    def as_dict(self) -> dict[str, Any]:
        """Return every choice as plain values."""
        return {
            "chunker": self.chunking,
            "mode": self.mode,
            "rerank": self.rerank,
            "model": self.model,
            "k": self.k,
        }


@dataclass(frozen=True, slots=True)
class Grid:
    """The mixtures of a sweep. Chunkings are {"name": a key of CHUNKERS, parameter: value}.

    Raises:
        ValueError: for an empty side, or a value that cannot work.
    """

    chunkers: tuple[Mapping[str, Any], ...]
    ks: tuple[int, ...] = (3, 5, 10)
    modes: tuple[Mode, ...] = ("hybrid",)
    rerankers: tuple[str | None, ...] = (None,)
    models: tuple[str, ...] = (DEFAULT_EMBEDDER,)

    def __post_init__(self) -> None:
        if not all((self.chunkers, self.ks, self.modes, self.rerankers, self.models)):
            raise ValueError("every side of a grid needs at least one value")
        if min(self.ks) < 1:
            raise ValueError(f"k must be at least 1, not {min(self.ks)}")
        for mode in self.modes:
            if mode not in MODES:
                raise ValueError(f"unknown mode {mode!r}; known are {', '.join(MODES)}")
        for rerank in self.rerankers:
            if rerank is not None and rerank.partition(":")[0] not in RERANKERS:
                raise ValueError(f"unknown reranker {rerank!r}; known are {', '.join(RERANKERS)}")
        for chunker in self.chunkers:
            values = dict(chunker)
            make_chunker(values.pop("name"), **values)

    def settings(self) -> list[Setting]:
        """Return every mixture once, in an order that keeps equal chunkings and runs together."""
        return [
            Setting(json.dumps(dict(chunker), sort_keys=True), mode, rerank, model, k)
            for model, chunker, mode, rerank, k in dict.fromkeys(
                itertools.product(
                    self.models, map(_Frozen, self.chunkers), self.modes, self.rerankers, self.ks
                )
            )
        ]


class _Frozen(dict[str, Any]):
    """A chunking that can be told from others in a set."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(json.dumps(self, sort_keys=True))


def words(sizes: Iterable[int], *, chunker: str = "recursive") -> tuple[Mapping[str, Any], ...]:
    """Return chunkings of so many words, without overlap."""
    return tuple(
        {"name": chunker, "size": size, "unit": "words"}
        | ({"overlap": 0} if "overlap" in _parameters(chunker) else {})
        for size in sizes
    )


def default_grid() -> Grid:
    """Return 200, 500 and 1,000 words x k 3, 5 and 10 x with and without late interaction."""
    return Grid(words((200, 500, 1000)), rerankers=(None, "late-interaction"))


def parse_grid(parts: Sequence[str]) -> Grid:
    """Return the grid that a person wrote: "default", or "key=value,value" in any number.

    Keys: chunker, size, overlap, unit, k, mode, rerank ("none" for none), model. What is not named
    is as in the default grid, save that a named chunker without size has its own default size, and
    that the model is RAGSCOPE_EMBEDDER's where that is set.

    Raises:
        SettingsError: for what cannot be read, or cannot work.
    """
    told: dict[str, list[str]] = {}
    for part in " ".join(parts).split():
        key, equals, values = part.partition("=")
        if part == "default":
            continue
        if not equals or key not in _KEYS or not all(values.split(",")):
            raise SettingsError(
                f"The grid {part!r} is not key=value,value with a key of {', '.join(_KEYS)}.",
                hint=_SPELLING,
            )
        told.setdefault(key, []).extend(values.split(","))
    usual = default_grid()
    models = tuple(told.get("model", ())) or (embedder_from_env(),)
    try:
        return Grid(
            _chunkers(told)
            if told.keys() & {"chunker", "size", "overlap", "unit"}
            else usual.chunkers,
            ks=tuple(int(k) for k in told.get("k", ())) or usual.ks,
            modes=tuple(told.get("mode", ())) or usual.modes,  # type: ignore[arg-type]
            rerankers=tuple(None if r == NO_RERANKER else r for r in told.get("rerank", ()))
            or usual.rerankers,
            models=models,
        )
    except ValueError as error:
        raise SettingsError(f"The grid cannot work: {error}.", hint=_SPELLING) from error


def _chunkers(told: Mapping[str, Sequence[str]]) -> tuple[Mapping[str, Any], ...]:
    """Return every mixture of chunker, unit, size and overlap that was told."""
    names = told.get("chunker", ["recursive"])
    sizes: Sequence[int | None] = [int(size) for size in told.get("size", ())]
    if not sizes:
        sizes = [None] if "chunker" in told else [200, 500, 1000]
    found: list[dict[str, Any]] = []
    for name, unit, size, overlap in itertools.product(
        names, told.get("unit", ["words"]), sizes, told.get("overlap", ["0"])
    ):
        if name not in CHUNKERS:
            raise ValueError(f"unknown chunker {name!r}; known are {', '.join(CHUNKERS)}")
        takes = _parameters(name)
        chunking: dict[str, Any] = {"name": name}
        if size is not None:
            key = "size" if "size" in takes else "maximum"
            chunking |= {key: size, "unit": unit}
            if "overlap" in takes:
                chunking["overlap"] = int(overlap)
            if "minimum" in takes:
                chunking["minimum"] = max(1, size // 6)
        found.append(chunking)
    return tuple(dict.fromkeys(map(_Frozen, found)))


def _parameters(chunker: str) -> set[str]:
    return set(make_chunker(chunker).settings)
