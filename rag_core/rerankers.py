"""Rerankers: reading the query and each candidate together, and ordering them anew."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from rag_core.datatypes import SearchHit
from rag_core.embedders.loading import LOADING
from rag_core.embedders.texts import encodable
from rag_core.errors import ModelError
from rag_core.late_interaction import TokenCache, maxsim

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

DEFAULT_CROSS_ENCODER = "cross-encoder/ms-marco-MiniLM-L-6-v2"
BATCH = 16  # pairs read at a time; another search waits for no more than that
HUB_SECONDS = 5.0


class LateInteractionReranker:
    """MaxSim over the embedding model's own token vectors: offline, no further model.

    Those of the texts in two bits a number, as they are kept (see quantized.py). With
    exact ones, on SciFact, 300 queries, top 20: nDCG@10 from 0.645 (dense) to 0.698.
    """

    name = "late-interaction"

    def __init__(self, tokens: TokenCache) -> None:
        self._tokens = tokens

    def rerank(self, query: str, hits: Sequence[SearchHit]) -> list[SearchHit]:
        """Return the same hits, scored by MaxSim (-1 to 1), best first; ties break by chunk id."""
        if not hits:
            return []
        asked = self._tokens.vectors([query])[0].vectors
        read = self._tokens.passages([hit.chunk.text for hit in hits])
        return reranked(hits, [maxsim(asked, text.vectors) for text in read], self.name)


class CrossEncoderReranker:
    """A model that reads query and text as one input. Any CrossEncoder, by hub name or folder.

    Scores are the sigmoid of the model's raw output, 0 to 1, whatever activation its own
    configuration names: the order is that of the raw output, and two models share a scale. The
    model is loaded on first use; what is on this machine is taken before any server is asked.
    Thread-safe: searches take turns batch by batch.
    """

    name = "cross-encoder"

    def __init__(self, name_or_folder: str = DEFAULT_CROSS_ENCODER) -> None:
        if not name_or_folder.strip():
            raise ValueError("a cross-encoder needs a name or a folder, not an empty text")
        self.model_name = name_or_folder
        self._loading = threading.Lock()
        self._reading = threading.Lock()
        self._loaded: CrossEncoder | None = None

    def rerank(self, query: str, hits: Sequence[SearchHit]) -> list[SearchHit]:
        """Return the same hits, scored 0 to 1, best first; ties break by chunk id.

        What is longer than the model reads is cut off at its end.

        Raises:
            ModelError: when the model is not on this machine and cannot be fetched, or is none
                that scores pairs.
        """
        if not hits:
            return []
        asked, texts = encodable(query), [encodable(hit.chunk.text) for hit in hits]
        # Each text once: the last bits of a score depend on the place in the batch, and the ties
        # of equal texts are for the id to break.
        distinct = sorted(set(texts), key=lambda text: (-len(text), text))
        scores = dict(zip(distinct, self._scores(asked, distinct), strict=True))
        return reranked(hits, [scores[text] for text in texts], self.name)

    def load(self) -> None:
        """Load the model now, ahead of the first search."""
        self._model()

    def _scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """Return the scores of texts that come longest first: equal lengths make short batches."""
        import torch

        model, raw = self._model(), torch.nn.Identity()
        scores: list[float] = []
        for start in range(0, len(texts), BATCH):
            pairs = [(query, text) for text in texts[start : start + BATCH]]
            with self._reading:
                found = model.predict(
                    pairs, batch_size=BATCH, activation_fn=raw, show_progress_bar=False
                )
            scores += [_sigmoid(float(value)) for value in found]
        return scores

    def _model(self) -> CrossEncoder:
        with self._loading:
            if self._loaded is None:
                self._loaded = _load(self.model_name)
            return self._loaded


RERANKERS = {
    "late-interaction": LateInteractionReranker,
    "cross-encoder": CrossEncoderReranker,
}
"""What `rerank=` can name; "cross-encoder:NAME" takes another model than the default."""


@lru_cache(maxsize=2)
def open_cross_encoder(name_or_folder: str = DEFAULT_CROSS_ENCODER) -> CrossEncoderReranker:
    """Return the reranker of this model, the same one for every collection: it is loaded once."""
    return CrossEncoderReranker(name_or_folder)


def reranked(hits: Sequence[SearchHit], scores: Sequence[float], stage: str) -> list[SearchHit]:
    """Return the hits with new scores and ranks, best first; ties break by chunk id."""
    pairs = sorted(zip(hits, scores, strict=True), key=lambda pair: (-pair[1], pair[0].chunk.id))
    return [
        replace(hit, rank=rank, score=score, scores={**hit.scores, stage: score})
        for rank, (hit, score) in enumerate(pairs, start=1)
    ]


def _sigmoid(value: float) -> float:
    """Return 1 / (1 + e^-value), without overflow: both ends stay apart to about +-36."""
    return 1 / (1 + math.exp(-value)) if value >= 0 else math.exp(value) / (1 + math.exp(value))


def _load(name: str) -> CrossEncoder:
    folder = Path(name).is_dir()
    try:
        return _opened(name, local=True)
    except (OSError, ValueError, ImportError) as error:
        # The library raises OSError for what it cannot find or reach, and ValueError or
        # ImportError for a folder that holds something else than a model.
        if folder:
            raise _cannot(name, _first_line(error)) from error
    if not _hub_answers(name):
        raise _cannot(name, "it has not been downloaded yet, and the model hub does not answer.")
    from httpx2 import TransportError

    try:
        return _opened(name, local=False)
    except (OSError, ValueError, ImportError, TransportError) as error:  # the last: it broke off
        raise _cannot(name, _first_line(error)) from error


def _cannot(name: str, reason: str) -> ModelError:
    return ModelError(
        f"The cross-encoder {name!r} cannot be loaded: {reason}",
        hint="On a machine with a network run: "
        f"hf download {DEFAULT_CROSS_ENCODER} --local-dir cross-encoder; copy that folder here "
        "and choose cross-encoder:FOLDER. The reranker late-interaction needs nothing more.",
    )


def _first_line(error: Exception) -> str:
    from huggingface_hub.errors import HFValidationError

    if isinstance(error, HFValidationError):
        return "it is neither a folder here nor a name that the model hub could have."
    return (str(error).strip().splitlines() or [repr(error)])[0]


def _opened(name: str, *, local: bool) -> CrossEncoder:
    from sentence_transformers import CrossEncoder
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    _check_kind(name, local=local)
    with LOADING:
        model: CrossEncoder = CrossEncoder(name, device="cpu", local_files_only=local)
    return model.eval()


def _check_kind(name: str, *, local: bool) -> None:
    """Refuse a model that does not score pairs: the library would give it a head of chance.

    Raises:
        ModelError: for a model of another kind, or of several outputs.
        OSError: when its configuration cannot be read.
    """
    from huggingface_hub import hf_hub_download

    folder, file = Path(name), "config.json"
    path = folder / file if folder.is_dir() else hf_hub_download(name, file, local_files_only=local)
    config = json.loads(Path(path).read_text(encoding="utf-8"))
    kinds = config.get("architectures") or []
    outputs = len(config.get("id2label") or range(config.get("num_labels", 1)))
    if not any("ForSequenceClassification" in kind for kind in kinds) or outputs != 1:
        raise ModelError(
            f"{name!r} does not score a query with a text: it is {', '.join(kinds) or 'unnamed'} "
            f"with {outputs} outputs.",
            hint=f"Choose a cross-encoder with one output, such as {DEFAULT_CROSS_ENCODER}.",
        )


def _hub_answers(name: str) -> bool:
    """Return whether the model hub can be reached, after a few seconds at most.

    Without a network the library would ask six times for every file, and say so after a minute.
    """
    from httpx2 import TransportError
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    try:
        HfApi().model_info(name, timeout=HUB_SECONDS)
    except (TransportError, OfflineModeIsEnabled):
        return False
    except (HfHubHTTPError, HFValidationError):
        return True  # it answered; what it thinks of the name, the library will tell
    return True
