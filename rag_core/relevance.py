"""Whether a text comes near a question at all."""

from __future__ import annotations

from rag_core.protocols import TokenVectors

# Nothing below it is worth a model's time: of the questions that benchmarks/thresholds.py asks, one
# in a hundred answerable ones lies below 0.39, and other documents may lie further off. A model
# judges for itself what the sources say; it is only spared what nothing comes near.
RELEVANT = 0.35


def support(question: str, asked: TokenVectors, text: TokenVectors) -> float:
    """Return how well a text holds a question's tokens: their mean best cosine, -1 to 1."""
    if not question or not len(asked.vectors) or not len(text.vectors):
        return -1.0
    return float((asked.vectors @ text.vectors.T).max(axis=1).mean())
