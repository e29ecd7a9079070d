"""Fit what extractive answers are chosen and declined by, on texts and questions of its own.

    .venv/bin/python benchmarks/thresholds.py

Prints the tables of rag_core/generators/evidence.py and answerable.py and what they are good for;
changes nothing. The texts (threshold_library/) and questions (threshold_questions.jsonl) were
written for this and are asked about nowhere else. A third of the questions ask for something that
their document leaves out; and each is asked once more of the other documents alone. Every figure is
of documents that the fit had not seen: the documents are dealt into FOLDS, and each is judged by
what was fitted on the others; but for the first look, by which it is chosen what is read, and which
is fitted on all. The reader, whose word counts in what is declined, was trained on other texts (see
reading.py).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from rag_core import RagPipeline, load  # noqa: E402
from rag_core.collection_settings import SearchDefaults  # noqa: E402
from rag_core.generators import answerable, evidence, extractive  # noqa: E402
from rag_core.generators.asked import Asked  # noqa: E402
from rag_core.reader import Reader  # noqa: E402
from rag_core.relevance import RELEVANT, support  # noqa: E402

FOLDS = 6
DECLINED_SHARE = 0.08  # of the answerable; so that at most 0.1 are, of other questions as well
LOST_SHARE = 0.002  # of the answers that FAR_BEHIND may cost
HOLDING_BACK = 0.05  # of the weights, the strongest within a standard error of the best
K = SearchDefaults().k
ANSWERED, LEFT_OUT, FOREIGN = range(3)  # by the document, not by it, and without the document


class Remembering(Reader):
    """A reader that reads nothing twice."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, tuple[str, str]], float] = {}

    def read(self, question, passages):
        """Return what the reader said or says."""
        missing = [one for one in passages if (question, one) not in self.kept]
        for one, odds in zip(missing, super().read(question, missing), strict=True):
            self.kept[question, one] = odds
        return np.array([self.kept[question, one] for one in passages])


READER = Remembering()


@dataclass
class Read:
    """A question with everything that its answer is chosen from."""

    document: str
    gold: str | None
    asked: Asked
    sentences: list
    hits: tuple
    support: float

    @property
    def features(self):
        """Of every sentence, (sentences, features)."""
        return np.array([sentence.features for sentence in self.sentences])

    @property
    def right(self):
        """Which sentences hold the answer."""
        names = [hit.chunk.metadata["name"] for hit in self.hits]
        return np.array(
            [self.gold in s.text and names[s.number - 1] == self.document for s in self.sentences]
        )


def read_all(folder: Path, questions: list[dict]) -> tuple[list[Read], list[Read], np.ndarray]:
    """Every question read with all documents, and once more without the one that it is about.

    With them the weights of the first look, by which it is chosen what is read.
    """
    with tempfile.TemporaryDirectory() as home, RagPipeline.open(home) as pipeline:
        pipeline.ingest(load(file.name, file.read_bytes()) for file in sorted(folder.iterdir()))
        tokens = pipeline.tokens()
        about, foreign = [], []
        for question in questions:
            text, document = question["question"], question["document"]
            asked = Asked.read(text, tokens)
            for where, gold, reads in (
                (None, question["answer"], about),
                ({"name": {"$ne": document}}, None, foreign),
            ):
                hits = pipeline.search(text, k=K, rerank="late-interaction", where=where).hits
                chunks = tokens.passages([hit.chunk.text for hit in hits])
                whole = tokens.vectors([text])[0]
                nearest = max((support(text, whole, chunk) for chunk in chunks), default=-1.0)
                reads.append(Read(document, gold, asked, [], hits, nearest))
        for read in about:
            if read.gold:
                passages = evidence.passages_of(read.asked, read.hits, tokens)
                looks = [evidence.first_look(read.asked, passage) for passage in passages]
                read.sentences = [one for look in looks for one in look]
        evidence._LOOK[:] = choosing(about)
        for read in about + foreign:
            read.sentences = evidence.evidence(read.asked, read.hits, tokens)
        return about, foreign, evidence._LOOK.copy()


def choosing(reads: list[Read]) -> np.ndarray:
    """Weights under which the sentence that holds the answer is the likeliest: a softmax."""
    kept = [(r.features, r.right) for r in reads if r.gold and r.right.any()]
    middle, spread = scales(np.concatenate([features for features, _ in kept]))
    scaled = [((features - middle) / spread, right) for features, right in kept]

    def loss(weights):
        total, slope = 0.0, np.zeros_like(weights)
        for features, right in scaled:
            logits = features @ weights
            share = np.exp(logits - logits.max())
            share /= share.sum()
            held = share[right].sum()
            total -= np.log(held)
            slope += features.T @ (share - share * right / held)
        return penalised(total, slope, len(scaled), weights)

    return minimize(loss, np.zeros(len(middle)), jac=True).x / spread


def deciding(signs: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights and constant of a logistic regression of ANSWERED against the two other groups.

    The answered questions count as much as the others together, and those as much as each other.
    """
    middle, spread = scales(signs)
    scaled = np.column_stack(((signs - middle) / spread, np.ones(len(signs))))
    share = np.array([0.5, 0.25, 0.25]) / np.bincount(group, minlength=3)
    count, sense = share[group], np.where(group == ANSWERED, 1.0, -1.0)

    def loss(weights):
        margin = sense * (scaled @ weights)
        slope = -(scaled.T @ (count * sense / (1 + np.exp(margin))))
        return penalised(float(count @ np.logaddexp(0, -margin)), slope, 1, weights, 0.01)

    found = minimize(loss, np.zeros(scaled.shape[1]), jac=True).x
    weights = found[:-1] / spread
    return weights, float(found[-1] - weights @ middle)


def scales(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return values.mean(axis=0), values.std(axis=0) + 1e-9


def penalised(total, slope, number, weights, held=HOLDING_BACK):
    return total / number + held * (weights @ weights), slope / number + 2 * held * weights


def use(weights: np.ndarray) -> None:
    """Let the product's own code score by these weights."""
    evidence._WEIGHTS[:] = weights


def read_closely(reads: list[Read]) -> None:
    """Let the reader read what matches best by the weights that are in use."""
    for read in reads:
        read.sentences = answerable.read_closely(read.asked, read.sentences, read.hits, READER)


def preferring(reads: list[Read]) -> float:
    """What the reader counts for, so that the first sentence is right the most often.

    Of many that do as well, to one question in a hundred, it is the middle.
    """
    asked = [read for read in reads if read.gold]
    tried, right = np.arange(0, 1.01, 0.1), []
    for evidence.READING in tried:
        found = [evidence.by_score(evidence.telling(read.sentences))[0] for read in asked]
        right.append(sum(r.gold in one.text for r, one in zip(asked, found, strict=True)))
    return float(tried[np.array(right) > max(right) - len(asked) / 100].mean())


def signs_of(reads: list[Read]) -> np.ndarray:
    """What the questions are declined by, (reads, signs)."""
    return np.array([answerable.signs(read.asked, read.sentences, read.hits) for read in reads])


def answered(read: Read) -> bool:
    return any(read.gold in sentence.text for sentence in extractive.chosen(read.sentences))


def margins(reads: list[Read]) -> list[float]:
    """How much less than the best the first right sentence scores, where it is among the chosen."""
    found = []
    for read in reads:
        chosen = extractive.chosen(read.sentences)
        right = [one.score for one in chosen if read.gold in one.text]
        if right:
            found.append(max(0.0, chosen[0].score - max(right)))
    return found


def table(name: str, keys, values: np.ndarray) -> None:
    print(f"{name} = {{")
    for key, value in zip(keys, values, strict=True):
        print(f'    "{key}": {value:.2f},')
    print("}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", type=Path, default=ROOT / "benchmarks" / "threshold_library")
    parser.add_argument(
        "--questions", type=Path, default=ROOT / "benchmarks" / "threshold_questions.jsonl"
    )
    options = parser.parse_args()
    questions = [json.loads(line) for line in options.questions.read_text("utf-8").splitlines()]
    about, foreign, look = read_all(options.library, questions)
    reads = about + foreign
    has = np.array([read.gold is not None for read in reads])
    group = np.where(has, ANSWERED, LEFT_OUT)
    group[len(about) :] = FOREIGN
    documents = sorted({read.document for read in reads})
    fold = np.array([documents.index(read.document) % FOLDS for read in reads])
    now = evidence._WEIGHTS.copy()

    extractive.FAR_BEHIND = float("inf")
    odds, right, behind = np.zeros(len(reads)), 0, []
    for number in range(FOLDS):
        rest = [read for read, its in zip(reads, fold, strict=True) if its != number]
        left = [read for read, its in zip(reads, fold, strict=True) if its == number]
        use(choosing(rest))
        read_closely(reads)
        evidence.READING = preferring(rest)
        weights, constant = deciding(signs_of(rest), group[fold != number])
        odds[fold == number] = signs_of(left) @ weights + constant
        right += sum(answered(read) for read in left if read.gold)
        behind += margins([read for read in left if read.gold])
    chosen = choosing(reads)
    use(chosen)
    read_closely(reads)
    evidence.READING = preferring(reads)
    weights, constant = deciding(signs_of(reads), group)
    low = float(np.quantile(odds[has], DECLINED_SHARE))

    table("WEIGHTS", evidence.WEIGHTS, chosen)
    table("LOOK", evidence.WEIGHTS, look)
    table("SIGNS", answerable.SIGNS, weights)
    print(f"THRESHOLD = {low - constant:.2f}   (now {answerable.THRESHOLD})")
    print(f"READING = {evidence.READING:.2f}")
    print(f"FAR_BEHIND = {np.quantile(behind, 1 - LOST_SHARE):.1f}")
    nearest = np.array([read.support for read in reads])
    print(f"RELEVANT = {np.quantile(nearest[has], 0.01):.2f}   (now {RELEVANT})")
    print()
    others = len(about) - int(has.sum())
    print(f"{has.sum()} answerable questions, {others} others, {len(documents)} documents")
    print(f"retrieved among {K} chunks:        {sum(r.right.any() for r in reads if r.gold)}")
    print(f"quoted, of documents not seen:  {right}")
    print("declined, of documents not seen:")
    for name, which in (("answerable", ANSWERED), ("left out", LEFT_OUT), ("foreign", FOREIGN)):
        area = auc(odds[has], odds[group == which]) if which else 0.5
        print(f"  {name:<12}{np.mean(odds[group == which] < low):4.0%}   area {area:.2f}")
    use(now)


def auc(high: np.ndarray, low: np.ndarray) -> float:
    pairs = high[:, None] - low[None]
    return float(np.mean((pairs > 0) + 0.5 * (pairs == 0)))


if __name__ == "__main__":
    main()
