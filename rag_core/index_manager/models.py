"""A function that embeds, made into an embedder with a name, a version and a fingerprint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np

from rag_core.datatypes import content_id
from rag_core.embedders import open_embedder
from rag_core.errors import ModelError
from rag_core.protocols import Embedder, FloatArray, OnProgress, Progress

EmbedFunction = Callable[[Sequence[str]], "Sequence[Sequence[float]] | FloatArray"]
_BATCH = 32


class FunctionEmbedder:
    """An embedder over a function from texts to rows of numbers; the rows are made unit length.

    Whoever opens the collection again gives the same function, name and version again: the
    fingerprint is made of the name, the version and the dimension.

    Raises:
        ModelError: when the function does not give one row of numbers for each text.
    """

    def __init__(self, function: EmbedFunction, name: str, version: str) -> None:
        self._function = function
        self.name = name
        self.dimension = int(self._rows(["dimension"]).shape[1])
        self.fingerprint = content_id(name, version, str(self.dimension))[:16]

    def embed_documents(
        self, texts: Sequence[str], *, on_progress: OnProgress | None = None
    ) -> FloatArray:
        """Return float32 of shape (len(texts), dimension), rows of unit length, in order."""
        report = on_progress or (lambda progress: None)
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for start in range(0, len(texts), _BATCH):
            report(Progress("embedding", start, len(texts)))
            rows = self._rows(texts[start : start + _BATCH])
            if rows.shape[1] != self.dimension:
                raise self._wrong(f"rows of {rows.shape[1]} numbers, not {self.dimension}")
            vectors[start : start + _BATCH] = rows
        report(Progress("embedding", len(texts), len(texts)))
        return vectors

    def embed_query(self, text: str) -> FloatArray:
        """Return float32 of shape (dimension,), of unit length."""
        vector: FloatArray = self.embed_documents([text])[0]
        return vector

    def _rows(self, texts: Sequence[str]) -> FloatArray:
        try:
            rows = np.asarray(self._function(texts), dtype=np.float32)
        except (TypeError, ValueError) as error:
            raise self._wrong(f"what is no table of numbers ({error})") from error
        if rows.ndim != 2 or len(rows) != len(texts) or not np.isfinite(rows).all():
            raise self._wrong(f"an array of shape {rows.shape} for {len(texts)} texts")
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        if not lengths.all():
            raise self._wrong("a row of zeros")
        unit: FloatArray = (rows / lengths).astype(np.float32)
        return unit

    def _wrong(self, what: str) -> ModelError:
        return ModelError(
            f"The embedding function of {self.name!r} returned {what}.",
            hint="It takes a list of texts and returns one row of numbers for each.",
        )


def embedder_of(
    given: Embedder | EmbedFunction | str, name: str = "", version: str = ""
) -> Embedder:
    """Return the embedder that is given: itself, by name, or as a function with its name.

    Raises:
        ValueError: for a function without a name.
        ModelError: when the function cannot embed.
    """
    if isinstance(given, str):
        return open_embedder(given)
    if not callable(given) or hasattr(given, "embed_documents"):
        return cast(Embedder, given)
    if not name:
        raise ValueError("an embedding function needs a model name")
    return FunctionEmbedder(given, name, version)
