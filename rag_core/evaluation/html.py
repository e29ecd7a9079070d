"""The few pieces of HTML that an exported report is made of; everything given is escaped."""

from __future__ import annotations

import html
from collections.abc import Collection, Sequence

from rag_core.evaluation.significance import Interval

_STYLE = """body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;
color:#1b1f24;background:#fff}table{border-collapse:collapse;display:block;overflow-x:auto}
th,td{padding:.3rem .6rem;border-bottom:1px solid #d0d7de;text-align:left;white-space:nowrap}
tr.best td{font-weight:600;background:#eef6ee}details{margin:.4rem 0}blockquote{margin:.5rem 1rem;
border-left:3px solid #8c959f;padding-left:.7rem;white-space:pre-wrap}"""
# Nothing can be loaded or run, whatever slipped in.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def escaped(text: str) -> str:
    """Return the text so that HTML shows it and obeys nothing in it."""
    return html.escape(text, quote=True)


def document(title: str, body: str) -> str:
    """Return a whole page.

    Args:
        title: plain text.
        body: HTML in which everything that was given is escaped.
    """
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escaped(title)}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{escaped(title)}</h1>{body}</body></html>\n"
    )


def table(
    heading: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    raw: Collection[int] = (),
    strong: Collection[int] = (),
) -> str:
    """Return a table of plain texts.

    Args:
        heading: one text a column.
        rows: as many texts each.
        raw: columns whose cells are HTML already.
        strong: rows to be marked.
    """
    head = "".join(f'<th scope="col">{escaped(cell)}</th>' for cell in heading)
    body = "".join(
        f"<tr{' class=best' if number in strong else ''}>"
        + "".join(
            f"<td>{cell if column in raw else escaped(cell)}</td>"
            for column, cell in enumerate(row)
        )
        + "</tr>"
        for number, row in enumerate(rows)
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def bar(interval: Interval, width: int = 160) -> str:
    """Return an interval from 0 to 1 as a small drawing: a line from low to high, a dot at mean."""
    low, mean, high = (
        round(width * min(max(value, 0.0), 1.0), 1)
        for value in (interval.low, interval.mean, interval.high)
    )
    said = f"{interval.mean:.3f}, from {interval.low:.3f} to {interval.high:.3f}"
    return (
        f'<svg role="img" aria-label="{escaped(said)}" width="{width}" height="12">'
        f'<line x1="0" x2="{width}" y1="6" y2="6" stroke="#d0d7de"/>'
        f'<line x1="{low}" x2="{high}" y1="6" y2="6" stroke="#57606a" stroke-width="3"/>'
        f'<circle cx="{mean}" cy="6" r="4" fill="#0969da"/></svg>'
    )
