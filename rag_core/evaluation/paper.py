"""The chunker table of "Evaluating Chunking Strategies for Retrieval", published beside measured.

The paper's conditions: all corpora in one collection, all-MiniLM-L6-v2, vector search, the 5 best
chunks, measures over characters. It counts chunk sizes in tokens of OpenAI's cl100k; ours are
counted in tokens of the model that reads them, so the same number is a slightly larger chunk here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag_core.embedders import open_embedder
from rag_core.evaluation.datasets.chunking_paper import load_chunking_paper
from rag_core.evaluation.grid import Grid
from rag_core.evaluation.reporting import EvaluationReport
from rag_core.evaluation.sweep import OpenModel, run_sweep
from rag_core.home import Home
from rag_core.protocols import OnProgress

K = 5
MEASURES = ("recall", "precision", "precision omega", "iou")


@dataclass(frozen=True, slots=True)
class PaperRow:
    """One chunking: mean and population deviation by measure, in per cent.

    `published` holds the paper's means, or nothing. `measured` is (mean, deviation), or nothing for
    a strategy of theirs that is not built here. `corpora` are the means of each corpus by itself,
    `tokens` the mean context of a question, `chunks` how many there are.
    """

    label: str
    published: Mapping[str, float]
    measured: Mapping[str, tuple[float, float]]
    corpora: Mapping[str, Mapping[str, float]]
    tokens: float
    chunks: int


def _published(recall: float, precision: float, omega: float, iou: float) -> dict[str, float]:
    return dict(zip(MEASURES, (recall, precision, omega, iou), strict=True))


def _tokens(name: str, size: int, overlap: int | None = 0) -> dict[str, Any]:
    chunking = {"name": name, "size": size, "unit": "tokens"}
    return chunking if overlap is None else chunking | {"overlap": overlap}


_SEMANTIC = {
    "name": "semantic", "method": "optimal", "minimum": 50, "maximum": 200, "unit": "tokens",
}  # fmt: skip
# Smith and Troynikov, 2024: the rows of all-MiniLM-L6-v2, with what is nearest to them here.
ROWS: tuple[tuple[str, Mapping[str, Any], Mapping[str, float]], ...] = (
    ("recursive 200/0", _tokens("recursive", 200), _published(75.7, 6.5, 31.2, 6.5)),
    ("recursive 250/125", _tokens("recursive", 250, 125), _published(78.7, 4.9, 21.9, 4.9)),
    ("cluster 200 (here: semantic, optimal)", _SEMANTIC, _published(75.2, 7.2, 33.6, 7.2)),
    ("sentence 100", _tokens("sentence", 100), {}),
    ("sentence 60", _tokens("sentence", 60), {}),
    ("paragraph 200", _tokens("paragraph", 200, None), {}),
    ("recursive 100", _tokens("recursive", 100), {}),
    ("fixed 200", _tokens("fixed", 200), {}),
    ("markdown 200", _tokens("markdown", 200), {}),
)

CORPORA = frozenset({"chatlogs", "finance", "pubmed", "state_of_the_union", "wikitexts"})
"""The paper's own corpora: figures over others stand beside its own, and prove nothing of them."""
BEST_PUBLISHED = max((row[2] for row in ROWS if row[2]), key=lambda values: values["iou"])
"""The published row of this model with the highest IoU, in per cent by measure."""


def paper_table(
    home: Home,
    folder: Path | str,
    *,
    open_model: OpenModel = open_embedder,
    on_progress: OnProgress | None = None,
) -> list[PaperRow]:
    """Run the table on the paper's data, or any folder of that layout.

    Resumes, and can be cancelled, as `run_sweep`.

    Raises:
        DatasetError: for a folder of another layout.
        ModelError, HomeError: as `run_sweep` raises them.
    """
    dataset = load_chunking_paper(folder)
    grid = Grid(tuple(chunking for _, chunking, _ in ROWS), ks=(K,), modes=("vector",))
    table = run_sweep(home, dataset, grid, open_model=open_model, on_progress=on_progress)
    return [
        _row(label, published, report)
        for (label, _, published), report in zip(ROWS, table.reports, strict=True)
    ]


def paper_markdown(rows: Iterable[PaperRow]) -> str:
    """Return the table as Markdown: measured with its deviation, and published where it is."""
    lines = [
        "| chunking | " + " | ".join(MEASURES) + " | tokens |",
        "|---" * (len(MEASURES) + 2) + "|",
    ]
    for row in rows:
        cells = [_cell(row, measure) for measure in MEASURES]
        lines.append(f"| {row.label} | " + " | ".join(cells) + f" | {row.tokens:,.0f} |")
    return "\n".join(lines) + "\n"


def _cell(row: PaperRow, measure: str) -> str:
    mean, deviation = row.measured[measure]
    said = f"{mean:.1f} ± {deviation:.1f}"
    return f"{said} (published {row.published[measure]:.1f})" if row.published else said


def _row(label: str, published: Mapping[str, float], report: EvaluationReport) -> PaperRow:
    names = {measure: report.resolve(f"chunk {measure}") for measure in MEASURES}
    measured = {
        measure: (100 * report.mean(name), 100 * report.deviation(name))
        for measure, name in names.items()
    }
    corpora: dict[str, dict[str, float]] = {}
    for corpus in sorted({result.question.golds[0].document for result in report.results}):
        here = [each for each in report.results if each.question.golds[0].document == corpus]
        corpora[corpus] = {
            measure: 100 * sum(each.values[name] for each in here) / len(here)
            for measure, name in names.items()
        }
    tokens, chunks = report.mean("tokens"), int(report.settings["chunks"])
    return PaperRow(label, published, measured, corpora, tokens, chunks)
