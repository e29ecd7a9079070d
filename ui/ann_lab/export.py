"""Taking the measurement along: CSV, and a script on rag_core; no Streamlit here."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from rag_core.ann import Comparison, victims
from rag_core.spreadsheets import neutral
from ui.ann_lab.problem import Outcome
from ui.ann_lab.settings import CLUSTERED, Settings
from ui.ann_lab.words import label


def results_csv(comparison: Comparison) -> bytes:
    """Return one row a setting; seconds and bytes as they are."""
    heading = ["method", "setting", "recall", "p50 seconds", "p95 seconds", "build seconds",
               "memory bytes"]  # fmt: skip
    rows = [
        [one.method, one.setting, one.recall, one.p50, one.p95, one.build_seconds, one.memory_bytes]
        for one in comparison.results
    ]
    return _table(heading, rows)


def victims_csv(outcome: Outcome) -> bytes:
    """Return one row for every true neighbour that an index with a setting missed."""
    truth, chunks = outcome.comparison.truth, outcome.chunks
    rows = [
        [
            label(one), victim.query, victim.rank, f"{victim.score:.6f}",
            outcome.asked[victim.query] if outcome.asked else "",
            chunks[victim.row].id if chunks else victim.row,
            chunks[victim.row].text if chunks else "",
        ]
        for one in outcome.comparison.results
        for victim in victims(one, truth)
    ]  # fmt: skip
    heading = ["index", "query", "true rank", "cosine", "query text", "missed", "missed text"]
    return _table(heading, rows)


def as_python(settings: Settings) -> str:
    """Return a script on rag_core that measures the same again."""
    lines = ['"""Measures exact against approximate search as Ragscope\'s page did."""', ""]
    lines += _of_collection(settings) if settings.collection is not None else _synthetic(settings)
    lines += [
        "for one in measured.results:",
        '    setting = "" if one.setting is None else one.setting',
        '    print(f"{one.method:6} {setting:>6} recall {one.recall:.3f} '
        '{one.p50 * 1000:.3f} ms a query")',
        "first = first_over(measured.results)",
        'print("first n_probe over 90 %:", first.setting if first else "none")',
        "",
    ]
    return "\n".join(lines)


def _synthetic(settings: Settings) -> list[str]:
    make = "clustered_vectors" if settings.spread == CLUSTERED else "random_vectors"
    total = settings.size + settings.queries
    return [
        f"from rag_core.ann import {', '.join(sorted(['compare', 'first_over', make]))}",
        "",
        f"drawn = {make}({total}, {settings.dimension}, seed={settings.seed})",
        f"vectors, queries = drawn[:{settings.size}], drawn[{settings.size}:]",
        "measured = compare(",
        f"    vectors, queries, {_indexes(settings)}",
        ")",
    ]


def _of_collection(settings: Settings) -> list[str]:
    name = settings.collection
    lines = [
        "import numpy as np", "", "from rag_core import RagPipeline",
        "from rag_core.ann import compare, first_over", "",
        f"with RagPipeline.open(collection={name!r}) as pipeline:",
        f"    chunks = list(pipeline.home.catalog.chunks({name!r}))",
        "    vectors = pipeline.vectors(chunks)",
    ]  # fmt: skip
    if settings.questions:
        lines += ["    questions = ["]
        lines += [f"        {question!r}," for question in settings.questions]
        lines += ["    ]"]
        lines += ["    queries = np.stack([pipeline.embedder.embed_query(q) for q in questions])"]
        own = "None"
    else:
        count = f"min({settings.queries}, len(chunks))"
        lines += [
            f"    chance = np.random.default_rng({settings.seed})",
            f"    own = np.sort(chance.choice(len(chunks), {count}, replace=False))",
            "    queries = vectors[own]",
        ]
        own = "own"
    lines += ["measured = compare(", f"    vectors, queries, own={own}, {_indexes(settings)}", ")"]
    return lines


def _indexes(settings: Settings) -> str:
    return f"n_clusters={settings.n_clusters}, n_probes={settings.n_probes!r}, efs={settings.efs!r}"


def _table(heading: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    # With a BOM, and no cell a spreadsheet could take for a formula.
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(heading)
    for row in rows:
        writer.writerow(["" if cell is None else neutral(cell) for cell in row])
    return text.getvalue().encode("utf-8-sig", "backslashreplace")
