"""One question asked of two lanes, one after the other, so that neither slows the other down."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from rag_core.answers import AnswerStream
from rag_core.datatypes import Answer, SearchHit, SearchResult
from rag_core.errors import Cancelled, RagError
from rag_core.generators.chat import ChatGenerator
from rag_core.generators.prices import price_usd
from rag_core.pipeline import RagPipeline
from rag_core.protocols import Generator, OnProgress, Progress
from rag_core.two_lanes.index import Shelf
from rag_core.two_lanes.settings import LaneSettings
from rag_core.waiting import watched


@dataclass(frozen=True, slots=True)
class LaneReport:
    """How far a lane has come, and in the end all of it.

    `text` is what has come of the answer, citing `sources`. Times are in seconds: `searching`,
    `first` (from the question to the first piece of text, None before it) and `seconds` (to the
    end). `price_usd` is None where nobody knows it. `error` and `hint` say why there is no answer.
    """

    settings: LaneSettings
    text: str = ""
    sources: tuple[SearchHit, ...] = ()
    answer: Answer | None = None
    searching: float = 0.0
    first: float | None = None
    seconds: float = 0.0
    price_usd: float | None = None
    error: str = ""
    hint: str = ""

    @property
    def hits(self) -> tuple[SearchHit, ...]:
        """What the lane found, best first, whether or not it answers the question."""
        return self.answer.result.hits if self.answer else self.sources


@dataclass(frozen=True, slots=True)
class RaceProgress(Progress):
    """How far a race is; `reports` are the lanes begun so far."""

    reports: tuple[LaneReport, ...] = ()


def run_race(
    pipeline: RagPipeline,
    question: str,
    lanes: Sequence[tuple[LaneSettings, Generator]],
    *,
    shelf: Shelf,
    on_progress: OnProgress,
) -> tuple[LaneReport, ...]:
    """Ask every lane, and return their reports in the same order.

    A lane that fails says so in its report, and the others go on. Each searches and reads its
    passages once before its time counts: else the first would do so for those after it.

    Args:
        pipeline: whose documents.
        question: stands alone.
        lanes: each with what writes its answer.
        shelf: indexes of lanes that cut the documents in their own way.
        on_progress: called with a `RaceProgress` at every step and piece of text; raising
            `Cancelled` in it stops the race.

    Raises:
        Cancelled: when it was stopped.
    """
    race = _Race(pipeline, question, shelf, len(lanes), on_progress)
    for settings, generator in lanes:
        race.run(settings, generator)
    return tuple(race.reports)


@dataclass
class _Race:
    """A race at work."""

    pipeline: RagPipeline
    question: str
    shelf: Shelf
    lanes: int
    on_progress: OnProgress
    reports: list[LaneReport] = field(default_factory=list)

    def run(self, settings: LaneSettings, generator: Generator) -> None:
        """Run one lane; its report is the last one."""
        self.reports.append(LaneReport(settings))
        try:
            self._tell("loading")
            self.pipeline.warm_up()
            if isinstance(generator, ChatGenerator):
                generator.prepare()
            # Until it is iterated, no model is asked.
            self.pipeline.stream(
                self.question, generator=generator, search=lambda q: self._search(settings, q)
            )
            self._answer(settings, generator)
        except Cancelled:
            raise
        except RagError as error:
            self._now(error=error.message, hint=error.hint)

    def _answer(self, settings: LaneSettings, generator: Generator) -> None:
        started = time.perf_counter()

        def search(question: str) -> SearchResult:
            found = self._search(settings, question)
            self._now(searching=time.perf_counter() - started, sources=found.hits)
            self._tell("waiting for the answer")
            return found

        self._tell("searching")
        stream = self.pipeline.stream(self.question, generator=generator, search=search)
        self._now(sources=stream.prompt.sources)
        text = ""
        for piece in watched(stream, lambda: self._tell("waiting for the answer")):
            text += piece
            first, spent = self.reports[-1].first, time.perf_counter() - started
            self._now(text=text, first=spent if first is None else first, seconds=spent)
            self._tell("answering")
        self._done(stream, generator, time.perf_counter() - started)

    def _search(self, settings: LaneSettings, question: str) -> SearchResult:
        return self.shelf.search(self.pipeline, settings, question, self._stepped)

    def _done(self, stream: AnswerStream, generator: Generator, seconds: float) -> None:
        answer = stream.answer
        # With no source found, no model was asked, and nothing was paid for.
        read, written = (answer.prompt.tokens, answer.tokens) if answer.prompt.sources else (0, 0)
        price = price_usd(generator, read, written) if read else 0.0
        self._now(answer=answer, seconds=seconds, price_usd=price)

    def _now(self, **values: object) -> None:
        self.reports[-1] = replace(self.reports[-1], **values)  # type: ignore[arg-type]

    def _stepped(self, step: Progress) -> None:
        self._tell(step.stage, step.done, step.total)

    def _tell(self, stage: str, done: int = 0, total: int = 0) -> None:
        name = f"lane {len(self.reports)} of {self.lanes}"
        self.on_progress(RaceProgress(stage, done, total, name, tuple(self.reports)))
