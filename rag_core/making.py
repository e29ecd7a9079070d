"""How an answer was made: its stages, what was found, the exact prompt, tokens and price.

It is what stays of an `Answer` when its conversation is kept: small enough for every turn, and
readable when the documents are gone. A prompt holds no key, and no address of a server.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from rag_core.datatypes import Answer, Message, SearchHit, Stage, Timing

BEST = 3  # hits of a search step that are named; the sources stand in the prompt in full
EXCERPT = 200  # characters


@dataclass(frozen=True, slots=True)
class FoundHit:
    """One of the best hits of a step; `text` is the chunk's beginning, EXCERPT characters long."""

    rank: int
    document: str
    score: float
    text: str

    @classmethod
    def of(cls, hit: SearchHit) -> Self:
        """Make it of a hit."""
        name = str(hit.chunk.metadata.get("name", ""))
        return cls(hit.rank, name, float(hit.score), hit.chunk.text[:EXCERPT])


@dataclass(frozen=True, slots=True)
class FoundStage:
    """One step of the search: how many it found, in how many seconds, and the BEST of them."""

    name: str
    seconds: float
    hits: int
    best: tuple[FoundHit, ...]

    @classmethod
    def of(cls, stage: Stage) -> Self:
        """Make it of a step of a search."""
        best = tuple(FoundHit.of(hit) for hit in stage.hits[:BEST])
        return cls(stage.name, stage.seconds, len(stage.hits), best)


@dataclass(frozen=True, slots=True)
class Making:
    """How an answer was made.

    `stages` are its steps and their times, `found` those of the search alone. `messages` are the
    exact prompt, none when nothing was found and no model asked. `dropped` counts the sources that
    the window had no room for; `read` and `written` are tokens, estimated. `price` is in US
    dollars, None where nobody knows.
    """

    stages: tuple[Timing, ...]
    found: tuple[FoundStage, ...]
    messages: tuple[Message, ...]
    dropped: int = 0
    read: int = 0
    written: int = 0
    price: float | None = None

    @property
    def seconds(self) -> float:
        """The time of all stages together, in seconds."""
        return sum(stage.seconds for stage in self.stages)

    @classmethod
    def of(cls, answer: Answer, *, price: float | None = None) -> Self:
        """Make it of a whole answer."""
        return cls(
            answer.stages,
            tuple(FoundStage.of(stage) for stage in answer.result.stages),
            answer.prompt.messages if answer.prompt.sources else (),
            len(answer.prompt.dropped),
            answer.prompt.tokens,
            answer.tokens,
            price,
        )

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """Make it of what `dataclasses.asdict` made of one, also after a way through JSON."""
        nested = {
            "stages": tuple(Timing(**stage) for stage in values["stages"]),
            "found": tuple(
                FoundStage(**stage | {"best": tuple(FoundHit(**hit) for hit in stage["best"])})
                for stage in values["found"]
            ),
            "messages": tuple(Message(**message) for message in values["messages"]),
        }
        return cls(**dict(values) | nested)
