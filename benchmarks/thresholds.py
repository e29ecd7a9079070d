"""Choose what extractive answers decline, on questions that no test asks. Prints; changes nothing.

    .venv/bin/python benchmarks/thresholds.py

The questions (threshold_questions.jsonl) were written from the sample documents for this purpose.
Prints the value for rag_core/relevance.py that declines a twentieth of the answerable questions,
what it declines of the others, and the figures of the whole way with the values as they are now.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from rag_core import RagPipeline, load  # noqa: E402
from rag_core.relevance import ANSWERABLE, RELEVANT, support  # noqa: E402

DECLINED_SHARE = 0.05  # half of what may be declined: other questions will be further off


def best_support(pipeline: RagPipeline, question: str) -> float:
    hits = pipeline.search(question, k=5, rerank="late-interaction").hits
    asked, *read = pipeline.tokens().vectors([question, *(hit.chunk.text for hit in hits)])
    return max((support(question, asked, text) for text in read), default=-1.0)


def main() -> None:
    lines = (ROOT / "benchmarks" / "threshold_questions.jsonl").read_text(encoding="utf-8")
    questions = [json.loads(line) for line in lines.splitlines()]
    answerable = np.array([q["answer"] is not None for q in questions])
    with tempfile.TemporaryDirectory() as folder, RagPipeline.open(folder) as pipeline:
        files = sorted((ROOT / "samples" / "library").iterdir())
        pipeline.ingest(load(file.name, file.read_bytes()) for file in files)
        scores = np.array([best_support(pipeline, q["question"]) for q in questions])
        answers = [pipeline.answer(q["question"]) for q in questions]
    chosen = float(np.quantile(scores[answerable], DECLINED_SHARE))
    right = sum(
        q["answer"] in a.text for q, a in zip(questions, answers, strict=True) if q["answer"]
    )
    print(f"ANSWERABLE = {chosen:.3f}   (now {ANSWERABLE})")
    print(f"RELEVANT   = {np.quantile(scores[answerable], 0.01):.3f}   (now {RELEVANT})")
    print(f"below it: {np.mean(scores[answerable] < chosen):.0%} of {answerable.sum()} answerable,")
    print(f"          {np.mean(scores[~answerable] < chosen):.0%} of {(~answerable).sum()} others")
    print(f"gold in the answer, as it is now: {right} of {answerable.sum()}")


if __name__ == "__main__":
    main()
