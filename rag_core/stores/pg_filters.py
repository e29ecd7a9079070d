"""Metadata filters as SQL for PostgreSQL: every field's name and every value is a parameter.

A condition is never NULL, so that NOT means what it says: a field that is missing is not equal to
anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

_ORDER = {
    "$gt": sql.SQL(">"),
    "$gte": sql.SQL(">="),
    "$lt": sql.SQL("<"),
    "$lte": sql.SQL("<="),
}
# What every chunk has outside its metadata, as jsonb like the rest, so that types are kept apart.
_COLUMNS = {
    "document_id": sql.SQL("to_jsonb(document_id)"),
    "index": sql.SQL("to_jsonb(position)"),
    "start": sql.SQL('to_jsonb("start")'),
    "end": sql.SQL('to_jsonb("end")'),
}
_FALSE = sql.SQL("false")
Condition = tuple[sql.Composable, list[Any]]


def condition(where: Mapping[str, Any]) -> Condition:
    """Return SQL and its parameters for a filter that has been `checked`."""
    parts = [_one(key, value) for key, value in where.items()]
    return _joined(parts, " AND ")


def _one(key: str, value: Any) -> Condition:  # noqa: ANN401
    if key in ("$and", "$or"):
        joint = " AND " if key == "$and" else " OR "
        return _joined([condition(part) for part in value], joint)
    return _joined([_compared(key, op, operand) for op, operand in value.items()], " AND ")


def _joined(parts: list[Condition], joint: str) -> Condition:
    if len(parts) == 1:
        return parts[0]
    inside = sql.SQL(joint).join([text for text, _ in parts])
    return sql.SQL("({})").format(inside), [value for _, values in parts for value in values]


def _compared(key: str, op: str, operand: Any) -> Condition:  # noqa: ANN401
    if op == "$ne":
        return _negated(_compared(key, "$eq", operand))
    if op == "$nin":
        return _negated(_compared(key, "$in", operand))
    if op == "$eq":
        return _compared(key, "$in", [operand])
    found, names = _field(key)
    if op == "$in":
        values = [Jsonb(value) for value in operand if _storable(value)]
        equal = sql.SQL("COALESCE({} = ANY(%s::jsonb[]), false)").format(found)
        return (equal, [*names, values]) if values else (_FALSE, [])
    if op == "$contains":
        if not _storable(operand):
            return _FALSE, []
        inside = sql.SQL("strpos({} #>> '{{}}', %s) > 0").format(found)
        return _typed("string", found, inside, [*names, *names, operand])
    compared = sql.SQL("{}::numeric {} %s").format(found, _ORDER[op])
    # Decimal, not float: 2**53 + 1 is more than 2.0**53, as Python sees it
    return _typed("number", found, compared, [*names, *names, Decimal(repr(operand))])


def _field(key: str) -> Condition:
    if key in _COLUMNS:
        return _COLUMNS[key], []
    if not _storable(key):
        return sql.SQL("NULL::jsonb"), []
    return sql.SQL("(metadata -> %s)"), [key]


def _typed(kind: str, found: sql.Composable, then: sql.Composable, values: list[Any]) -> Condition:
    # CASE, because AND may look at its second half first and fail on a cast
    whole = sql.SQL("CASE WHEN jsonb_typeof({}) = {} THEN {} ELSE false END")
    return whole.format(found, sql.Literal(kind), then), values


def _negated(part: Condition) -> Condition:
    return sql.SQL("NOT {}").format(part[0]), part[1]


def _storable(value: Any) -> bool:  # noqa: ANN401
    """Return whether any row could hold this value: PostgreSQL has no text with a NUL."""
    return not (isinstance(value, str) and "\0" in value)
