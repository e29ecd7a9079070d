"""Two sweeps beside each other, setting by setting: did a change of documents or code help?"""

from __future__ import annotations

from dataclasses import dataclass

from rag_core.evaluation.reporting import EvaluationReport
from rag_core.evaluation.significance import Comparison
from rag_core.evaluation.table import SweepTable


@dataclass(frozen=True, slots=True)
class Contrast:
    """One setting's mean in two sweeps, None where it was not measured.

    `versus` compares the questions that both asked in the same words; None where there are none.
    """

    label: str
    here: float | None
    there: float | None
    versus: Comparison | None = None

    @property
    def difference(self) -> float | None:
        """How much more it is here than there."""
        return None if self.here is None or self.there is None else self.here - self.there


def contrast(one: SweepTable, other: SweepTable, metric: str = "ndcg") -> list[Contrast]:
    """Return every setting of two sweeps, the best here first, those only there last."""
    mine, theirs = _by_label(one), _by_label(other)
    found = [
        _contrast(label, mine.get(label), theirs.get(label), metric)
        for label in dict.fromkeys([*mine, *theirs])
    ]
    return sorted(found, key=lambda each: (each.here is None, -(each.here or 0.0), each.label))


def _by_label(table: SweepTable) -> dict[str, EvaluationReport]:
    return {str(report.settings["label"]): report for report in table.reports}


def _contrast(
    label: str, here: EvaluationReport | None, there: EvaluationReport | None, metric: str
) -> Contrast:
    means = [
        report.mean(metric) if report is not None and report.measures(metric) else None
        for report in (here, there)
    ]
    versus = None
    if here is not None and there is not None and None not in means and _same(here, there, metric):
        versus = here.compare(there, metric)
    return Contrast(label, means[0], means[1], versus)


def _same(one: EvaluationReport, other: EvaluationReport, metric: str) -> bool:
    """Return whether questions of the same id are the same, and there are any."""
    texts = {result.question.id: result.question.text for result in other.results}
    common = [
        texts[result.question.id] == result.question.text
        for result in one.results
        if result.question.id in texts
    ]
    shared = one.by_question(metric).keys() & other.by_question(metric).keys()
    return bool(shared) and all(common)
