"""What `evaluate` shows, writes and fails under."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from rag_core.errors import HomeError
from rag_core.evaluation import EvaluationReport, SweepTable
from rag_core.evaluation.paper import PaperRow, paper_markdown
from rag_core.evaluation.report import (
    report_csv,
    report_html,
    report_markdown,
    table_csv,
    table_html,
    table_markdown,
)
from rag_core.terminal import note, plain, print_json

_BAR = re.compile(r"\s*(?P<metric>[^=]+?)\s*=\s*(?P<value>\d*\.?\d+)\s*")
_SINGLE: dict[str, Callable[[EvaluationReport], str]] = {
    ".md": report_markdown,
    ".csv": report_csv,
    ".html": report_html,
}
_SEVERAL: dict[str, Callable[[SweepTable, str], str]] = {
    ".md": table_markdown,
    ".csv": table_csv,
    ".html": table_html,
}


def parse_bar(text: str) -> tuple[str, float]:
    """Return metric and least value of "ndcg@10=0.6".

    Raises:
        UsageError: for another text.
    """
    found = _BAR.fullmatch(text)
    if not found:
        raise click.UsageError(f"--fail-under {text!r} is not METRIC=VALUE, such as ndcg@10=0.6.")
    return found["metric"], float(found["value"])


def fulfilled(bars: Sequence[tuple[str, float]], reports: Sequence[EvaluationReport]) -> bool:
    """Return whether every metric reaches its least value in some setting; say which does not.

    Raises:
        UsageError: for a metric that no setting measured.
    """
    kept = True
    for metric, least in bars:
        measured = [report.mean(metric) for report in reports if report.measures(metric)]
        if not measured:
            raise click.UsageError(f"--fail-under: {metric!r} was not measured.")
        if max(measured) < least:
            note(f"{plain(metric)} is {max(measured):.4f}, under {least:g}.")
            kept = False
    return kept


def check_suffix(path: Path) -> None:
    """Refuse a report's name before anything is measured for it."""
    if path.suffix not in _SINGLE:
        raise click.UsageError(f"{path}: a report is .md, .csv or .html.")


def write(path: Path, found: EvaluationReport | SweepTable, sort: str) -> None:
    """Write a report as its name's suffix says.

    Raises:
        HomeError: when it cannot be written.
    """
    if isinstance(found, SweepTable):
        text = _SEVERAL[path.suffix](found, sort)
    else:
        text = _SINGLE[path.suffix](found)
    try:
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise HomeError(f"{path} cannot be written: {error.strerror or error}.") from error


def show(found: EvaluationReport | SweepTable, sort: str, *, as_json: bool) -> None:
    """Print one setting's figures, or a leaderboard."""
    if isinstance(found, EvaluationReport):
        if as_json:
            print_json(**found.as_json())
        else:
            click.echo(plain(report_markdown(found)), nl=False)
        return
    if not as_json:
        click.echo(plain(table_markdown(found, sort)), nl=False)
        note(f"{found.seconds:.1f} s")
        return
    rows = [
        {
            **row.report.as_json(),
            "tied": row.tied,
            "pareto": row.pareto,
            "p": row.against_best.p if row.against_best else None,
        }
        for row in found.leaderboard(sort)
    ]
    print_json(name=found.name, seconds=found.seconds, rows=rows)


def show_paper(rows: Sequence[PaperRow], *, as_json: bool) -> None:
    """Print the chunking paper's table, published beside measured."""
    if not as_json:
        click.echo(paper_markdown(rows), nl=False)
        return
    print_json(
        rows=[
            {
                "label": row.label,
                "published": dict(row.published),
                "measured": {key: list(value) for key, value in row.measured.items()},
                "corpora": {name: dict(values) for name, values in row.corpora.items()},
                "tokens": row.tokens,
                "chunks": row.chunks,
            }
            for row in rows
        ]
    )
