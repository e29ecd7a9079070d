"""Metadata filters: one dialect for every store and every mode of search.

`{"field": value}` and `{"field": {"$op": value}}`, several fields meaning all of them, joined at
will by `{"$and": [...]}` and `{"$or": [...]}`. Operators: $eq $ne $gt $gte $lt $lte $in $nin
$contains. `{"name": {"$contains": "port"}}` means text that holds this text, letter case and all; a
number or a flag contains nothing. Numbers are equal by value, 1 and 1.0 alike; true and 1 are not.
A field that a chunk does not have matches only $ne and $nin. Besides the document's own metadata,
every chunk has `name`, `document_id`, `index`, `start`, `end`, and `page` where there are pages.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from rag_core.errors import FilterError
from rag_core.protocols import Where

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}
OPERATORS = ("$eq", "$ne", *_ORDER, "$in", "$nin", "$contains")
_INT64 = range(-(2**63), 2**63)  # what every store can hold
_HINT = 'For instance {"year": {"$gte": 2020}} or {"$or": [{"name": "a.pdf"}, {"page": 3}]}.'


def matches(where: Where, metadata: Mapping[str, Any]) -> bool:
    """Return whether the metadata satisfies the filter. The filter must have been `checked`."""
    return all(_holds(key, value, metadata) for key, value in where.items())


def checked(where: Where) -> dict[str, Any]:
    """Return the filter in full form: one field with one operator a dict, joined by $and and $or.

    Raises:
        FilterError: naming the part that is malformed.
    """
    if not isinstance(where, Mapping):
        raise FilterError(f"A filter must be a mapping, not {type(where).__name__}.", hint=_HINT)
    parts = [part for key, value in where.items() for part in _parts(key, value)]
    if not parts:
        raise FilterError("The filter is empty.", hint="Leave it out to search everything.")
    return parts[0] if len(parts) == 1 else {"$and": parts}


def _parts(key: object, value: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    if not isinstance(key, str) or not key:
        raise FilterError(f"A field's name must be text, not {key!r}.", hint=_HINT)
    if key in ("$and", "$or"):
        if not isinstance(value, Sequence) or isinstance(value, str) or not value:
            raise FilterError(f"{key} needs a list of filters, not {value!r}.", hint=_HINT)
        inner = [checked(part) for part in value]
        return [inner[0] if len(inner) == 1 else {key: inner}]
    if key.startswith("$"):
        raise FilterError(f"Unknown operator {key!r} in the place of a field.", hint=_HINT)
    if not isinstance(value, Mapping):
        return [{key: {"$eq": _scalar(key, value)}}]
    if not value:
        raise FilterError(f"The field {key!r} has no operator.", hint=_HINT)
    return [{key: {op: _operand(key, op, operand)}} for op, operand in value.items()]


def _operand(key: str, op: object, operand: Any) -> Any:  # noqa: ANN401
    if op not in OPERATORS:
        raise FilterError(f"Unknown operator {op!r}; known are {' '.join(OPERATORS)}.", hint=_HINT)
    if op in ("$in", "$nin"):
        if not isinstance(operand, Sequence) or isinstance(operand, str) or not operand:
            raise FilterError(f"{op} on {key!r} needs a list of values.", hint=_HINT)
        return _of_one_kind(key, op, [_scalar(key, item) for item in operand])
    value = _scalar(key, operand)
    if op in _ORDER and isinstance(value, str | bool):
        raise FilterError(f"{op} on {key!r} compares numbers, not {value!r}.", hint=_HINT)
    if op == "$contains" and not (isinstance(value, str) and value):
        raise FilterError(f"$contains on {key!r} looks for text, not {value!r}.", hint=_HINT)
    return value


def _of_one_kind(key: str, op: object, values: list[Any]) -> list[Any]:
    """Return the values if they are all text, all numbers or all flags; 1 and 2.5 as 1.0 and 2.5.

    Chroma takes a list of one type only, and what is refused there is refused everywhere.
    """
    kinds = {type(value) for value in values}
    if kinds == {int, float} and all(float(value) == value for value in values):
        return [float(value) for value in values]
    if len(kinds) > 1:
        named = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise FilterError(
            f"{op} on {key!r} mixes {named}; a list needs values of one kind.",
            hint="Ask for each kind by itself, joined by $or.",
        )
    return values


def _scalar(key: str, value: Any) -> str | int | float | bool:  # noqa: ANN401
    if not isinstance(value, str | int | float | bool):
        raise FilterError(
            f"{key!r} is compared with {type(value).__name__}; values are text, numbers or "
            "true/false.",
            hint=_HINT,
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise FilterError(f"{key!r} is compared with {value}, which no store can hold.", hint=_HINT)
    if isinstance(value, int) and value not in _INT64:
        raise FilterError(f"{key!r} is compared with a number beyond 64 bits.", hint=_HINT)
    if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise FilterError(f"{key!r} is compared with text that is not valid Unicode.", hint=_HINT)
    return value


def conditions(where: Where) -> Iterator[tuple[str, str, Any]]:
    """Iterate over every (field, operator, operand) of a `checked` filter, at every level."""
    for key, value in where.items():
        if key in ("$and", "$or"):
            for part in value:
                yield from conditions(part)
        else:
            for op, operand in value.items():
                yield key, op, operand


def _holds(key: str, value: Any, metadata: Mapping[str, Any]) -> bool:  # noqa: ANN401
    if key == "$and":
        return all(matches(part, metadata) for part in value)
    if key == "$or":
        return any(matches(part, metadata) for part in value)
    return all(_compares(op, metadata.get(key), operand) for op, operand in value.items())


def _compares(op: str, found: Any, operand: Any) -> bool:  # noqa: ANN401
    if op in _ORDER:
        number = isinstance(found, int | float) and not isinstance(found, bool)
        return number and _ORDER[op](found, operand)
    if op == "$contains":
        return isinstance(found, str) and operand in found
    if op == "$eq":
        return _equal(found, operand)
    if op == "$ne":
        return not _equal(found, operand)
    is_in = any(_equal(found, item) for item in operand)
    return is_in if op == "$in" else not is_in


def _equal(found: Any, operand: Any) -> bool:  # noqa: ANN401
    # True == 1 in Python, but a flag and a number are different things in every store
    return isinstance(found, bool) == isinstance(operand, bool) and bool(found == operand)
