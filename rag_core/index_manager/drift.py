"""A watch over the model itself: are the same texts still given the same vectors?"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from rag_core.embedders.cached import CachedEmbedder
from rag_core.errors import HomeError, ModelError
from rag_core.index_manager.building import sampled
from rag_core.pipeline import RagPipeline

PROBES = 20
ALARM = 0.999  # below it something else than rounding has changed
_KEPT = 200  # checks
_PROBES, _HISTORY = "drift.probes", "drift.history"


@dataclass(frozen=True, slots=True)
class DriftCheck:
    """One check: the cosine of each probe's vector of old to its vector now.

    `drifted` says that some probe is further off than rounding explains.
    """

    checked_at: float
    model: str
    fingerprint: str
    cosines: tuple[float, ...]

    @property
    def lowest(self) -> float:
        """The cosine of the probe that moved most."""
        return min(self.cosines, default=1.0)

    @property
    def median(self) -> float:
        """The cosine of the probe in the middle."""
        return float(np.median(self.cosines)) if self.cosines else 1.0

    @property
    def drifted(self) -> bool:
        """Whether the model is not the one the vectors come from."""
        return self.lowest < ALARM


def check_drift(pipeline: RagPipeline) -> DriftCheck:
    """Embed the probes again, past the cache, and note how near they come to their old vectors.

    The probes are chosen at the first check with a model: chunks of the index, with the vectors
    that it has. They stay the same ones from then on, whatever becomes of their documents.

    Raises:
        HomeError: when there is nothing to choose probes from.
        FingerprintError: when the collection is of another model than the pipeline.
        ModelError: when the model does not answer.
    """
    embedder = pipeline.embedder
    texts, old = _probes(pipeline)
    inner = embedder.inner if isinstance(embedder, CachedEmbedder) else embedder
    now = np.asarray(inner.embed_documents(texts), dtype=np.float32)
    if now.shape != old.shape:
        raise ModelError(
            f"{embedder.name} gives vectors of {now.shape[1]} numbers now, not {old.shape[1]}.",
            hint="The model was changed: rebuild the index with it.",
        )
    lengths = np.linalg.norm(old, axis=1) * np.linalg.norm(now, axis=1)
    cosines = np.sum(old * now, axis=1) / np.maximum(lengths, 1e-12)
    check = DriftCheck(
        time.time(),
        embedder.name,
        embedder.fingerprint,
        tuple(float(cosine) for cosine in cosines),
    )
    noted = [*_noted(pipeline), _packed(check)][-_KEPT:]
    pipeline.home.settings.put(pipeline.collection, _HISTORY, noted)
    return check


def drift_history(pipeline: RagPipeline) -> list[DriftCheck]:
    """Return the checks so far, the oldest first."""
    return [
        DriftCheck(row["at"], row["model"], row["fingerprint"], tuple(row["cosines"]))
        for row in _noted(pipeline)
    ]


def probes(pipeline: RagPipeline) -> list[str]:
    """Return the texts that are embedded at every check; none before the first."""
    kept = pipeline.home.settings.get(pipeline.collection, _PROBES) or {}
    return list(kept.get("texts", ()))


def _probes(pipeline: RagPipeline) -> tuple[list[str], np.ndarray]:
    home, collection = pipeline.home, pipeline.collection
    fingerprint = pipeline.embedder.fingerprint
    kept = home.settings.get(collection, _PROBES) or {}
    if kept.get("fingerprint") != fingerprint:
        chunks = sorted(home.catalog.chunks(collection), key=lambda chunk: chunk.id)
        by_id = {chunk.id: chunk.text for chunk in chunks}
        ids = sampled(list(by_id), PROBES)
        vectors = pipeline.index_vectors(ids)
        ids = [id_ for id_ in ids if id_ in vectors]
        if not ids:
            raise HomeError(
                "There is nothing to watch the model by yet.", hint="Index a document first."
            )
        kept = {
            "fingerprint": fingerprint,
            "texts": [by_id[id_] for id_ in ids],
            "vectors": [[float(number) for number in vectors[id_]] for id_ in ids],
        }
        home.settings.put(collection, _PROBES, kept)
    return list(kept["texts"]), np.array(kept["vectors"], dtype=np.float32)


def _noted(pipeline: RagPipeline) -> list[dict[str, Any]]:
    return list(pipeline.home.settings.get(pipeline.collection, _HISTORY) or [])


def _packed(check: DriftCheck) -> dict[str, Any]:
    return {
        "at": check.checked_at,
        "model": check.model,
        "fingerprint": check.fingerprint,
        "cosines": list(check.cosines),
    }
