"""Lessons 1 to 3: vectors and angles, what a model finds alike, and where a cut goes."""

from __future__ import annotations

import numpy as np

from rag_core.chunk_lab.cutting import Choice, Tools, cut
from rag_core.datatypes import Chunk
from rag_core.lessons.bench import Bench, Question
from rag_core.lessons.lesson import Lesson, Reveal, Row, View, place_of
from rag_core.protocols import FloatArray
from rag_core.similarity import METRICS, similarity_matrix
from rag_core.similarity_lab.examples import PROBLEM_1

_STRETCH = 10
_SNAKES = 2  # the place of the sentence about snakes
_NEIGHBOURS = (0, 4, 6, 3)  # those to choose from: Python, Anaconda, the jungle, JavaScript
_SIZE = 60  # tokens


def _angles(bench: Bench) -> Reveal:
    vectors = bench.embedder.embed_documents(list(PROBLEM_1[:2]))
    stretched = vectors * np.array([[1], [_STRETCH]], np.float32)
    rows, still = [], []
    for metric in METRICS:
        before, after = _pair(vectors, metric), _pair(stretched, metric)
        unmoved = abs(after - before) < 1e-4
        note = f"{before:.3f} before, {after:.3f} after"
        rows.append(Row(metric, after - before, note, marked=unmoved))
        still.append(unmoved)
    choice = 3 if not any(still) else still.index(True)
    said = "; ".join(f"{row.label}: {row.note}" for row in rows)
    return Reveal(choice, f"{said}.", "change", tuple(rows))


def _pair(vectors: FloatArray, metric: str) -> float:
    return float(similarity_matrix(vectors, metric=metric)[0, 1])


ANGLES = Lesson(
    title="Vectors and angles",
    shows="Two sentences about Python, as two arrows in 384 directions. Now the second arrow is "
    f"made {_STRETCH} times longer; it points where it pointed before.",
    question="Which of the three measures does not move?",
    choices=("The cosine", "The dot product", "The L2 distance", "All three move"),
    why="The cosine asks for the angle and forgets the lengths. The dot product multiplies by both "
    "lengths, and the distance is measured between the tips. Most models give arrows of length 1; "
    "then all three put the same texts first, and the dot product is the cheapest to compute. "
    "Mix in one vector that is longer, and only the cosine stays fair.",
    notes=(
        "Hold two pens in the air, then stretch one: the room sees the angle stay.",
        "Ask who has ever stored vectors without checking their length.",
        "On the page, move the slider from 1 to 100 and watch the list of neighbours below.",
    ),
    view=View("similarity", (("panel", "Metrics"), ("stretch", str(_STRETCH)))),
    compute=_angles,
)


def _meaning(bench: Bench) -> Reveal:
    matrix = similarity_matrix(bench.embedder.embed_documents(list(PROBLEM_1)))
    cosines = [float(matrix[_SNAKES, place]) for place in _NEIGHBOURS]
    best = int(np.argmax(cosines))
    rows = tuple(
        Row(PROBLEM_1[place], cosine, marked=number == best)
        for number, (place, cosine) in enumerate(zip(_NEIGHBOURS, cosines, strict=True))
    )
    said = f"“{PROBLEM_1[_NEIGHBOURS[best]]}” comes nearest, with a cosine of {cosines[best]:.2f}."
    return Reveal(best, said, "cosine", rows)


MEANING = Lesson(
    title="Embeddings: near in meaning",
    shows=f"“{PROBLEM_1[_SNAKES]}” A python is a snake, and so is an anaconda. A small model has "
    "turned this sentence and some others into vectors.",
    question="Which sentence does the model put nearest to the one about snakes?",
    choices=tuple(PROBLEM_1[place] for place in _NEIGHBOURS),
    why="The model reads whole sentences, and “Python” among programming words is no animal to it. "
    "What counts is which words keep company, so a jungle and its species stand nearer to "
    "reptiles than the reptiles' own names do. It is not understanding: the same habit puts "
    "“invented by” sentences side by side whatever was invented.",
    notes=(
        "Let somebody who voted for the anaconda defend it: the reason is a good one.",
        "On the page, read the top pair aloud and ask whether anybody expected it.",
    ),
    view=View("similarity", (("panel", "Pairs"),)),
    compute=_meaning,
)


def _chunks(bench: Bench) -> Reveal:
    tools = Tools()
    golds = [question for question in bench.questions if question["spans"]]
    ways = {
        "fixed": Choice("fixed", _SIZE, 0, "tokens"),
        "recursive": Choice("recursive", _SIZE, 0, "tokens"),
        "paragraph": Choice("paragraph", _SIZE, 0, "tokens"),
        "sentence": Choice("sentence", 3, 0, "sentences"),
    }
    rows = []
    for name, choice in ways.items():
        chunks = [chunk for document in bench.documents for chunk in cut(document, choice, tools)]
        whole, total = _whole(bench, chunks, golds)
        note = f"{whole} of {total}, in {len(chunks):,} chunks"
        rows.append(Row(name, 100 * whole / total, note, marked=name == "fixed"))
    share = rows[0].value
    said = f"Fixed windows leave {share:.0f} % whole. " + "; ".join(
        f"{row.label}: {row.note}" for row in rows
    )
    return Reveal(3 - place_of(share, (40, 65, 90)), f"{said}.", "answers whole, %", tuple(rows))


def _whole(bench: Bench, chunks: list[Chunk], golds: list[Question]) -> tuple[int, int]:
    """Return how many of the gold passages stand whole in some chunk, and of how many."""
    spans = [span for question in golds for span in question["spans"]]
    places: dict[str, list[Chunk]] = {}
    for chunk in chunks:
        places.setdefault(bench.name(chunk), []).append(chunk)
    whole = sum(
        any(c.start <= span["start"] and span["end"] <= c.end for c in places[span["document"]])
        for span in spans
    )
    return whole, len(spans)


CHUNKS = Lesson(
    title="Chunking: where the cut goes",
    shows="Thirteen documents, and the passages in them that answer 48 questions. The documents "
    f"are cut every {_SIZE} tokens, wherever that falls.",
    question="How many of the answering passages still stand whole in one chunk?",
    choices=("Nearly all", "Three out of four", "About half", "Hardly any"),
    why="What is found is a chunk, never a document. A passage that was cut in two is embedded as "
    "two halves, and neither says what the question asks. Cutting where a sentence or a paragraph "
    "ends costs nothing and keeps most answers whole. Overlap repairs a blind cut too, by storing "
    "the text around it twice.",
    notes=(
        "On the page, choose the known question about the cranes and look at the Text panel.",
        "Then move the overlap up until the answer is whole, and read off what that stores twice.",
    ),
    view=View(
        "chunking",
        (
            ("strategies", "fixed"), ("strategies", "sentence"), ("strategies", "paragraph"),
            ("strategies", "recursive"), ("unit", "tokens"), ("size-tokens", str(_SIZE)),
            ("overlap-tokens", "0"), ("gold", "named, from north to south"),
        ),
    ),
    compute=_chunks,
)  # fmt: skip
