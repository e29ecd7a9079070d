"""Options that several commands share."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from rag_core.errors import FilterError
from rag_core.filters import checked
from rag_core.pipeline import DEFAULT_COLLECTION

Command = TypeVar("Command", bound=Callable[..., None])


def common(command: Command) -> Command:
    """Add the options of every command: home, collection, as_json."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
        click.option(
            "--collection", default=DEFAULT_COLLECTION, show_default=True, help="Which documents."
        ),
        click.option(
            "--home",
            type=click.Path(file_okay=False, path_type=Path),
            help="The data folder.  [default: RAGSCOPE_HOME, or ./.ragscope]",
        ),
    ):
        command = option(command)
    return command


def question_options(command: Command) -> Command:
    """Add the options of whatever searches: k and where."""
    for option in (
        click.option(
            "--where", metavar="JSON", callback=_filter, help='Such as {"page": {"$gte": 3}}.'
        ),
        click.option("-k", type=click.IntRange(min=1), default=5, show_default=True, help="Hits."),
    ):
        command = option(command)
    return command


def _filter(
    context: click.Context, option: click.Parameter, value: str | None
) -> Mapping[str, Any] | None:
    try:
        return None if value is None else checked(json.loads(value))
    except (json.JSONDecodeError, RecursionError) as error:
        raise click.BadParameter(f"It is not JSON: {error}.") from None
    except FilterError as error:
        raise click.BadParameter(str(error)) from None
