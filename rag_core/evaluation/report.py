"""Reports and sweep tables to take along: Markdown, CSV, JSON, and one HTML file by itself.

Whatever came from a file or a person is escaped: a question cannot become markup, a formula in a
spreadsheet or a line of its own in a table.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from rag_core.evaluation.html import bar, document, escaped, table
from rag_core.evaluation.reporting import EvaluationReport
from rag_core.evaluation.scoring import QuestionResult
from rag_core.evaluation.span_metrics import GoldStory
from rag_core.evaluation.table import ANSWERS, COLUMNS, Row, SweepTable
from rag_core.spreadsheets import neutral

_MARKDOWN = str.maketrans({letter: f"\\{letter}" for letter in "\\`*_{}[]<>#|!$~&"})
_CHUNK = ("chunk recall", "chunk precision", "chunk iou", "chunk precision omega")


def report_markdown(report: EvaluationReport) -> str:
    """Return one setting's figures as a Markdown table: a row a metric, a column a k.

    Behind each mean stands its 95 per cent interval. The last column is for what has no k: answers
    and precision-omega.
    """
    bases = dict.fromkeys(name.partition("@")[0] for name in report.metrics)
    names = [[f"{base}@{k}" for k in report.ks] + [base] for base in bases]
    rows = [
        (base, *(_figure(report, each) if each in report.metrics else "" for each in row))
        for base, row in zip(bases, names, strict=True)
    ]
    heading = ("metric", *(f"@{k}" for k in report.ks), "at no k")
    head = [f"# {inert(report.name)}", "", inert(_measured(report)), ""]
    return "\n".join([*head, *_markdown(heading, rows), ""])


def report_csv(report: EvaluationReport) -> str:
    """Return a row a question: its id, its text, its seconds and every metric."""
    rows = [
        (
            result.question.id,
            result.question.text,
            f"{result.seconds:.6f}",
            *(result.values.get(name, "") for name in report.metrics),
        )
        for result in report.results
    ]
    return _csv(("id", "question", "seconds", *report.metrics), rows)


def report_html(report: EvaluationReport) -> str:
    """Return one setting's figures and every question's story as a page that loads nothing."""
    figures = table(
        ("metric", "mean", "95 % interval", ""),
        [
            (name, f"{found.mean:.3f}", f"{found.low:.3f} to {found.high:.3f}", bar(found))
            if not name.startswith("tokens")
            else (name, f"{found.mean:,.0f}", f"{found.low:,.0f} to {found.high:,.0f}", "")
            for name in report.metrics
            if (found := report.interval(name))
        ],
        raw=(3,),
    )
    told = "".join(_story(result) for result in report.results)
    body = f"<p>{escaped(_measured(report))}</p>{figures}<h2>Questions</h2>{told}"
    return document(report.name, body)


def table_markdown(sweep: SweepTable, metric: str = "ndcg") -> str:
    """Return a sweep's leaderboard as a Markdown table; the best and its ties are bold."""
    rows = []
    answered = sweep.measured(ANSWERS)
    for row in sweep.leaderboard(metric):
        cells = _cells(row, answered)
        label = inert(cells[0])
        rows.append((f"**{label}**" if row.tied else label, *cells[1:]))
    head = [f"# {inert(sweep.name)}", "", _swept(sweep, metric), ""]
    return "\n".join([*head, *_markdown(_heading(metric, answered), rows), ""])


def table_csv(sweep: SweepTable, metric: str = "ndcg") -> str:
    """Return a sweep's leaderboard as CSV, best first, every metric in full precision."""
    measured = sweep.measured([*COLUMNS, *_CHUNK, "tokens", *ANSWERS])
    rows = []
    for row in sweep.leaderboard(metric):
        chunking = dict(row.report.settings["chunker"])
        rows.append(
            (
                row.label,
                chunking.get("name", ""),
                chunking.get("size", chunking.get("maximum", "")),
                row.report.settings["k"],
                row.report.settings["mode"],
                row.report.settings["rerank"] or "",
                row.report.settings["model"],
                row.report.questions,
                *(row.report.mean(name) for name in measured),
                row.interval.low,
                row.interval.high,
                "tie" if row.tied else "worse",
                row.report.latency_p50,
            )
        )
    heading = ("setting", "chunker", "size", "k", "mode", "rerank", "model", "questions")
    tail = (f"{metric} low", f"{metric} high", "against best", "seconds p50")
    return _csv((*heading, *measured, *tail), rows)


def table_html(sweep: SweepTable, metric: str = "ndcg") -> str:
    """Return a sweep's leaderboard, and every question under its best setting, as one page.

    It loads nothing.
    """
    rows = sweep.leaderboard(metric)
    answered = sweep.measured(ANSWERS)
    heading = _heading(metric, answered)
    body = f"<p>{escaped(_swept(sweep, metric))}</p>" + table(
        (*heading, ""),
        [(*_cells(row, answered), bar(row.interval)) for row in rows],
        raw=(len(heading),),
        strong=[number for number, row in enumerate(rows) if row.tied],
    )
    if rows:
        told = "".join(map(_story, rows[0].report.results))
        body += f"<h2>Questions under {escaped(rows[0].label)}</h2>{told}"
    return document(sweep.name, body)


def inert(text: str) -> str:
    """Return the text on one line, so that Markdown shows it and obeys nothing in it."""
    return " ".join(text.split()).translate(_MARKDOWN)


def _heading(metric: str, answered: Sequence[str]) -> tuple[str, ...]:
    rest = [name for name in COLUMNS if name != metric]
    sorted_by = metric if metric in ANSWERS else f"{metric}@k"
    return ("setting", sorted_by, "95 %", *(f"{name}@k" for name in rest), "IoU", *answered,
            "tokens", "p50 ms", "verdict")  # fmt: skip


def _cells(row: Row, answered: Sequence[str]) -> tuple[str, ...]:
    report = row.report
    main = report.resolve(row.metric)
    rest = [name for name in COLUMNS if name != main.split("@")[0]]
    iou = f"{report.mean('chunk iou'):.3f}" if report.measures("chunk iou") else ""
    return (
        row.label,
        f"{row.interval.mean:.3f}",
        f"{row.interval.low:.3f}–{row.interval.high:.3f}",
        *(f"{report.mean(name):.3f}" for name in rest),
        iou,
        *(f"{report.mean(name):.3f}" for name in answered),
        f"{report.mean('tokens'):,.0f}",
        f"{1000 * report.latency_p50:.1f}",
        _verdict(row),
    )


def _verdict(row: Row) -> str:
    if row.against_best is None:
        return "best"
    if row.against_best.verdict != "tie":
        p = row.against_best.p
        return "worse (p < 0.001)" if p < 0.001 else f"worse (p {p:.3f})"
    more = row.against_best.more_questions
    return "tie" if more is None else f"tie (about {more:,} more questions to decide)"


def _figure(report: EvaluationReport, name: str) -> str:
    found = report.interval(name)
    if name.startswith("tokens"):
        return f"{found.mean:,.0f}"
    return f"{found.mean:.3f} ({found.low:.2f}–{found.high:.2f})"


def _measured(report: EvaluationReport) -> str:
    keys = ("mode", "rerank", "model", "k")
    said = report.settings.get("label") or ", ".join(
        f"{key} {report.settings[key]}" for key in keys if report.settings.get(key)
    )
    skipped = f" {len(report.skipped)} questions left out." if report.skipped else ""
    return (
        f"{report.questions} questions, judged by {report.level}; {said}. Median search "
        f"{1000 * report.latency_p50:.1f} ms.{skipped} Data {report.data}, code {report.code}."
    )


def _swept(sweep: SweepTable, metric: str) -> str:
    count = sweep.reports[0].questions if sweep.reports else 0
    first = sweep.reports[0] if sweep.reports else None
    ids = f" Data {first.data}, code {first.code}." if first else ""
    return (
        f"{count} questions, {len(sweep.reports)} settings, sorted by {metric} at each setting's "
        f"own k; settings not shown to be worse than the best (each by itself) are ties."
        f"{_by_whom(sweep)}{ids}"
    )


def _by_whom(sweep: SweepTable) -> str:
    settings = sweep.reports[0].settings if sweep.reports else {}
    said = f" Answers by {settings['generator']}." if settings.get("generator") else ""
    if settings.get("judge"):
        said += f" model_judged is the opinion of the model {settings['judge']}."
    return said


def _story(result: QuestionResult) -> str:
    found = "".join(
        f"<li>{escaped(hit.document)}, {hit.start}–{hit.end}, score {hit.score:.4f}</li>"
        for hit in result.retrieved
    )
    golds = "".join(_gold(story) for story in result.stories)
    answer = f"<p>Answer: {escaped(result.answer)}</p>" if result.answer else ""
    return (
        f"<details><summary>{escaped(result.question.id)}: {escaped(result.question.text)}"
        f"</summary>{golds}{answer}<ol>{found}</ol></details>"
    )


def _gold(story: GoldStory) -> str:
    gold = story.gold
    where = f"complete at rank {story.rank}" if story.rank else "not retrieved whole"
    cut = f", cut by the chunking into {len(story.pieces)} pieces" if story.fate == "cut" else ""
    return (
        f"<blockquote>{escaped(gold.text)}</blockquote><p>{escaped(gold.document)}, "
        f"{gold.start}–{gold.end}: {where}{cut}</p>"
    )


def _markdown(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (heading, ["---"] * len(heading), *rows)]


def _csv(heading: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(heading)
    writer.writerows([neutral(cell) for cell in row] for row in rows)
    return text.getvalue()
