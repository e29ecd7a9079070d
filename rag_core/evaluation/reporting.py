"""EvaluationReport: one setting's figures over a question set, with what a sceptic asks for."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from rag_core.evaluation.runs import Level
from rag_core.evaluation.scoring import QuestionResult
from rag_core.evaluation.significance import Comparison, Interval, bootstrap, compare


@dataclass(frozen=True)
class EvaluationReport:
    """How one setting did. `results` are by question, in the set's order.

    A metric is named as in `QuestionResult.values`: "ndcg@10", "document recall@5", "tokens@5", or
    an answer's measure. Without its "@k" the largest k is meant. `level` says what a name without a
    word before it judges. `skipped` says why questions took no part. `data` and `code` are short
    ids of the question set with its documents, and of the code: equal ones were measured alike.
    """

    name: str
    settings: Mapping[str, Any]
    ks: tuple[int, ...]
    level: Level
    results: tuple[QuestionResult, ...]
    skipped: tuple[str, ...] = ()
    data: str = ""
    code: str = ""
    _intervals: dict[str, Interval] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """The names of all metrics, in the order they were measured."""
        return tuple(dict.fromkeys(name for result in self.results for name in result.values))

    def resolve(self, metric: str) -> str:
        """Return the full name of a metric.

        Raises:
            ValueError: for one that was not measured, with those that were.
        """
        name = self._found(metric)
        if name is None:
            raise ValueError(f"unknown metric {metric!r}; measured are {', '.join(self.metrics)}")
        return name

    def measures(self, metric: str) -> bool:
        """Return whether the metric was measured; see `resolve`."""
        return self._found(metric) is not None

    def _found(self, metric: str) -> str | None:
        wanted = metric.strip().lower()
        names = (wanted, f"{wanted}@{max(self.ks, default=0)}")
        return next((name for name in names if name in self.metrics), None)

    def by_question(self, metric: str) -> dict[str, float]:
        """Return the metric of each question that has it, by the question's id."""
        name = self.resolve(metric)
        return {
            result.question.id: result.values[name]
            for result in self.results
            if name in result.values
        }

    def mean(self, metric: str) -> float:
        """Return the mean over the questions that have the metric."""
        return statistics.fmean(self.by_question(metric).values())

    def deviation(self, metric: str) -> float:
        """Return the population standard deviation over the questions."""
        return statistics.pstdev(self.by_question(metric).values())

    def interval(self, metric: str) -> Interval:
        """Return the mean with its 95 per cent interval by bootstrap over the questions."""
        name = self.resolve(metric)
        if name not in self._intervals:
            self._intervals[name] = bootstrap(list(self.by_question(name).values()))
        return self._intervals[name]

    def compare(self, other: EvaluationReport, metric: str) -> Comparison:
        """Compare with another setting by the questions that both have; see `significance`.

        Without its "@k" the metric is each report's own, so settings of different k compare.

        Raises:
            ValueError: when they share no question.
        """
        mine, theirs = self.by_question(metric), other.by_question(metric)
        common = [id_ for id_ in mine if id_ in theirs]
        return compare([mine[id_] for id_ in common], [theirs[id_] for id_ in common])

    def changed(
        self, other: EvaluationReport, metric: str
    ) -> tuple[list[tuple[QuestionResult, float]], list[tuple[QuestionResult, float]]]:
        """Return the questions that are better here than there, and those that are worse.

        Each with its difference, the largest first.
        """
        theirs = other.by_question(metric)
        name = self.resolve(metric)
        moved = [
            (result, result.values[name] - theirs[result.question.id])
            for result in self.results
            if name in result.values and result.question.id in theirs
        ]
        moved.sort(key=lambda each: (-abs(each[1]), each[0].question.id))
        return [each for each in moved if each[1] > 0], [each for each in moved if each[1] < 0]

    def failed(self, metric: str = "recall") -> Sequence[QuestionResult]:
        """Return the questions whose metric is below 1, worst first."""
        name = self.resolve(metric)
        low = [result for result in self.results if result.values.get(name, 1.0) < 1]
        return sorted(low, key=lambda result: result.values[name])

    @property
    def latency_p50(self) -> float:
        """The median seconds of a search, 0 where none was made."""
        return statistics.median([each.seconds for each in self._searched] or [0.0])

    @property
    def questions(self) -> int:
        """How many questions were judged."""
        return len(self._searched)

    def as_json(self) -> dict[str, Any]:
        """Return every figure as plain values, per question too."""
        return {
            "name": self.name,
            "settings": dict(self.settings),
            "level": self.level,
            "questions": self.questions,
            "data": self.data,
            "code": self.code,
            "metrics": {
                name: {"mean": found.mean, "low": found.low, "high": found.high}
                for name in self.metrics
                if (found := self.interval(name))
            },
            "latency_p50": self.latency_p50,
            "skipped": list(self.skipped),
            "by_question": [
                {
                    "id": result.question.id,
                    "question": result.question.text,
                    "seconds": result.seconds,
                    "values": dict(result.values),
                }
                for result in self.results
            ],
        }

    @property
    def _searched(self) -> list[QuestionResult]:
        return [result for result in self.results if result.question.judged]
