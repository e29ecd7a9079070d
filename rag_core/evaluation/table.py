"""A sweep's results as a table: sorted, the best marked, and ties called ties."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rag_core.evaluation.reporting import EvaluationReport
from rag_core.evaluation.significance import Comparison, Interval

ANSWERS = (
    "exact_match", "token_f1", "contains_gold", "declined", "citation_precision",
    "citation_recall", "model_judged",
)  # fmt: skip
COLUMNS = ("ndcg", "recall", "hit_rate", "mrr", "precision", "map")


@dataclass(frozen=True, slots=True)
class Row:
    """One setting in a leaderboard.

    `interval` is of `metric`, by which the board is sorted. `against_best` compares it with the
    first row, None for that row itself. `tied` is True for the best and all that are not shown to
    be worse; `pareto` for those that no other beats in both the metric and context tokens.
    """

    report: EvaluationReport
    metric: str
    interval: Interval
    against_best: Comparison | None
    tied: bool
    pareto: bool

    @property
    def label(self) -> str:
        """The setting in a few words."""
        return str(self.report.settings.get("label", self.report.name))


@dataclass(frozen=True)
class SweepTable:
    """Every setting of a sweep over one question set, and the seconds it took.

    `id` is that of the record it is kept under, "" for none.
    """

    name: str
    reports: tuple[EvaluationReport, ...]
    seconds: float
    id: str = ""

    def measured(self, names: Sequence[str]) -> list[str]:
        """Return those of the metrics that every setting has."""
        return [name for name in names if all(each.measures(name) for each in self.reports)]

    def leaderboard(self, metric: str = "ndcg") -> list[Row]:
        """Return the settings by a metric, best first; fewer context tokens first among equals.

        Args:
            metric: without "@k" each setting's own k is meant.

        Raises:
            ValueError: for a metric that was not measured.
        """
        order = sorted(
            self.reports,
            key=lambda each: (
                -round(each.mean(metric), 9),
                each.mean("tokens"),
                str(each.settings.get("label")),
            ),
        )
        front = {id(report) for report in self.pareto(metric)}
        rows = []
        for report in order:
            versus = None if report is order[0] else report.compare(order[0], metric)
            tied = versus is None or versus.verdict == "tie"
            rows.append(
                Row(report, metric, report.interval(metric), versus, tied, id(report) in front)
            )
        return rows

    def pareto(self, metric: str = "ndcg", cost: str = "tokens") -> list[EvaluationReport]:
        """Return the settings that no other beats in both metric and cost, cheapest first.

        Args:
            metric: higher is better.
            cost: a metric where lower is better, or "latency".
        """

        def price(report: EvaluationReport) -> float:
            return report.latency_p50 if cost == "latency" else report.mean(cost)

        front: list[EvaluationReport] = []
        for report in sorted(self.reports, key=lambda each: (price(each), -each.mean(metric))):
            if not front or report.mean(metric) > front[-1].mean(metric):
                front.append(report)
        return front

    def heatmap(self, metric: str = "recall") -> tuple[list[str], list[str], list[list[float]]]:
        """Return question ids, setting labels, and the metric of each question under each.

        Not a number stands where a question lacks the metric.
        """
        ids = list(self.reports[0].by_question(metric)) if self.reports else []
        by_setting: Sequence[dict[str, float]] = [each.by_question(metric) for each in self.reports]
        labels = [str(each.settings.get("label")) for each in self.reports]
        return ids, labels, [[values.get(id_, math.nan) for values in by_setting] for id_ in ids]
