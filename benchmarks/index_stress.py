"""Is anything lost, doubled, stale or refused while an index is changed, rebuilt and killed?

    python benchmarks/index_stress.py [--kills 50] [--seed 0] [--searches 400]

Three reader processes, a writer and the process that owns the folder and rebuilds it without end;
that one is killed with SIGKILL at random moments and started again. Then the 95th percentile of a
search's time during rebuilds is put beside that at rest, in one process on this machine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import fields
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "tests")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--searches", type=int, default=400)
    given = parser.parse_args()
    from index_stress import stress

    if given.kills:
        with tempfile.TemporaryDirectory() as folder:
            tally = stress(Path(folder) / "home", kills=given.kills, seed=given.seed)
        for field in fields(tally):
            value = getattr(tally, field.name)
            print(f"{field.name:16} {len(value) if isinstance(value, list) else f'{value:,.0f}'}")
            if isinstance(value, list):
                for one in value[:5]:
                    print(f"                 {one}")
        print("clean" if tally.clean else "NOT CLEAN")
    if given.searches:
        latency(given.searches)


def latency(searches: int) -> None:
    """Print the p95 of a search at rest and while rebuilds go on, with the real model."""
    from rag_core import Document, RagPipeline
    from rag_core.index_manager import IndexManager

    words = "river stone market letter engine garden winter signal harbour copper".split()
    chance = np.random.default_rng(0)
    texts = [" ".join(chance.choice(words, 30)) + f" number {n}." for n in range(600)]
    documents = [
        Document.from_text(f"{n}.txt", "\n\n".join(texts[n * 10 : n * 10 + 10])) for n in range(60)
    ]
    with (
        tempfile.TemporaryDirectory() as folder,
        RagPipeline.open(Path(folder) / "home") as pipeline,
    ):
        pipeline.ingest(documents)
        manager = IndexManager(pipeline)
        queries = [" ".join(chance.choice(words, 5)) + f" {n}" for n in range(searches)]
        timed(pipeline, queries[:20])
        rest = timed(pipeline, queries)
        busy: list[float] = []
        turn = 0
        while len(busy) < searches:
            pipeline.home.vectors.clear()
            turn += 1
            from rag_core.chunkers import make_chunker

            chunker = make_chunker("sentence", size=60 + turn % 2)
            rebuild = manager.rebuild(chunker=chunker)
            while rebuild.busy and len(busy) < searches:
                busy += timed(pipeline, [f"{queries[len(busy)]} again {turn}"])
            state = rebuild.wait()
            if state.state != "done":
                raise SystemExit(f"the rebuild failed: {state}")
        one, two = np.percentile(rest, 95), np.percentile(busy, 95)
        print(f"search p95 at rest {one * 1e3:.1f} ms, during {turn} rebuilds {two * 1e3:.1f} ms")
        print(f"factor {two / one:.2f} (median {np.median(busy) / np.median(rest):.2f})")


def timed(pipeline, queries) -> list[float]:
    found = []
    for query in queries:
        start = time.perf_counter()
        pipeline.search(query)
        found.append(time.perf_counter() - start)
    return found


if __name__ == "__main__":
    main()
