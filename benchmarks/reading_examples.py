"""What the reader is trained on (see reading.py): questions, each with a few sentences.

reading_passages.jsonl holds pairs of passages about two things of one kind, and questions about
both, some answered by the one, some by the other, some by neither; and for each passage questions
as people tell and turn them. They were written for this, and are about nothing in samples/, wiki10
or threshold_library/. An example has those sentences of the passage that answer, or those that
come nearest without; now and then those of the other thing, or of something else.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rag_core import open_embedder
from rag_core.generators.quotable import quotable

KEPT_ASIDE = 25  # one pair in so many
OTHER_THING, OTHER_SUBJECT, ANSWERING = 0.15, 0.12, 0.8  # how often which sentences are shown
BLOCK = 256  # questions that are compared with every sentence at once
STRANGERS = 24  # sentences of other subjects, the nearest to a question that names its own
UNNAMED = 0.15  # of the questions say "it" or "the mill" for the name
NEAR = 0.08  # temperature of cosines, by which sentences that do not answer are drawn
_ARTICLE = re.compile(r"^(?:the|a|an) ", re.I)


@dataclass
class Passage:
    """A passage, cut into sentences."""

    title: str
    subject: str
    sentences: list[str]
    vectors: np.ndarray = field(default_factory=lambda: np.zeros(0))


@dataclass
class Asking:
    """A question about a passage, its answer there if any, and the passage that it is not about."""

    question: str
    passage: Passage
    answer: str | None
    other: Passage
    other_answer: str | None
    named: bool  # the question says the subject's name
    told: bool
    near: np.ndarray = field(default_factory=lambda: np.zeros(0))  # to each sentence
    other_near: np.ndarray = field(default_factory=lambda: np.zeros(0))  # of the other passage
    strangers: list[tuple[Passage, int]] = field(default_factory=list)  # elsewhere, but near


@dataclass
class Example:
    """What the reader sees: a question, a title, sentences; and the answer in them, if any."""

    question: str
    title: str
    text: str
    answer: str | None


def read(path: Path) -> tuple[list[Asking], list[Asking]]:
    """Return the questions to train on, and those of the pairs that are kept aside.

    Which pairs those are depends on their text alone: what is added later changes nothing in it.
    """
    parts: tuple[list[Asking], list[Asking]] = ([], [])
    for line in path.read_text("utf-8").splitlines():
        record = json.loads(line)
        digest = int(hashlib.md5(record["a"]["text"].encode()).hexdigest(), 16)
        parts[digest % KEPT_ASIDE == 0].extend(askings(record))
    return parts


def askings(record: dict) -> Iterator[Asking]:
    passages = {}
    for side in "ab":
        text = record[side]["text"]
        sentences = [text[start:end] for start, end in quotable(text)]
        passages[side] = Passage(record[side]["title"], record[side]["subject"], sentences)
    for question, *answers in record["questions"]:
        for side, other, (answer, beside) in zip("ab", "ba", (answers, answers[::-1]), strict=True):
            subject = passages[side].subject
            asked = question.replace("{}", subject)
            named = "{}" in question
            yield Asking(asked, passages[side], answer, passages[other], beside, named, False)
    for side, other in ("ab", "ba"):
        for question, answer in record.get(f"told_{side}", ()):
            named = bare(passages[side]).lower() in question.lower()
            yield Asking(question, passages[side], answer, passages[other], None, named, True)


def bare(passage: Passage) -> str:
    """Return the name of what a passage is about, without an article."""
    return _ARTICLE.sub("", passage.subject)


def measure_nearness(questions: list[Asking]) -> None:
    """Give each question the cosines to its passage's sentences, and the strangers near it."""
    embedder = open_embedder()
    texts = {text for one in questions for text in (one.question, *one.passage.sentences)}
    order = sorted(texts)
    vectors = dict(zip(order, embedder.embed_documents(order), strict=True))
    for one in questions:
        asked = vectors[one.question]
        one.near = np.array([vectors[text] @ asked for text in one.passage.sentences])
        one.other_near = np.array([vectors[text] @ asked for text in one.other.sentences])
    find_strangers([one for one in questions if one.named], vectors)


def find_strangers(named: list[Asking], vectors: dict[str, np.ndarray]) -> None:
    """Give each question the sentences of other pairs that come nearest.

    None answers, however near it comes: a question that names its subject asks of nothing else.
    """
    passages = list({id(one.passage): one.passage for one in named}.values())
    places = [(held, place) for held in passages for place in range(len(held.sentences))]
    of = np.array([id(held) for held, _ in places])
    matrix = np.array([vectors[held.sentences[place]] for held, place in places])
    for start in range(0, len(named), BLOCK):
        block = named[start : start + BLOCK]
        cosines = np.array([vectors[one.question] for one in block]) @ matrix.T
        for one, near in zip(block, cosines, strict=True):
            near[(of == id(one.passage)) | (of == id(one.other))] = -1
            nearest = np.argpartition(-near, STRANGERS)[:STRANGERS]
            one.strangers = [places[at] for at in nearest]


def holding(passage: Passage, answer: str | None) -> list[int]:
    return [i for i, text in enumerate(passage.sentences) if answer and answer in text]


def draw(one: Asking, everybody: list[Asking], chance: random.Random) -> Example:
    """Draw what the reader sees of a question."""
    dice = chance.random()
    if one.named and dice < OTHER_THING:
        return of_the_other_thing(one, chance)
    if dice < OTHER_THING + OTHER_SUBJECT:
        return of_a_stranger(one, everybody, chance)
    passage, question = one.passage, unnamed(one, chance)
    held = holding(passage, one.answer)
    free = [place for place in range(len(passage.sentences)) if place not in held]
    if held and (chance.random() < ANSWERING or not free):
        text = window(passage, chance.choice(held), chance)
        return Example(question, titled(passage, chance), text, one.answer)
    text = window(passage, nearly(one.near, free, chance), chance)
    answer = one.answer if one.answer and one.answer in text else None
    return Example(question, titled(passage, chance), text, answer)


def nearly(near: np.ndarray, places: list[int], chance: random.Random) -> int:
    """Draw one of the places, the nearer the likelier."""
    likely = np.exp(near[places] / NEAR)
    return chance.choices(places, weights=likely.tolist())[0]


def of_the_other_thing(one: Asking, chance: random.Random) -> Example:
    """What the other passage says to the question: it is not about this subject."""
    held = holding(one.other, one.other_answer)
    anywhere = nearly(one.other_near, list(range(len(one.other.sentences))), chance)
    centre = chance.choice(held) if held and chance.random() < ANSWERING else anywhere
    return unanswered(one, one.other, centre, chance)


def of_a_stranger(one: Asking, everybody: list[Asking], chance: random.Random) -> Example:
    """Something of another kind: what comes near, where the question names its subject."""
    if one.strangers:
        return unanswered(one, *chance.choice(one.strangers), chance)
    stranger = chance.choice(everybody).passage
    text = window(stranger, chance.randrange(len(stranger.sentences)), chance)
    return Example(one.question, titled(stranger, chance), text, None)


def unanswered(one: Asking, passage: Passage, centre: int, chance: random.Random) -> Example:
    """A passage about something else, which must say so: in its text or in its title."""
    text, title, name = window(passage, centre, chance), titled(passage, chance), bare(passage)
    if name.lower() not in f"{title} {text}".lower():
        title = chance.choice([name, f"{passage.title} {name}"])
    return Example(one.question, title, text, None)


def unnamed(one: Asking, chance: random.Random) -> str:
    if not one.named or chance.random() >= UNNAMED:
        return one.question
    subject = one.passage.subject
    noun = subject.split()[-1].lower()
    return one.question.replace(subject, f"the {noun}" if _ARTICLE.match(subject) else "it")


def titled(passage: Passage, chance: random.Random) -> str:
    """A name as documents have: with the subject in it, or of it alone, or without."""
    name, title = bare(passage), passage.title
    names = [title, name, f"{name} {title.lower()}", f"{title} {name}"]
    return chance.choices(names, weights=[9, 4, 4, 3])[0]


def window(passage: Passage, centre: int, chance: random.Random) -> str:
    """A sentence, most often with the one before and the one after."""
    first = max(0, centre - (chance.random() < 0.8))
    return " ".join(passage.sentences[first : centre + 1 + (chance.random() < 0.7)])
