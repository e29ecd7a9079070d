"""Embedding on this machine, through the sentence-transformers library."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from rag_core.embedders.estimate import Estimate
from rag_core.embedders.loading import on_one_core
from rag_core.embedders.padding import batches_by_length
from rag_core.embedders.texts import encodable
from rag_core.embedders.weights import Weights, token_limit, weights
from rag_core.errors import ModelError
from rag_core.protocols import FloatArray, OnProgress, Progress, TokenVectors

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

# Padded tokens in a batch: as fast as any larger one, and a query waits for 0.1 to 0.2 s of it.
BATCH_TOKENS = 4096
# Texts tokenized, 0.1 s, and sorted by length together: more would pad hardly less.
WINDOW = 512
DTYPES = ("auto", "float32", "bfloat16")


class SentenceTransformerEmbedder:
    """Any sentence-transformers model, by hub name or folder; "all-MiniLM-L6-v2" works offline.

    `dtype` "auto" takes bfloat16 where the CPU multiplies it in hardware (cosine to float32 was
    0.9998 at worst on 548 texts of every length and script) and float32 elsewhere. Thread-safe:
    calls take turns batch by batch, so a query waits for one batch of a running upload and never
    for all of it.
    """

    def __init__(self, name: str, *, dtype: str = "auto", revision: str | None = None) -> None:
        if dtype not in DTYPES:
            raise ValueError(f"unknown dtype {dtype!r}; known are {', '.join(DTYPES)}")
        self._name = name
        self._dtype = dtype
        self._revision = revision
        self._lock = threading.Lock()
        self._loading = threading.Lock()
        self._loaded: tuple[Weights, SentenceTransformer] | None = None
        # What was read with the last question's vector: its tokens are asked for next
        self._question: tuple[str, TokenVectors] | None = None

    @property
    def name(self) -> str:
        """The name it was opened by."""
        return self._name

    @property
    def _weights(self) -> Weights:
        return self._read[0]

    @property
    def _model(self) -> SentenceTransformer:
        return self._read[1]

    @property
    def _read(self) -> tuple[Weights, SentenceTransformer]:
        with self._loading:
            if self._loaded is None:
                found = weights(self._name, self._dtype, self._revision)
                self._loaded = found, found.reader()
            return self._loaded

    @cached_property
    def dimension(self) -> int:
        """The length of every vector."""
        dimension = self._model.get_embedding_dimension()
        if dimension is None:
            raise ModelError(
                f"{self._name} does not say how long its vectors are.",
                hint="Choose a sentence-embedding model.",
            )
        return int(dimension)

    @cached_property
    def max_tokens(self) -> int:
        """How many tokens the model reads, special tokens included; the rest is never seen."""
        return token_limit(self._model)

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits over weights, dtype, modules, prompts and token limit."""
        return self._weights.fingerprint

    def embed_documents(
        self, texts: Sequence[str], *, on_progress: OnProgress | None = None
    ) -> FloatArray:
        """Return float32 of shape (len(texts), dimension), rows of unit length, in order.

        `on_progress` is called before the first batch and after every batch; what it raises ends
        the work.
        """
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        done = 0
        if on_progress:
            on_progress(Progress("embedding", 0, len(texts)))
        for rows, found in self.embed_batches(texts):
            vectors[rows] = found
            done += len(rows)
            if on_progress:
                on_progress(Progress("embedding", done, len(texts)))
        return vectors

    def embed_batches(
        self, texts: Sequence[str], *, on_progress: OnProgress | None = None
    ) -> Iterator[tuple[Sequence[int], FloatArray]]:
        """Yield rows and their vectors, longest texts first.

        `on_progress` is not called: a batch takes a fraction of a second.
        """
        for rows, batch in self._batches(texts):
            with self._lock:
                found = self._model.encode_document(
                    batch, batch_size=len(batch), show_progress_bar=False, convert_to_tensor=True
                )
            yield rows, _unit(found)

    def _batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], list[str]]]:
        """Yield row numbers and their texts: at most BATCH_TOKENS, of similar length.

        Length is counted in tokens: of chunks cut to equal characters the longest has twice the
        tokens of the shortest, and batches by characters were a fifth padding.
        """
        for start in range(0, len(texts), WINDOW):
            window = [encodable(text) for text in texts[start : start + WINDOW]]
            with self._lock:
                read = self._model.tokenizer(
                    window,
                    truncation=True,
                    max_length=self.max_tokens,
                    padding=False,
                    return_attention_mask=False,
                    return_token_type_ids=False,
                )
            for rows in batches_by_length([len(ids) for ids in read["input_ids"]], BATCH_TOKENS):
                yield [start + row for row in rows], [window[row] for row in rows]

    @cached_property
    def _asker(self) -> SentenceTransformer:
        # a tokenizer of its own: a question need not wait until a batch of documents is through
        return self._weights.reader()

    def estimate(self, texts: Sequence[str]) -> Estimate:
        """Return how many tokens the texts have, and that they cost nothing."""
        return Estimate(sum(self.count_tokens(texts)), 0.0, exact=True)

    def embed_query(self, text: str) -> FloatArray:
        """Return float32 of shape (dimension,), of unit length; it does not wait for a batch."""
        return self._questions.submit(self._embed_question, encodable(text)).result()

    def _embed_question(self, text: str) -> FloatArray:
        found: Any = self._asker.encode_query([text], show_progress_bar=False, output_value=None)
        read = _tokenized(self._asker, [text])
        if _reads_alone(read["input_ids"][0], found[0]):
            self._question = text, _tokens(read, _shown(found))[0]
        vector: FloatArray = _unit(found[0]["sentence_embedding"][None])[0]
        return vector

    @cached_property
    def _questions(self) -> ThreadPoolExecutor:
        # One thread on one core: a question is short, and two cores of which one is at work on a
        # batch take five times as long for it as one that is free.
        return ThreadPoolExecutor(1, "questions", initializer=on_one_core)

    def embed_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """Return the token vectors of every text, each cut at `max_tokens`, in order."""
        asked = self._question
        if asked and len(texts) == 1 and encodable(texts[0]) == asked[0]:
            return [asked[1]]
        result: list[TokenVectors | None] = [None] * len(texts)
        for rows, batch in self._batches(texts):
            with self._lock:
                found: Any = self._model.encode(
                    batch,
                    batch_size=len(batch),
                    show_progress_bar=False,
                    output_value="token_embeddings",
                )
                read = _tokenized(self._model, batch)
            for row, tokens in zip(rows, _tokens(read, found), strict=True):
                result[row] = tokens
        return [vectors for vectors in result if vectors is not None]

    def embed_passages(
        self, texts: Sequence[str]
    ) -> Iterator[tuple[Sequence[int], FloatArray, list[TokenVectors] | None]]:
        """Yield rows, their vectors as `embed_batches` does, and their tokens', of one reading.

        For the tokens None, where the model shows none or reads a prompt before the text.
        """
        import torch

        for rows, batch in self._batches(texts):
            with self._lock:
                found: Any = self._model.encode_document(
                    batch, batch_size=len(batch), show_progress_bar=False, output_value=None
                )
                read = _tokenized(self._model, batch)
            vectors = _unit(torch.stack([one["sentence_embedding"] for one in found]))
            shown = all(map(_reads_alone, read["input_ids"], found))
            yield rows, vectors, _tokens(read, _shown(found)) if shown else None

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens each text has, uncut, special tokens left out."""
        return [len(offsets) for offsets in self.token_offsets(texts)]

    def token_offsets(self, texts: Sequence[str]) -> list[np.ndarray[Any, np.dtype[np.int64]]]:
        """Return, for every text, int64 (tokens, 2): the characters each token was read from."""
        if not texts:
            return []
        with self._lock:
            # verbose=False: a text longer than the model reads is what we are here to count
            read = self._model.tokenizer(
                [encodable(text) for text in texts],
                truncation=False,
                padding=False,
                add_special_tokens=False,
                return_offsets_mapping=True,
                verbose=False,
            )
        return [np.array(pairs, dtype=np.int64).reshape(-1, 2) for pairs in read["offset_mapping"]]


def _tokenized(model: SentenceTransformer, texts: list[str]) -> Any:  # noqa: ANN401
    return model.tokenizer(
        texts,
        truncation=True,
        max_length=token_limit(model),
        return_offsets_mapping=True,
        return_special_tokens_mask=True,
    )


def _reads_alone(ids: list[int], found: Mapping[str, torch.Tensor]) -> bool:
    """Return whether a model read the tokens of the text and nothing before them."""
    if "input_ids" not in found or "token_embeddings" not in found:
        return False
    return bool(found["input_ids"][: len(ids)].tolist() == ids)


def _shown(found: Sequence[Mapping[str, torch.Tensor]]) -> list[torch.Tensor]:
    return [one["token_embeddings"] for one in found]


def _tokens(read: Any, found: Sequence[torch.Tensor]) -> list[TokenVectors]:  # noqa: ANN401
    result = []
    for special, places, vectors in zip(
        read["special_tokens_mask"], read["offset_mapping"], found, strict=True
    ):
        words = np.array(special) == 0
        offsets = np.array(places, dtype=np.int64).reshape(-1, 2)
        result.append(TokenVectors(_unit(vectors[: len(words)])[words], offsets[words]))
    return result


def _unit(found: torch.Tensor) -> FloatArray:
    vectors: FloatArray = found.float().cpu().numpy()
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: FloatArray = vectors / np.maximum(norms, np.finfo(np.float32).tiny)
    return scaled
