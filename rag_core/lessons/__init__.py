"""Eight short lessons: what is shown, what the room is to predict, and how the truth is computed.

Nothing here knows the answers: each lesson carries a function that works it out, by the parts of
the library that the pages use, over the samples or over vectors made on the spot.
"""

from __future__ import annotations

from rag_core.lessons.basics import ANGLES, CHUNKS, MEANING
from rag_core.lessons.bench import Bench
from rag_core.lessons.keeping import DRIFT, GROUNDED
from rag_core.lessons.lesson import Lesson, Reveal, Row, View
from rag_core.lessons.searching import APPROXIMATE, FUSED, RERANKED
from rag_core.lessons.votes import Votes

__all__ = ["LESSONS", "STAGE", "Bench", "Lesson", "Reveal", "Row", "View", "Votes"]

STAGE = "stage"
"""The collection that lessons search: the samples, put back by every reset."""

LESSONS: tuple[Lesson, ...] = (
    ANGLES, MEANING, CHUNKS, APPROXIMATE, FUSED, RERANKED, GROUNDED, DRIFT,
)  # fmt: skip
"""In the order they are given; lesson n is `LESSONS[n - 1]`."""
