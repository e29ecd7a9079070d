"""Train the reader (rag_core/reader.py) on passages and questions of its own.

    .venv/bin/python benchmarks/reading.py --out reader.safetensors [--start FILE] [--rounds 3]

What it is trained on stands in reading_examples.py. One pair of passages in 25 is kept aside and
judged after every round. The weights that are judged and kept are a moving average of those that
are trained.

A round takes about 12 minutes on two cores. With `--start` it goes on from weights that are there,
at half the rate: so the reader learns what was added to the passages. The README says how the
weights of rag_core came about; which numbers come out depends a little on the machine.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.reading_examples import Asking, Example, draw, measure_nearness, read  # noqa: E402
from rag_core.embedders.packaged import packaged_folder  # noqa: E402
from rag_core.reader import BASE, HEAD, MAX_TOKENS  # noqa: E402

PASSAGES = ROOT / "benchmarks" / "reading_passages.jsonl"
EXAMPLES = 25_000  # a round
BATCH, BLOCK = 32, 8  # examples; batches of similar length that are cut from one block
KEPT_LAYERS = 2  # the lowest layers, and the word vectors, stay as they are
RATE, HEAD_RATE, WARM_UP = 2e-4, 1e-3, 0.06
GOING_ON = 0.5  # of these rates, for weights that are trained already
AVERAGED = 0.996  # what of the average stays at each step: it is that of about 250 steps
SPAN_SHARE = 0.5  # of the loss: saying where the answer stands teaches to look for it
TOLD_COUNTS = 2  # a question as people tell it is drawn so much more often than one of a pair


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

    def start(self, path: Path) -> None:
        """Go on from weights that were kept."""
        kept = load_file(path)
        self.load_state_dict({name: tensor.float() for name, tensor in kept.items()}, strict=False)

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


class Average:
    """The moving average of what is trained, which does better than the last state does."""

    def __init__(self, network: Network) -> None:
        self.trained = [one for one in network.parameters() if one.requires_grad]
        self.mean = [one.detach().clone() for one in self.trained]

    @torch.no_grad()
    def step(self, number: int) -> None:
        """Take in the state after so many steps; the first ones weigh more."""
        stays = min(AVERAGED, (1 + number) / (10 + number))
        for mean, now in zip(self.mean, self.trained, strict=True):
            mean.lerp_(now, 1 - stays)

    @torch.no_grad()
    def swap(self) -> None:
        """Put the average where the state is, and back."""
        for mean, now in zip(self.mean, self.trained, strict=True):
            kept = now.clone()
            now.copy_(mean)
            mean.copy_(kept)


def train(
    network: Network, questions: list[Asking], aside: list[Example], rate: float, options
) -> None:
    chance = random.Random(options.seed)
    weights = [TOLD_COUNTS if one.told else 1 for one in questions]
    heads = [*network.answers.parameters(), *network.where.parameters()]
    below = [one for one in network.base.parameters() if one.requires_grad]
    rates = [{"params": below, "lr": rate * RATE}, {"params": heads, "lr": rate * HEAD_RATE}]
    optimizer = torch.optim.AdamW(rates, weight_decay=0.01)
    steps = options.rounds * (EXAMPLES // BATCH + 1)
    plan = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda at: min((at + 1) / (WARM_UP * steps), max(0.0, 1 - at / steps))
    )
    average, taken, started = Average(network), 0, time.perf_counter()
    for number in range(1, options.rounds + 1):
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
            taken += 1
            average.step(taken)
            losses.append(loss.item())
        average.swap()
        judged = judge(network, aside)
        save_file(network.trained(), options.out)
        average.swap()
        passed = time.perf_counter() - started
        print(f"round {number}: loss {np.mean(losses):.3f}, kept aside: {judged}, {passed:.0f} s",
              flush=True)  # fmt: skip


def judge(network: Network, aside: list[Example]) -> str:
    odds, right = network.judge(aside), np.array([one.answer is not None for one in aside])
    pairs = odds[right][:, None] - odds[~right][None]
    area = np.mean((pairs > 0) + 0.5 * (pairs == 0))
    return f"area {area:.3f}, right {np.mean((odds > 0) == right):.1%}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--passages", type=Path, default=PASSAGES)
    parser.add_argument("--out", type=Path, required=True, help="where the weights are written")
    parser.add_argument("--start", type=Path, help="weights to go on from")
    parser.add_argument("--rounds", type=int, default=3, help="0 judges what --start names")
    parser.add_argument("--seed", type=int, default=1, help="of what is drawn")
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    questions, aside = read(options.passages)
    for part in (questions, aside):  # apart: what is kept aside comes near nothing in training
        measure_nearness(part)
    chance = random.Random(1)  # whatever the seed, they are judged on the same
    examples = [draw(one, questions, chance) for one in aside]
    print(f"{len(questions)} questions, {len(aside)} kept aside", flush=True)
    network = Network(packaged_folder(BASE))
    if options.start:
        network.start(options.start)
        print(f"before: kept aside: {judge(network, examples)}", flush=True)
    if options.rounds:
        train(network, questions, examples, GOING_ON if options.start else 1.0, options)


if __name__ == "__main__":
    main()
