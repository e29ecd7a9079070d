"""A filter put together from rows: a field, an operator, a value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rag_core.datatypes import Chunk
from rag_core.errors import FilterError
from rag_core.filters import checked
from rag_core.keyword import filterable

OPERATORS = {
    "is": "$eq",
    "is not": "$ne",
    "at least": "$gte",
    "more than": "$gt",
    "at most": "$lte",
    "less than": "$lt",
    "is one of": "$in",
    "is none of": "$nin",
    "contains": "$contains",
}
"""What people read, and what the filter says."""
MOST_VALUES = 200  # offered to choose from; of a field with more, the most frequent
_HIDDEN = ("document_id", "start", "end")  # true, and of no use to choose by


@dataclass(frozen=True, slots=True)
class Field:
    """A metadata field that the chunks really have: its values, the most frequent first."""

    name: str
    values: tuple[Any, ...]
    numeric: bool


@dataclass(frozen=True, slots=True)
class Condition:
    """One row of a filter. `operator` is a key of OPERATORS; `value` a list for "is one of"."""

    field: str
    operator: str
    value: Any


def fields_of(chunks: Iterable[Chunk]) -> list[Field]:
    """Return the fields that some chunk has, by name."""
    seen: dict[str, Counter[Any]] = {}
    for chunk in chunks:
        for name, value in filterable(chunk).items():
            if name not in _HIDDEN:
                seen.setdefault(name, Counter())[(type(value), value)] += 1
    return [
        Field(
            name,
            tuple(value for (_, value), _ in counts.most_common(MOST_VALUES)),
            all(kind in (int, float) for kind, _ in counts),
        )
        for name, counts in sorted(seen.items())
    ]


def where_of(conditions: Sequence[Condition], *, every: bool = True) -> dict[str, Any] | None:
    """Return the filter of some rows: all of them, or any; None without a row.

    Raises:
        FilterError: for an unknown operator, or a value that does not fit it.
    """
    parts = [_part(condition) for condition in conditions]
    if not parts:
        return None
    return checked(parts[0] if len(parts) == 1 else {"$and" if every else "$or": parts})


def conditions_of(where: Mapping[str, Any] | None) -> tuple[list[Condition], bool] | None:
    """Return the rows of a filter, and whether all must hold; None where rows cannot say it."""
    if where is None:
        return [], True
    full = checked(where)
    every = "$or" not in full
    rows = full.get("$and") or full.get("$or") or [full]
    words = {sign: word for word, sign in OPERATORS.items()}
    found = []
    for row in rows:
        [(name, test)] = row.items()
        if name.startswith("$") or not isinstance(test, Mapping) or len(test) != 1:
            return None
        [(sign, value)] = test.items()
        found.append(Condition(name, words[sign], value))
    return found, every


def _part(condition: Condition) -> dict[str, Any]:
    if condition.operator not in OPERATORS:
        raise FilterError(
            f"Unknown operator {condition.operator!r}.", hint=f"Use one of: {', '.join(OPERATORS)}."
        )
    return {condition.field: {OPERATORS[condition.operator]: condition.value}}
