"""Train the reader (rag_core/reader.py) on passages and questions of its own.

    .venv/bin/python benchmarks/reading.py --out rag_core/reader.safetensors

reading_passages.jsonl holds pairs of passages about two things of one kind, and questions about
both, some answered by the one, some by the other, some by neither; and for some passages questions
as people tell them. They were written for this, and are about nothing in samples/, wiki10 or
threshold_library/. The reader sees a question and a few sentences: those that answer, or those of
the passage that come nearest without; now and then those of the other thing, or of something else.

A twentieth of the pairs is kept aside and judged after every round. Training takes about 40 minutes
on two cores; which numbers come out depends a little on the machine.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from rag_core import open_embedder  # noqa: E402
from rag_core.embedders.packaged import packaged_folder  # noqa: E402
from rag_core.generators.quotable import quotable  # noqa: E402
from rag_core.reader import BASE, HEAD, MAX_TOKENS  # noqa: E402

PASSAGES = ROOT / "benchmarks" / "reading_passages.jsonl"
ROUNDS = 3
EXAMPLES = 25_000  # a round; all rounds together draw each question about three times
BATCH, BLOCK = 32, 8  # pairs; batches of similar length that are cut from one block
KEPT_LAYERS = 2  # the lowest layers, and the word vectors, stay as they are
RATE, HEAD_RATE, WARM_UP = 2e-4, 1e-3, 0.06
SPAN_SHARE = 0.5  # of the loss: saying where the answer stands teaches to look for it
TOLD_COUNTS = 2  # a question as people tell it is drawn so much more often than a short one
OTHER_THING, OTHER_SUBJECT, ANSWERING = 0.2, 0.07, 0.8  # how often which sentences are shown
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


@dataclass
class Example:
    """What the reader sees: a question, a title, sentences; and the answer in them, if any."""

    question: str
    title: str
    text: str
    answer: str | None


def read(path: Path) -> list[list[Asking]]:
    """Return the questions of every pair of passages."""
    return [list(askings(json.loads(line))) for line in path.read_text("utf-8").splitlines()]


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
    """Give each question the cosines to its passage's sentences."""
    embedder = open_embedder()
    texts = {text for one in questions for text in (one.question, *one.passage.sentences)}
    order = sorted(texts)
    vectors = dict(zip(order, embedder.embed_documents(order), strict=True))
    for one in questions:
        asked = vectors[one.question]
        one.near = np.array([vectors[text] @ asked for text in one.passage.sentences])
        one.other_near = np.array([vectors[text] @ asked for text in one.other.sentences])


def holding(passage: Passage, answer: str | None) -> list[int]:
    return [i for i, text in enumerate(passage.sentences) if answer and answer in text]


def draw(one: Asking, everybody: list[Asking], chance: random.Random) -> Example:
    """Draw what the reader sees of a question."""
    dice = chance.random()
    if one.named and dice < OTHER_THING:
        return of_the_other_thing(one, chance)
    if dice < OTHER_THING + OTHER_SUBJECT:
        stranger = chance.choice(everybody).passage
        text = window(stranger, chance.randrange(len(stranger.sentences)), chance)
        return Example(one.question, titled(stranger, chance), text, None)
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
    text, title = window(one.other, centre, chance), titled(one.other, chance)
    name = bare(one.other)
    if name.lower() not in f"{title} {text}".lower():
        title = chance.choice([name, f"{one.other.title} {name}"])  # it must say what it is of
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


class Network(torch.nn.Module):
    """The base model, a head for whether, and one for where, which is thrown away afterwards."""

    def __init__(self, folder: Path) -> None:
        from transformers import AutoModel, AutoTokenizer

        super().__init__()
        self.tokenizer = AutoTokenizer.from_pretrained(str(folder))
        self.base = AutoModel.from_pretrained(str(folder), add_pooling_layer=False)
        self.answers = torch.nn.Linear(self.base.config.hidden_size, 1)
        self.where = torch.nn.Linear(self.base.config.hidden_size, 2)
        self.drop = torch.nn.Dropout(0.1)
        for part in (self.base.embeddings, *self.base.encoder.layer[:KEPT_LAYERS]):
            part.requires_grad_(False)

    def forward(self, read):
        """Return log-odds (examples,), and (examples, tokens, 2) for an answer's two ends."""
        with torch.autocast("cpu", torch.bfloat16):
            found = self.drop(self.base(**read).last_hidden_state)
            return self.answers(found[:, 0])[:, 0].float(), self.where(found).float()

    def encode(self, examples: list[Example]):
        """Return the tokens, and the first and last token of each answer, -100 for none."""
        texts = [f"{one.title}: {one.text}" for one in examples]
        read = self.tokenizer(
            [one.question for one in examples],
            texts,
            truncation="longest_first",
            max_length=MAX_TOKENS,
            padding=True,
            return_tensors="pt",
            return_offsets_mapping=True,
        )
        offsets = read.pop("offset_mapping").tolist()
        places = np.full((2, len(examples)), -100)
        for row, one in enumerate(examples):
            if one.answer is None:
                continue
            start = texts[row].index(one.answer, len(one.title) + 2)
            end, ids = start + len(one.answer), read.sequence_ids(row)
            inside = [
                at
                for at, (a, b) in enumerate(offsets[row])
                if ids[at] == 1 and a < end and b > start
            ]
            if inside:
                places[:, row] = inside[0], inside[-1]
        return read, torch.from_numpy(places)

    def loss(self, examples: list[Example]):
        """Return how wrong it is on these: of whether, and a little of where."""
        read, places = self.encode(examples)
        odds, where = self(read)
        wanted = torch.tensor([float(one.answer is not None) for one in examples])
        total = functional.binary_cross_entropy_with_logits(odds, wanted)
        if (places >= 0).any():
            passage = (read["token_type_ids"] == 1) & (read["attention_mask"] == 1)
            where = where.masked_fill(~passage[..., None], -1e4)
            for end in (0, 1):
                total = total + SPAN_SHARE / 2 * functional.cross_entropy(
                    where[..., end], places[end]
                )
        return total

    @torch.inference_mode()
    def judge(self, examples: list[Example]) -> np.ndarray:
        """Return log-odds (examples,)."""
        self.eval()
        parts = [examples[at : at + BATCH] for at in range(0, len(examples), BATCH)]
        return torch.cat([self(self.encode(part)[0])[0] for part in parts]).numpy()

    def trained(self) -> dict[str, torch.Tensor]:
        """What differs from the base model, to be kept."""
        kept = {f"{HEAD}.{name}": tensor for name, tensor in self.answers.state_dict().items()}
        for name, weights in self.base.named_parameters():
            if weights.requires_grad:
                kept[f"base.{name}"] = weights.detach().to(torch.bfloat16).contiguous()
        return kept


def batches(examples: list[Example], chance: random.Random) -> Iterator[list[Example]]:
    """Yield batches of similar length, in no order."""
    for start in range(0, len(examples), BATCH * BLOCK):
        block = sorted(examples[start : start + BATCH * BLOCK], key=lambda one: len(one.text))
        parts = [block[at : at + BATCH] for at in range(0, len(block), BATCH)]
        chance.shuffle(parts)
        yield from parts


def train(network: Network, questions: list[Asking], aside: list[Example], out: Path) -> None:
    from safetensors.torch import save_file

    chance = random.Random(1)
    weights = [TOLD_COUNTS if one.told else 1 for one in questions]
    heads = [*network.answers.parameters(), *network.where.parameters()]
    below = [one for one in network.base.parameters() if one.requires_grad]
    rates = [{"params": below, "lr": RATE}, {"params": heads, "lr": HEAD_RATE}]
    optimizer = torch.optim.AdamW(rates, weight_decay=0.01)
    steps = ROUNDS * (EXAMPLES // BATCH + 1)
    plan = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda at: min((at + 1) / (WARM_UP * steps), max(0.0, 1 - at / steps))
    )
    started = time.perf_counter()
    for number in range(1, ROUNDS + 1):
        network.train()
        drawn = chance.choices(questions, weights=weights, k=EXAMPLES)
        losses = []
        for batch in batches([draw(one, questions, chance) for one in drawn], chance):
            loss = network.loss(batch)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            plan.step()
            losses.append(loss.item())
        odds, right = network.judge(aside), np.array([one.answer is not None for one in aside])
        pairs = odds[right][:, None] - odds[~right][None]
        area = np.mean((pairs > 0) + 0.5 * (pairs == 0))
        print(f"round {number}: loss {np.mean(losses):.3f}, kept aside: area {area:.3f}, "
              f"right {np.mean((odds > 0) == right):.1%}, {time.perf_counter() - started:.0f} s",
              flush=True)  # fmt: skip
        save_file(network.trained(), out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--passages", type=Path, default=PASSAGES)
    parser.add_argument("--out", type=Path, required=True, help="where the weights are written")
    options = parser.parse_args()
    torch.manual_seed(1)
    chance = random.Random(1)
    pairs = read(options.passages)
    chance.shuffle(pairs)
    aside = [one for pair in pairs[::20] for one in pair]
    questions = [one for at, pair in enumerate(pairs) if at % 20 for one in pair]
    measure_nearness([*questions, *aside])
    examples = [draw(one, questions, chance) for one in aside]
    print(f"{len(pairs)} pairs of passages, {len(questions)} questions, {len(aside)} kept aside")
    train(Network(packaged_folder(BASE)), questions, examples, options.out)


if __name__ == "__main__":
    main()
