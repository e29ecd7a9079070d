"""Lessons 7 and 8: answers that rest on something, and an index that grows old."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from rag_core.collection_settings import SearchDefaults
from rag_core.embedders import open_embedder
from rag_core.generators.extractive import ExtractiveGenerator
from rag_core.late_interaction import maxsim
from rag_core.lessons.bench import Bench, Question, hits
from rag_core.lessons.lesson import Lesson, Reveal, Row, View, place_of
from rag_core.prompts import NOT_FOUND, build_prompt
from rag_core.protocols import FloatArray
from rag_core.rerankers import LateInteractionReranker
from rag_core.retrieval import RERANKED

_LABEL = 90  # characters of a quote under its bar
_ROWS = 5


def _grounded(bench: Bench) -> Reveal:
    question = bench.question("none-05")["question"]
    first = hits(bench.by_both(question)[:RERANKED])
    sources = LateInteractionReranker(bench.tokens).rerank(question, first)[: SearchDefaults().k]
    prompt = build_prompt(question, sources)
    quotes = ExtractiveGenerator(bench.tokens).quotes(prompt)
    true = all(quote.text in sources[quote.number - 1].chunk.text for quote in quotes)
    rows = tuple(
        Row(
            f"[{quote.number}] {_short(quote.text)}", quote.score,
            f"stands in {bench.name(sources[quote.number - 1].chunk)}", marked=place == 0,
        )
        for place, quote in enumerate(quotes)
    ) or tuple(_nearest(bench, question, [hit.chunk.text for hit in sources]))  # fmt: skip
    if not quotes:
        return Reveal(1, f"It says: {NOT_FOUND}", "likeness", rows)
    said = " ".join(f"“{quote.text}” [{quote.number}]" for quote in quotes)
    return Reveal(2 if true else 0, said, "likeness", rows)


def _near(bench: Bench, question: str, texts: list[str]) -> list[Row]:
    asked, *read = bench.tokens.vectors([question, *texts])
    likeness = [maxsim(asked.vectors, one.vectors) for one in read]
    return [Row(_short(text), value) for text, value in zip(texts, likeness, strict=True)]


def _nearest(bench: Bench, question: str, texts: list[str]) -> list[Row]:
    rows = sorted(_near(bench, question, texts), key=lambda row: -row.value)[:_ROWS]
    return [replace(row, marked=place == 0) for place, row in enumerate(rows)]


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LABEL else f"{line[: _LABEL - 1]}…"


GROUNDED = Lesson(
    title="Grounded answers",
    shows="The library holds a press kit about Halcyon, a space telescope. Somebody asks: “What "
    "kind of rocket will launch Halcyon?” No document says. Answers here are quoted from the ten "
    "best chunks.",
    question="What does Ragscope answer?",
    choices=(
        "It names a rocket",
        "It says that the documents do not tell",
        "It quotes sentences that are true and beside the point",
    ),
    why="Retrieval always brings the nearest, even when nothing is near enough, and a question on "
    "a subject that the library knows looks answered from afar. So a small model reads question "
    "and sentence together and says whether the one answers the other. It errs too: some questions "
    "get what comes nearest. Grounding does not make an answer right, but checkable: a number "
    "after each sentence leads to the place it stands on. A fluent model without sources would "
    "have given you a name.",
    notes=(
        "Click a citation on the page and read the passage aloud.",
        "Then ask something the kit does tell, such as what the mission has cost, and compare.",
        "Point to who answers: with a chat model set, the wording and the refusal may be others.",
    ),
    view=View("chat", (("collection", "stage"), ("q", "What kind of rocket will launch Halcyon?"))),
    compute=_grounded,
)


def _drift(bench: Bench) -> Reveal:
    old, texts = bench.embedder, [chunk.text for chunk in bench.chunks]
    # Another model with vectors of the same length: nothing but the meaning of the numbers changes.
    new = open_embedder(f"words:{old.dimension}")
    asked = [question for question in bench.questions if question["spans"]]
    shares = {
        "old model": _found(bench, bench.vectors, asked, old.embed_query),
        "new model, old index": _found(bench, bench.vectors, asked, new.embed_query),
        "new model, rebuilt": _found(bench, new.embed_documents(texts), asked, new.embed_query),
    }
    mixed = shares["new model, old index"]
    rows = tuple(
        Row(name, 100 * share, f"{round(share * len(asked))} of {len(asked)}", share == mixed)
        for name, share in shares.items()
    )
    said = "The right document comes first: " + ", ".join(
        f"{row.label} {row.value:.0f} %" for row in rows
    )
    choice = 3 - place_of(mixed, (0.1, 0.5, 0.8))
    return Reveal(choice, f"{said}.", "right document first, %", rows)


def _found(
    bench: Bench,
    vectors: FloatArray,
    questions: list[Question],
    embed: Callable[[str], FloatArray],
) -> float:
    """Return the share of questions whose nearest chunk is of the right document."""
    right = 0
    for question in questions:
        nearest = bench.chunks[int(np.argmax(vectors @ embed(question["question"])))]
        right += bench.name(nearest) == question["document"]
    return right / len(questions)


DRIFT = Lesson(
    title="Drift and rebuild",
    shows="An index was built by one model. On Monday the queries go through another one; its "
    "vectors are as long as before, so nothing fails and nothing is logged. 48 questions are asked "
    "whose right document is known.",
    question="How many still bring the right document first?",
    choices=("Nearly all", "More than half", "Fewer than half", "Hardly any"),
    why="Every model draws a map of its own. Coordinates of one mean nothing on another, and the "
    "search answers all the same: a nearest vector always exists. So the model's fingerprint is "
    "kept with the index, and Ragscope refuses to mix two. The way over is to embed everything "
    "again into a second index, and to swap when it is complete.",
    notes=(
        "Ask who could tell from a dashboard that this had happened.",
        "The third bar is the price of this new model: it only counts words. A rebuild makes an "
        "index whole again, and not a model good.",
        "On the page, two models look at the same texts: find the pair they disagree on most.",
    ),
    view=View("similarity", (("panel", "Models"),)),
    compute=_drift,
)
