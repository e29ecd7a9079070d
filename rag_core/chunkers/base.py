"""What all strategies share: settings, the checks of parameters, and making chunks from spans."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from rag_core.chunkers.separators import Finder
from rag_core.chunkers.units import UNITS, Tokenizer, ruler
from rag_core.chunkers.windows import Walk
from rag_core.datatypes import Chunk, Document
from rag_core.sentences import plain_lines

TOOL = {"tool": True}
"""Metadata of a dataclass field that holds an object doing the work (a tokenizer, a model)."""


_LENGTHS = [length.to_bytes(8, "big") for length in range(24)]  # as `content_id` writes them


class Strategy:
    """The base of every strategy: a frozen dataclass whose plain fields are its settings."""

    name: ClassVar[str]

    @property
    def settings(self) -> Mapping[str, Any]:
        """The parameters that change the chunks; `make_chunker(name, **settings)` is equal.

        Fields marked as TOOL are objects and no settings.
        """
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        plain = {f.name: getattr(self, f.name) for f in fields if not f.metadata.get("tool")}
        # A list, as JSON has no tuples: settings read back from storage must compare equal.
        return {k: list(v) if isinstance(v, tuple) else v for k, v in plain.items()}


def walk(
    document: Document,
    unit: str,
    tokenizer: Tokenizer | None,
    size: int,
    overlap: int,
    finders: Sequence[Finder],
    fill: float = 0.5,
) -> Walk:
    """Prepare a walk along the whole document."""
    text = document.text
    return Walk(text, plain_lines(text), ruler(text, unit, tokenizer), size, overlap, finders, fill)


def cut_all(document: Document, spans: Iterable[tuple[int, int]]) -> list[Chunk]:
    """Cut the document at the spans, numbered from 0, into the chunks that `Chunk.cut` makes.

    Making the ids is a third of all the time chunking takes, so the part of the hash that all
    chunks share, the document's id, is taken once.
    """
    text, owner = document.text, document.id
    data = owner.encode("utf-8", "surrogatepass")
    common = hashlib.sha256(len(data).to_bytes(8, "big") + data)
    chunks = []
    for index, (start, end) in enumerate(spans):
        first, last = b"%d" % start, b"%d" % end
        digest = common.copy()
        digest.update(_LENGTHS[len(first)] + first + _LENGTHS[len(last)] + last)
        key = digest.hexdigest()[:20]
        chunks.append(Chunk(key, owner, index, start, end, text[start:end], {}))
    return chunks


def check_whole(name: str, value: object, least: int) -> None:
    """Raise ValueError unless `value` is a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} must be a whole number, not {value!r}")
    if value < least:
        raise ValueError(f"{name} {value} must be at least {least}")


def check_size(size: int, overlap: int, unit: str, units: Sequence[str] = UNITS) -> None:
    """Raise ValueError unless 0 <= overlap < size and the unit is known."""
    check_whole("size", size, 1)
    check_whole("overlap", overlap, 0)
    if overlap >= size:
        raise ValueError(f"overlap {overlap} must be smaller than size {size}")
    check_known("unit", unit, units)


def check_known(what: str, value: object, known: Iterable[str]) -> None:
    """Raise ValueError unless `value` is one of the known names; offer the nearest one."""
    import difflib

    names = list(known)
    if value in names:
        return
    near = difflib.get_close_matches(str(value), names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"unknown {what} {value!r}; known are: {', '.join(names)}.{hint}")
