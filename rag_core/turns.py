"""What a conversation consists of: its place in the list, its turns, and the places they cite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from rag_core.datatypes import Answer
from rag_core.making import Making


@dataclass(frozen=True, slots=True)
class CitedPlace:
    """A citation as it was shown: it stays readable when its document is gone."""

    number: int
    document_id: str
    document: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class NewTurn:
    """A question and what was answered, before it is kept.

    `error` says why a text broke off, and `making` how a whole answer was made.
    """

    question: str
    text: str
    citations: tuple[CitedPlace, ...] = ()
    model: str = ""
    seconds: float = 0.0
    standalone: str = ""
    found: bool = True
    error: str = ""
    making: Making | None = None

    @classmethod
    def of(cls, question: str, answer: Answer, *, price: float | None = None) -> Self:
        """Make a turn of a whole answer; `question` as the person typed it, `price` in dollars."""
        places = tuple(
            CitedPlace(
                citation.number,
                citation.span.document_id,
                str(citation.hit.chunk.metadata.get("name", "")),
                citation.span.start,
                citation.span.end,
                citation.text,
            )
            for citation in answer.citations
        )
        return cls(
            question,
            answer.text,
            places,
            answer.model,
            sum(stage.seconds for stage in answer.stages),
            answer.standalone,
            answer.found,
            making=Making.of(answer, price=price),
        )


@dataclass(frozen=True, slots=True)
class Turn:
    """A kept turn. `thumb` is 1 for up, -1 for down, 0 for neither; times are Unix seconds."""

    id: int
    said: NewTurn
    asked_at: float
    thumb: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation's place in the list; `changed_at` is Unix seconds."""

    id: str
    collection: str
    title: str
    changed_at: float
    turns: int
