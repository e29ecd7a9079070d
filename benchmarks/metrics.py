"""Do our metrics agree with ranx? On runs made by hypothesis: ties, empty runs, unjudged documents.

    python benchmarks/metrics.py [--examples 500]

ranx sorts equal scores as they come; so both get the order in which ties break by id, as scores.
Exit code 1 when any value differs by more than 1e-9.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from ranx import Qrels, Run, evaluate

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from rag_core.evaluation.metrics import METRICS, ranking

TOLERANCE = 1e-9
IDS = [f"d{number}" for number in range(12)]
RUNS = st.dictionaries(st.sampled_from(IDS), st.integers(0, 3).map(float), max_size=12)
QRELS = st.dictionaries(st.sampled_from(IDS), st.integers(0, 3), min_size=1, max_size=8)
JUDGED = {"d0": 1}  # of a second query: ranx takes no set of runs that are all empty


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=500)
    examples = parser.parse_args().examples
    worst = dict.fromkeys(METRICS, 0.0)
    seen = {"runs": 0, "empty": 0, "with ties": 0, "with unjudged": 0}

    @settings(max_examples=examples, deadline=None, database=None, derandomize=True)
    @given(scores=RUNS, judged=QRELS, k=st.integers(1, 14))
    def compared(scores: dict[str, float], judged: dict[str, int], k: int) -> None:
        seen["runs"] += 1
        seen["empty"] += not scores
        seen["with ties"] += len(set(scores.values())) < len(scores)
        seen["with unjudged"] += bool(set(scores) - set(judged))
        order = ranking(scores)
        found = theirs(order, judged, k)
        for name, metric in METRICS.items():
            ours = metric(order, {id_: float(grade) for id_, grade in judged.items()}, k)
            worst[name] = max(worst[name], abs(ours - found[name]))

    compared()
    print(", ".join(f"{count:,} {name}" for name, count in seen.items()))
    for name, difference in worst.items():
        print(f"{name:10} largest difference {difference:.1e}")
    if max(worst.values()) > TOLERANCE:
        raise SystemExit(1)


def theirs(order: list[str], judged: dict[str, int], k: int) -> dict[str, float]:
    """Return what ranx says of a ranking."""
    scores = {id_: float(len(order) - place) for place, id_ in enumerate(order)}
    qrels = Qrels({"q": judged, "other": JUDGED})
    run = Run({"q": scores, "other": {"d0": 1.0}})
    names = [f"{name}@{k}" for name in METRICS]
    found = evaluate(qrels, run, names, return_mean=False)
    at = list(run.keys()).index("q")
    return {name: float(found[f"{name}@{k}"][at]) for name in METRICS}


if __name__ == "__main__":
    main()
