"""How good extractive answers are: the answer in the quotation, what is declined, and the time.

    .venv/bin/python benchmarks/answers.py [--wiki10 FOLDER] [--chunks 10000] [--verbose]

Asks the questions of samples/, by which nothing is fitted (see thresholds.py), and those of wiki10
(20 questions on ten articles, when the folder is there). An answer is shown when an expected text
stands in what is said, letters and digits compared; of what is declined, that is the nearest. With
`--chunks` it asks among so many: the documents' own and as many made ones as are missing.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from rag_core import Document, RagPipeline, load  # noqa: E402
from rag_core.sentences import sentence_spans  # noqa: E402

WIKI10 = ROOT.parent / "shared" / "data" / "wiki10"
SENTENCES = 6  # of a made chunk


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wiki10", type=Path, default=WIKI10)
    parser.add_argument("--chunks", type=int, default=0, help="how many to ask among, at least")
    parser.add_argument("--verbose", action="store_true", help="print every wrong answer")
    options = parser.parse_args()
    columns = ("questions", "shown", "and not declined", "declined, answerable")
    print(*columns, "declined, unanswerable", "chunks", "p50", "max", sep=" | ")
    lines = (ROOT / "samples" / "questions.jsonl").read_text("utf-8").splitlines()
    asked = [json.loads(line) for line in lines]
    samples = [(q["question"], [q["answer"]] if q["answer"] else []) for q in asked]
    measure("samples", ROOT / "samples" / "library", samples, options)
    if options.wiki10.is_dir():
        lines = (options.wiki10 / "questions.jsonl").read_text("utf-8").splitlines()
        asked = [json.loads(line) for line in lines]
        wiki10 = [(q["question"], q["answers"]) for q in asked]
        measure("wiki10", options.wiki10 / "docs", wiki10, options)


def measure(name: str, folder: Path, questions: list[tuple[str, list[str]]], options) -> None:
    with tempfile.TemporaryDirectory() as home, RagPipeline.open(home) as pipeline:
        files = [load(file.name, file.read_bytes()) for file in sorted(folder.iterdir())]
        pipeline.ingest(files)
        fill(pipeline, files, options.chunks)
        pipeline.warm_up()
        right = shown = missed = declined = 0
        seconds = []
        for question, expected in questions:
            started = time.perf_counter()
            answer = pipeline.answer(question)
            seconds.append(time.perf_counter() - started)
            if not expected:
                declined += not answer.found
            else:
                found = any(plain(one) in plain(answer.text) for one in expected)
                right += found and answer.found
                shown += found
                missed += not answer.found
                if not found and options.verbose:
                    print(f"  {question}\n    expected: {expected}\n    said: {answer.text!r}")
            if options.verbose and not expected and answer.found:
                print(f"  {question}\n    nothing expected\n    said: {answer.text!r}")
        answerable = sum(bool(expected) for _, expected in questions)
        counts = [f"{count} of {answerable}" for count in (shown, right, missed)]
        counts.append(f"{declined} of {len(questions) - answerable}")
        times = f"{np.median(seconds):.2f} s", f"{max(seconds):.2f} s"
        print(name, *counts, f"{pipeline.store().count():,}", *times, sep=" | ", flush=True)


def fill(pipeline: RagPipeline, documents: list[Document], chunks: int) -> None:
    """Add documents of sentences drawn from the others, so that searching has more to go through.

    The words are those of the questions' own documents, so that both searches are kept busy.
    """
    chance = random.Random(1)
    sentences = [d.text[a:b] for d in documents for a, b in sentence_spans(d.text)]
    number = 0
    while (missing := chunks - pipeline.store().count()) > 0:
        texts = [" ".join(chance.choices(sentences, k=SENTENCES)) for _ in range(missing)]
        for start in range(0, len(texts), 500):
            text = "\n\n".join(shuffled(chance, one) for one in texts[start : start + 500])
            pipeline.ingest([Document.from_text(f"made {number}.txt", text)])
            number += 1


def shuffled(chance: random.Random, text: str) -> str:
    words = text.split()
    chance.shuffle(words)
    return " ".join(words)


def plain(text: str) -> str:
    return re.sub(r"\W+", " ", text).casefold().strip()


if __name__ == "__main__":
    main()
