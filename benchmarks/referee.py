"""Choose the referee's thresholds on sentences of the sample documents. Prints; changes nothing.

    .venv/bin/python benchmarks/referee.py

Borne out: a sentence with a third of its words left out, held against the chunk it stands in.
Not borne out: a sentence of another document, held against that chunk. Numbers are judged by a
rule of their own and not counted here.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from rag_core import SearchHit, load, make_chunker, open_embedder  # noqa: E402
from rag_core.referee import SUPPORTED, WEAK, review  # noqa: E402
from rag_core.sentences import sentence_spans  # noqa: E402

PAIRS = 150
SHARE = 0.05  # of either kind that may fall on the wrong side


def main() -> None:
    chance = random.Random(7)
    embedder = open_embedder()
    chunker = make_chunker("recursive")
    files = sorted((ROOT / "samples" / "library").iterdir())
    chunks = [chunk for f in files for chunk in chunker.chunk(load(f.name, f.read_bytes()))]
    true, false = [], []
    for _ in range(PAIRS):
        chunk, other = chance.sample(chunks, 2)
        hit = SearchHit(chunk, 1, 1.0)
        true.append(score(shortened(chance, sentence(chance, chunk.text)), hit, embedder))
        if other.document_id != chunk.document_id:
            false.append(score(sentence(chance, other.text), hit, embedder))
    print(f"SUPPORTED = {np.quantile(true, SHARE):.2f}   (now {SUPPORTED})")
    print(f"WEAK      = {np.quantile(false, 1 - SHARE):.2f}   (now {WEAK})")
    for name, scores in (("borne out", true), ("not borne out", false)):
        values = np.array(scores)
        print(
            f"{name:14} supported {np.mean(values >= SUPPORTED):.0%}, "
            f"weak {np.mean((values >= WEAK) & (values < SUPPORTED)):.0%}, "
            f"unsupported {np.mean(values < WEAK):.0%}"
        )


def sentence(chance: random.Random, text: str) -> str:
    spans = [(a, b) for a, b in sentence_spans(text) if b - a > 30] or [(0, len(text))]
    start, end = chance.choice(spans)
    return " ".join(text[start:end].split()).replace("[", "(")


def shortened(chance: random.Random, text: str) -> str:
    return " ".join(word for word in text.split() if chance.random() > 1 / 3) or text


def score(claim: str, hit: SearchHit, embedder) -> float:
    checked = review(f"{claim.rstrip('.!?')} [1].", [hit], embedder).sentences[-1]
    return (checked.overlap + checked.similarity) / 2


if __name__ == "__main__":
    main()
