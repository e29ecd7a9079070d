"""Answers: their text as it streams, and the citations in it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag_core.datatypes import Answer, Citation, Prompt, SearchHit, SearchResult, Span, Timing
from rag_core.errors import RagError
from rag_core.prompts import NOT_FOUND, estimate_tokens
from rag_core.protocols import Generator

_MARK = re.compile(r"“|\[(\d{1,3})\]")
_QUOTED = re.compile(r"”\s*\[(\d{1,3})\]")


class AnswerStream:
    """An answer in the making: iterate for its text, then read `answer`.

    Iterating again repeats what came; reading `answer` first runs the stream to its end.
    `standalone` is the question that was searched for, and `note` says what went wrong with it.
    """

    def __init__(
        self,
        prompt: Prompt,
        result: SearchResult,
        generator: Generator,
        *,
        note: str = "",
        stages: Sequence[Timing] = (),
    ) -> None:
        self.standalone = prompt.question
        self.note = note
        self._stages = tuple(stages)
        self._generating = 0.0
        self.prompt = prompt
        self.result = result
        self._generator = generator
        self._pieces: list[str] = []
        self._failure: RagError | None = None
        # Nothing was found: there is nothing a model could add but inventions.
        self._coming = generator.stream(prompt) if prompt.sources else iter((NOT_FOUND,))

    def __iter__(self) -> Iterator[str]:
        yield from tuple(self._pieces)
        if self._failure:  # what broke off must not pass for a whole answer
            raise self._failure
        try:
            while (piece := self._next()) is not None:
                self._pieces.append(piece)
                yield piece
        except RagError as error:
            self._failure = error
            raise

    def _next(self) -> str | None:
        started = time.perf_counter()  # the reader's own time between two pieces is not counted
        try:
            return next(self._coming, None)
        finally:
            self._generating += time.perf_counter() - started

    @property
    def stages(self) -> tuple[Timing, ...]:
        """The stages and their times so far; generating is the last."""
        return (*self._stages, Timing("generate", self._generating))

    @property
    def text(self) -> str:
        """The text that has come so far."""
        return "".join(self._pieces)

    @property
    def answer(self) -> Answer:
        """The whole answer; waits for the rest of the stream.

        Raises:
            ModelError: when the model fails or breaks off.
        """
        for _ in self:
            pass
        return self.so_far

    @property
    def so_far(self) -> Answer:
        """What has come so far, made into an answer; for one that was stopped or broke off."""
        return Answer(
            text=self.text,
            citations=find_citations(self.text, self.prompt.sources),
            prompt=self.prompt,
            model=self._generator.name,
            result=self.result,
            found=not self.text.startswith(NOT_FOUND),
            standalone=self.standalone,
            stages=self.stages,
            tokens=estimate_tokens(self.text),
        )


_STAGES = {"fusion": "fuse", "rerank": "rerank"}  # every other step of a search retrieves


def timings(result: SearchResult, *, rewrite: float, prompt: float) -> tuple[Timing, ...]:
    """Return the stages before generating, in seconds: rewrite, retrieve, fuse, rerank, prompt."""
    seconds = dict.fromkeys(("rewrite", "retrieve", "fuse", "rerank", "prompt"), 0.0)
    seconds |= {"rewrite": rewrite, "prompt": prompt}
    for stage in result.stages:
        seconds[_STAGES.get(stage.name, "retrieve")] += stage.seconds
    return tuple(Timing(name, taken) for name, taken in seconds.items())


@dataclass(frozen=True, slots=True)
class Marker:
    """A citation where it stands in an answer: `text[start:end]` is its `[n]`."""

    start: int
    end: int
    citation: Citation


def find_citations(text: str, sources: Sequence[SearchHit]) -> tuple[Citation, ...]:
    """Return the citations of a text in order, each place once; see `find_markers`."""
    found: dict[tuple[int, Span], Citation] = {}
    for marker in find_markers(text, sources):
        found.setdefault((marker.citation.number, marker.citation.span), marker.citation)
    return tuple(found.values())


def find_markers(text: str, sources: Sequence[SearchHit]) -> list[Marker]:
    """Return where a text cites, in order; numbers without a source are no citations.

    After an exact quotation of source n between “ and ”, the citation's span is the quoted place,
    else the whole chunk. A `[3]` inside such a quotation is the source's own and no citation.
    """
    found: list[Marker] = []
    place = 0
    while mark := _MARK.search(text, place):
        marker = _quoting(text, mark, sources) if mark[0] == "“" else _bare(mark, sources)
        place = marker.end if marker else mark.end()
        if marker:
            found.append(marker)
    return found


def _bare(mark: re.Match[str], sources: Sequence[SearchHit]) -> Marker | None:
    hit = _source(mark[1], sources)
    if hit is None:
        return None
    return Marker(mark.start(), mark.end(), Citation(int(mark[1]), hit, hit.chunk.span))


def _quoting(text: str, mark: re.Match[str], sources: Sequence[SearchHit]) -> Marker | None:
    # The first end that makes it an exact quotation: a quotation may hold quotations and marks.
    for end in _QUOTED.finditer(text, mark.end()):
        hit = _source(end[1], sources)
        quotation = text[mark.end() : end.start()].strip()
        place = hit.chunk.text.find(quotation) if hit and quotation else -1
        if hit and place >= 0:
            start = hit.chunk.start + place
            span = Span(hit.chunk.document_id, start, start + len(quotation))
            return Marker(end.start(1) - 1, end.end(), Citation(int(end[1]), hit, span))
    return None


def _source(number: str, sources: Sequence[SearchHit]) -> SearchHit | None:
    return sources[int(number) - 1] if 1 <= int(number) <= len(sources) else None
