"""JSON and JSON Lines: a "path: value" line for every value, a paragraph for every record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from rag_core.loaders.cleaning import clean_text
from rag_core.loaders.encodings import decode
from rag_core.loaders.limits import Limits
from rag_core.loaders.parsed import OnStep, Parsed, Refusal, Scalar, TextBuilder


def parse_json(data: bytes, limits: Limits, on_step: OnStep) -> Parsed:
    """Return the values of one JSON document; a list at its top, or alone in it, is the records.

    A file of JSON lines that is named .json is read as such. Raises `Refusal` naming line and
    column for what is not JSON.
    """
    decoded = decode(data)
    try:
        records = _records(_parse(decoded.text))
    except json.JSONDecodeError as error:
        lines = decoded.text.split("\n")
        # "Extra data" after a first whole value: perhaps it is one value a line.
        if not (error.msg == "Extra data" and error.lineno > 1 and _is_value(lines[0])):
            raise _invalid(error, error.lineno) from error
        records = _lines(lines)
    return _written(records, {"encoding": decoded.encoding}, decoded.notes, limits, on_step)


def parse_json_lines(data: bytes, limits: Limits, on_step: OnStep) -> Parsed:
    """Return the values of one JSON document a line; empty lines are passed over."""
    decoded = decode(data)
    records = _lines(decoded.text.split("\n"))
    return _written(records, {"encoding": decoded.encoding}, decoded.notes, limits, on_step)


def _parse(text: str) -> Any:  # noqa: ANN401 - JSON is anything
    """Parse one value; numbers stay as they are written, however long."""
    return json.loads(text, parse_int=str, parse_float=str, parse_constant=str)


def _is_value(line: str) -> bool:
    try:
        return isinstance(_parse(line), dict | list)
    except json.JSONDecodeError:
        return False


def _lines(lines: list[str]) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                yield "", _parse(line)
            except json.JSONDecodeError as error:
                raise _invalid(error, number) from error


def _invalid(error: json.JSONDecodeError, line: int) -> Refusal:
    return Refusal(
        f"This is not valid JSON: {error.msg} at line {line:,}, column {error.colno:,}.",
        "Correct it there, or name the file .txt to load it as plain text.",
    )


def _records(value: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    """Yield (path, record): the items of a list at the top or of the only list in the top."""
    path = ""
    if isinstance(value, dict):
        lists = [key for key, item in value.items() if _is_table(item)]
        if len(lists) != 1:
            yield "", value
            return
        path = lists[0]
        rest = {key: item for key, item in value.items() if key != path}
        if rest:
            yield "", rest
        value = value[path]
    if isinstance(value, list):
        for item in value:
            yield path, item
    else:
        yield path, value


def _is_table(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, list) and len(value) > 1 and all(isinstance(v, dict) for v in value)


def _written(
    records: Iterator[tuple[str, Any]],
    metadata: dict[str, Scalar],
    notes: tuple[str, ...],
    limits: Limits,
    on_step: OnStep,
) -> Parsed:
    """Write every record as a paragraph."""
    builder = TextBuilder(limits)
    count = 0
    for path, record in records:
        count += 1
        if count > 1:
            builder.add("\n")
        for line in _flat(path, record):
            builder.add(f"{line}\n")
    on_step(1, 1)
    return Parsed(
        clean_text(builder.text()).strip("\n"), {**metadata, "records": count}, notes=notes
    )


def _flat(path: str, value: Any) -> Iterator[str]:  # noqa: ANN401
    """Yield "path: value" lines in order, without recursion; lists of plain values in one line."""
    waiting: list[tuple[str, Any]] = [(path, value)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            items = [(f"{path}.{key}" if path else key, item) for key, item in value.items()]
            waiting.extend(reversed(items))
        elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
            items = [(f"{path}[{n}]" if path else f"[{n}]", item) for n, item in enumerate(value)]
            waiting.extend(reversed(items))
        else:
            shown = ", ".join(map(_shown, value)) if isinstance(value, list) else _shown(value)
            if shown:
                yield f"{path}: {shown}" if path else shown


def _shown(value: Any) -> str:  # noqa: ANN401
    """Return a plain value as people write it; null is nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
