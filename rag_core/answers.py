"""Answers: their text as it streams, and the citations in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rag_core.datatypes import Answer, Citation, Prompt, SearchHit, SearchResult, Span
from rag_core.errors import RagError
from rag_core.prompts import NOT_FOUND
from rag_core.protocols import Generator

_MARK = re.compile(r"“|\[(\d{1,3})\]")
_QUOTED = re.compile(r"”\s*\[(\d{1,3})\]")


class AnswerStream:
    """An answer in the making: iterate for its text, then read `answer`.

    Iterating again repeats what came; reading `answer` first runs the stream to its end.
    """

    def __init__(self, prompt: Prompt, result: SearchResult, generator: Generator) -> None:
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
            for piece in self._coming:
                self._pieces.append(piece)
                yield piece
        except RagError as error:
            self._failure = error
            raise

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
        return Answer(
            text=self.text,
            citations=find_citations(self.text, self.prompt.sources),
            prompt=self.prompt,
            model=self._generator.name,
            result=self.result,
            found=not self.text.startswith(NOT_FOUND),
        )


def find_citations(text: str, sources: Sequence[SearchHit]) -> tuple[Citation, ...]:
    """Return the citations of a text in order, each place once; numbers without a source are none.

    Where what stands before `[n]` is a quotation of source n, the citation's span is the quoted
    place, else the whole chunk. A `[3]` that a source itself holds is no citation when it is quoted
    between “ and ”.
    """
    found: dict[tuple[int, Span], Citation] = {}
    before = place = 0
    while mark := _MARK.search(text, place):
        cited = _end_of_quotation(text, mark.end(), sources) if mark[0] == "“" else mark
        place = mark.end() if cited is None else cited.end()
        if cited is None:
            continue
        number, said = int(cited[1]), text[before : cited.start()]
        before = place
        if 1 <= number <= len(sources):
            hit = sources[number - 1]
            span = _quoted(said, hit) or hit.chunk.span
            found.setdefault((number, span), Citation(number, hit, span))
    return tuple(found.values())


def _end_of_quotation(text: str, start: int, sources: Sequence[SearchHit]) -> re.Match[str] | None:
    for end in _QUOTED.finditer(text, start):
        number = int(end[1])
        if 1 <= number <= len(sources) and _quoted(text[start : end.start()], sources[number - 1]):
            return end
    return None


def _quoted(said: str, hit: SearchHit) -> Span | None:
    quotation = said.strip().removeprefix("“").removesuffix("”").strip()
    place = hit.chunk.text.find(quotation) if quotation else -1
    if place < 0:
        return None
    start = hit.chunk.start + place
    return Span(hit.chunk.document_id, start, start + len(quotation))
