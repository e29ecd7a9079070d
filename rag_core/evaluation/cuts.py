"""Where chunking cut a passage, drawn into the passage's own text."""

from __future__ import annotations

from rag_core.evaluation.span_metrics import GoldStory

SCISSORS = "✂"


def with_cuts(story: GoldStory) -> tuple[str, list[tuple[int, int]]]:
    """Return the passage with a pair of scissors at every cut, and the scissors' [start, end).

    A cut is where some piece ends or begins inside of the passage, white space at it aside: pieces
    that only leave out the space between them cut once.
    """
    gold = story.gold
    edges = {edge for _, start, end in story.pieces for edge in (start, end)}
    inside = sorted(edge - gold.start for edge in edges if gold.start < edge < gold.end)
    cuts: list[int] = []
    for place in inside:
        if not gold.text[:place].strip() or not gold.text[place:].strip():
            continue  # before the first letter or after the last nothing is cut
        if not cuts or gold.text[cuts[-1] : place].strip():
            cuts.append(place)
    parts, marks, length, before = [], [], 0, 0
    for place in cuts:
        parts.append(gold.text[before:place])
        length += place - before
        marks.append((length, length + len(SCISSORS)))
        parts.append(SCISSORS)
        length += len(SCISSORS)
        before = place
    return "".join([*parts, gold.text[before:]]), marks
