"""Measures of passages: when is one found, and how does a ranking of chunks become one of passages.

A gold passage is found at the rank where the chunks so far hold every character of it, white space
aside: one chunk that holds it whole, or several that hold it together. So a passage is found once,
however many overlapping chunks repeat it, and settings that cut differently are measured alike.

A chunk that completes passages stands in the ranking as their group, judged by how many they are;
every other chunk is not relevant, and a passage that was never completed is one that was missed.
Recall counts passages; the other measures are those of `metrics` over this ranking.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rag_core.evaluation.chunk_metrics import Range
from rag_core.evaluation.metrics import METRICS
from rag_core.evaluation.questions import Gold
from rag_core.evaluation.runs import Retrieved

Fate = Literal["whole", "cut", "missing"]


@dataclass(frozen=True, slots=True)
class GoldStory:
    """What became of a passage: `rank` where it was complete (None: never), and how it was cut.

    `fate`: "whole", some chunk holds all of it; "cut", only several together do; "missing", no
    chunk holds any. `pieces` are the chunks that touch it, in order.
    """

    gold: Gold
    rank: int | None
    fate: Fate
    pieces: tuple[Range, ...]


def stories(
    golds: Sequence[Gold], retrieved: Sequence[Retrieved], pieces: Sequence[Range]
) -> tuple[GoldStory, ...]:
    """Return the story of every passage.

    Args:
        golds: with their texts.
        retrieved: best first.
        pieces: every chunk that touches any of the golds.
    """
    return tuple(_story(gold, retrieved, pieces) for gold in golds)


def span_values(told: Sequence[GoldStory], count: int, k: int) -> dict[str, float]:
    """Return every measure at k, by its name without the "@k", for `count` retrieved chunks."""
    names = [f"chunk {rank}" for rank in range(1, count + 1)]
    judged: dict[str, float] = {}
    for number, story in enumerate(told):
        if story.rank is None:
            judged[f"missed {number}"] = 1.0
        else:
            name = names[story.rank - 1]
            judged[name] = judged.get(name, 0.0) + 1.0
    values = {name: metric(names, judged, k) for name, metric in METRICS.items()}
    found = sum(story.rank is not None and story.rank <= k for story in told)
    values["recall"] = found / len(told) if told else 0.0
    return values


def _story(gold: Gold, retrieved: Sequence[Retrieved], pieces: Sequence[Range]) -> GoldStory:
    near = tuple(sorted(p for p in pieces if _left(gold, [p]) < _left(gold, [])))
    whole = any(not _left(gold, [piece]) for piece in near)
    fate: Fate = "whole" if whole else "cut" if near else "missing"
    return GoldStory(gold, _rank(gold, [hit.range for hit in retrieved]), fate, near)


def _rank(gold: Gold, ranges: Sequence[Range]) -> int | None:
    left = _characters(gold)
    for rank, (name, start, end) in enumerate(ranges, start=1):
        if name == gold.document:
            left = {place for place in left if not start <= place < end}
            if not left:
                return rank
    return None


def _left(gold: Gold, ranges: Sequence[Range]) -> int:
    return sum(
        not any(name == gold.document and start <= place < end for name, start, end in ranges)
        for place in _characters(gold)
    )


def _characters(gold: Gold) -> set[int]:
    return {gold.start + at for at, letter in enumerate(gold.text) if not letter.isspace()}
