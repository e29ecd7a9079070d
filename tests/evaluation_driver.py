"""A program to be killed: sweeps, and waits to be killed at a point.

Usage: evaluation_driver.py HOME POINT

POINT is the number of the question after which it waits, or "append:N" to leave the first N bytes
of a line in the results and wait; "at POINT" is printed then.
"""

import sys
import time
from pathlib import Path

from hash_embedder import HashEmbedder

from rag_core.datatypes import Document
from rag_core.evaluation import Dataset, Gold, Grid, Question, run_sweep, words
from rag_core.evaluation.kept_lines import JsonLines
from rag_core.home import Home

PLACES = ("harbour", "mountain", "library", "bakery", "station", "orchard")
SENTENCES = [
    f"The {place} of town {number} has {number * 7 + 3} rooms and a keeper called K{number}{place}."
    for number in range(8)
    for place in PLACES
]
GRID = Grid(words((10, 25)), ks=(1, 3), modes=("hybrid", "keyword"), rerankers=(None,))


def dataset() -> Dataset:
    """Return a small set of documents and questions, the same every time."""
    texts = {f"d{n}.txt": " ".join(SENTENCES[n::4]) for n in range(4)}
    questions = []
    for number, sentence in enumerate(SENTENCES[::6]):
        name = next(name for name, text in texts.items() if sentence in text)
        start = texts[name].index(sentence)
        gold = Gold(name, start, start + len(sentence), sentence)
        asked = f"Who keeps the {PLACES[0]} of town {number}?"
        questions.append(Question(f"q{number}", asked, (gold,)))
    documents = tuple(Document.from_text(name, text) for name, text in texts.items())
    return Dataset("towns", (*questions, Question("no", "Why?", answerable=False)), documents)


def wait(point: str) -> None:
    sys.stdout.write(f"at {point}\n")
    sys.stdout.flush()
    time.sleep(600)


def main() -> None:
    home, point = Home.open(Path(sys.argv[1])), sys.argv[2]
    if point.startswith("append:"):
        append, size = JsonLines._append, int(point.partition(":")[2])

        def torn(self, line):
            append(self, line)  # the header, and a line that is whole
            with self._path.open("ab") as file:
                file.write(line[:size])
            wait(point)

        JsonLines._append = torn
    asked = 0

    def on_progress(progress):
        nonlocal asked
        asked += progress.stage == "searching"
        if str(asked) == point:
            wait(point)

    run_sweep(
        home, dataset(), GRID, open_model=lambda name: HashEmbedder(), on_progress=on_progress
    )
    home.close()


if __name__ == "__main__":
    main()
