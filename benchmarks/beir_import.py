"""A BEIR folder of 5,000 documents and 300 queries: how long reading, embedding and asking take.

    .venv/bin/python benchmarks/beir_import.py [--documents 5000] [--queries 300]

Makes the folder itself, of sentences of the sample library mixed anew for every document (about as
long as SciFact's abstracts), since no benchmark can count on the network. It is imported in a
process of its own, with all-MiniLM-L6-v2, hybrid search and the 10 best: once the process is killed
half-way through embedding, and the import is taken up again. Prints the seconds of both parts
together, the highest memory of either, and where the second part went on. Exits with 1 when
it takes more than 6 minutes or 2 GB, or when the killed part was lost.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from rag_core import load  # noqa: E402
from rag_core.evaluation import Grid, load_beir, run_sweep, words  # noqa: E402
from rag_core.home import Home  # noqa: E402
from rag_core.protocols import Progress  # noqa: E402
from rag_core.sentences import sentence_spans  # noqa: E402

SECONDS, MEGABYTES = 360, 2_000
SENTENCES = (6, 14)  # of a document
SHORTEST = 40  # characters of a sentence that is worth a query


def sentences() -> list[str]:
    """Return the sample library's sentences."""
    found = []
    for file in sorted((ROOT / "samples" / "library").iterdir()):
        text = load(file.name, file.read_bytes()).text
        found += [" ".join(text[start:end].split()) for start, end in sentence_spans(text)]
    return [sentence for sentence in found if len(sentence) >= SHORTEST]


def make(folder: Path, documents: int, queries: int) -> None:
    """Write a BEIR folder, the same every time."""
    chance, known = random.Random(7), sentences()
    (folder / "qrels").mkdir(parents=True)
    asked: list[tuple[str, str]] = []
    with (folder / "corpus.jsonl").open("w", encoding="utf-8") as corpus:
        for number in range(documents):
            some = chance.sample(known, chance.randint(*SENTENCES))
            name = f"Report {number}"
            own = f"{name} was filed under {chance.randint(10_000, 99_999)}."
            row = {"_id": f"d{number}", "title": name, "text": " ".join([own, *some])}
            corpus.write(json.dumps(row) + "\n")
            if number % max(1, documents // queries) == 0 and len(asked) < queries:
                told = chance.sample(some[0].split(), min(6, len(some[0].split())))
                asked.append((f"d{number}", f"What does report {number} say: {' '.join(told)}?"))
    with (folder / "queries.jsonl").open("w", encoding="utf-8") as file:
        for place, (_, text) in enumerate(asked):
            file.write(json.dumps({"_id": f"q{place}", "text": text}) + "\n")
    lines = [f"q{place}\t{document}\t1" for place, (document, _) in enumerate(asked)]
    head = "query-id\tcorpus-id\tscore"
    (folder / "qrels" / "test.tsv").write_text("\n".join([head, *lines]), encoding="utf-8")


def work(folder: Path, home: Path) -> None:
    """Import the folder and print every step and the outcome, one JSON object a line."""
    opened = Home.open(home)

    def tell(step: Progress) -> None:
        if step.stage == "embedding":
            print(json.dumps({"embedding": step.name}), flush=True)

    grid = Grid(words((300,)), ks=(10,), modes=("hybrid",))
    report = run_sweep(opened, load_beir(folder), grid, on_progress=tell).reports[0]
    opened.close()
    print(
        json.dumps(
            {
                "ndcg": report.mean("ndcg@10"),
                "recall": report.mean("recall@10"),
                "questions": report.questions,
                "milliseconds": 1000 * report.latency_p50,
                "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        ),
        flush=True,
    )


def part(folder: Path, home: Path, kill_at: float | None) -> tuple[list[str], dict[str, float]]:
    """Import in another process, killed once so much of the texts is embedded.

    Returns:
        The steps of embedding as they were told, and the outcome (none when killed).
    """
    command = [sys.executable, __file__, "--work", str(folder), str(home)]
    steps: list[str] = []
    outcome: dict[str, float] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        for line in child.stdout or ():
            value = json.loads(line)
            if "embedding" not in value:
                outcome = value
                continue
            steps.append(value["embedding"])
            done, total = _counts(steps[-1])
            if kill_at is not None and done >= kill_at * total:
                child.kill()
                break
    return steps, outcome


def _counts(step: str) -> tuple[int, int]:
    done, _, total, _ = step.rsplit(", ", 1)[1].split()
    return int(done.replace(",", "")), int(total.replace(",", ""))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=5_000)
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--work", nargs=2, type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work(*given.work)
        return 0
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        folder, home = Path(place) / "beir", Path(place) / "home"
        make(folder, given.documents, given.queries)
        start = time.perf_counter()
        first, _ = part(folder, home, kill_at=0.5)
        second, found = part(folder, home, kill_at=None)
        seconds = time.perf_counter() - start
    killed, total = _counts(first[-1])
    resumed = _counts(second[1])[0]  # after the first batch that was not there
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{given.documents:,} documents, {found['questions']:.0f} queries, {total:,} texts")
    print(f"killed at {killed:,}, after its first batch the next process stands at {resumed:,}")
    print(f"seconds    {seconds:8.1f}   (at most {SECONDS})")
    print(f"megabytes  {peak:8.0f}   (at most {MEGABYTES:,})")
    print(f"nDCG@10 {found['ndcg']:.3f}, recall@10 {found['recall']:.3f}, "
          f"a search {found['milliseconds']:.1f} ms")  # fmt: skip
    return int(seconds > SECONDS or peak > MEGABYTES or resumed < killed)


if __name__ == "__main__":
    sys.exit(main())
