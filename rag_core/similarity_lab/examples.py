"""The texts the page opens with: Problem 1 of the lesson."""

from __future__ import annotations

PROBLEM_1 = (
    "Python is a high-level programming language.",
    "Python programming was invented by Guido van Rossum.",
    "Snakes are reptiles that can be found on every continent except Antarctica.",
    "JavaScript is used for web development.",
    "The Anaconda distribution packages Python for data science.",
    "Machine learning uses Python extensively.",
    "The Amazon jungle is home to many species.",
    "Flask and Django are Python web frameworks.",
)
MOST_TEXTS = 200
MOST_CHARACTERS = 20_000  # of one text; models read far less


def texts_from(typed: str) -> list[str]:
    """Return what was typed or pasted as texts: one a line, or a paragraph where there are any.

    With a blank line anywhere, blank lines separate the texts; else every line is one. Repeats are
    kept, since a text twice is a thing to see. No more than MOST_TEXTS.
    """
    lines = [line.strip() for line in typed.strip().splitlines()]
    if "" in lines:
        blocks = "\n".join(lines).split("\n\n")
        found = [" ".join(block.split()) for block in blocks]
    else:
        found = lines
    return [text[:MOST_CHARACTERS] for text in found if text][:MOST_TEXTS]
