"""What a chunking does to a document, in numbers: sizes, repeats, unseen text, cut answers.

Everything is counted in the embedding model's tokens, by their places in the document, so that
two chunkings of one text are measured with the same rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rag_core.datatypes import Chunk, Span
from rag_core.embedders.tokenizer import MAX_TOKENS, SPECIAL_TOKENS
from rag_core.protocols import IntArray

READABLE = MAX_TOKENS - SPECIAL_TOKENS
DROWNED_BELOW = 0.1  # an answer that is less than a tenth of its chunk has little say in its vector
Fate = Literal["whole", "drowned", "cut", "missing"]


@dataclass(frozen=True, slots=True)
class ChunkingReport:
    """One chunking of one document. All sizes are in tokens.

    `counts[i]` belongs to chunk i. `repeated` is the share (0 to 1) of stored tokens that are
    stored more than once through overlap; `unseen[i]` is the part of chunk i past what the model
    reads, as character offsets in the document, or None.
    """

    counts: tuple[int, ...]
    repeated: float
    unseen: tuple[Span | None, ...]
    unseen_tokens: int

    @property
    def chunks(self) -> int:
        """The number of chunks."""
        return len(self.counts)

    @property
    def minimum(self) -> int:
        """The smallest chunk."""
        return min(self.counts, default=0)

    @property
    def maximum(self) -> int:
        """The largest chunk."""
        return max(self.counts, default=0)

    @property
    def mean(self) -> float:
        """The mean size."""
        return float(np.mean(self.counts)) if self.counts else 0.0

    @property
    def deviation(self) -> float:
        """The population standard deviation of the sizes."""
        return float(np.std(self.counts)) if self.counts else 0.0

    @property
    def past_limit(self) -> int:
        """How many chunks are longer than the model reads."""
        return sum(span is not None for span in self.unseen)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an answer's place: in the best single chunk, counted in tokens.

    "whole": some chunk holds all of it; "drowned": some chunk does, but it is less than a tenth of
    that chunk; "cut": only a part stands in any chunk; "missing": nothing of it does. `chunk` is
    that chunk's number, or None. With G the answer's tokens and C the chunk's, recall = |G and C| /
    |G|, precision = |G and C| / |C|, iou = |G and C| / |G or C|.
    """

    fate: Fate
    chunk: int | None
    recall: float
    precision: float
    iou: float


def report(chunks: Sequence[Chunk], tokens: IntArray) -> ChunkingReport:
    """Measure the chunks of one document.

    Args:
        chunks: of one document, in any order.
        tokens: int64 (n, 2), the places of the document's tokens, in order.
    """
    firsts, lasts = _token_ranges(chunks, tokens)
    counts = lasts - firsts
    stored = int(counts.sum())
    # +1 where a chunk begins, -1 behind its end: the running sum is how often a token is stored.
    change = np.zeros(len(tokens) + 1, dtype=np.int64)
    np.add.at(change, firsts, 1)
    np.add.at(change, lasts, -1)
    times = np.cumsum(change)[:-1]
    repeats = int(np.maximum(times - 1, 0).sum())
    return ChunkingReport(
        counts=tuple(int(count) for count in counts),
        repeated=repeats / stored if stored else 0.0,
        unseen=tuple(
            Span(chunk.document_id, int(tokens[first + READABLE, 0]), chunk.end)
            if count > READABLE
            else None
            for chunk, first, count in zip(chunks, firsts, counts, strict=True)
        ),
        unseen_tokens=int(np.maximum(counts - READABLE, 0).sum()),
    )


def judge(chunks: Sequence[Chunk], gold: Span, tokens: IntArray) -> Verdict:
    """Say what a chunking did to an answer's place; the best chunk is the one of highest recall.

    Of several with equal recall the one of highest precision, then the first, is taken.

    Raises:
        ValueError: when no token stands in the gold span.
    """
    low = int(np.searchsorted(tokens[:, 1], gold.start, side="right"))
    high = int(np.searchsorted(tokens[:, 0], gold.end, side="left"))
    if high <= low:
        raise ValueError(f"the span from {gold.start} to {gold.end} holds no token")
    firsts, lasts = _token_ranges(chunks, tokens)
    shared = np.maximum(np.minimum(lasts, high) - np.maximum(firsts, low), 0)
    if not shared.any():
        return Verdict("missing", None, 0.0, 0.0, 0.0)
    sizes = np.maximum(lasts - firsts, 1)
    best = int(np.lexsort((np.arange(len(shared)), -shared / sizes, -shared))[0])
    together = int(shared[best])
    recall, precision = together / (high - low), together / int(sizes[best])
    iou = together / (high - low + int(sizes[best]) - together)
    fate: Fate = "cut" if recall < 1 else "drowned" if precision < DROWNED_BELOW else "whole"
    return Verdict(fate, chunks[best].index, recall, precision, iou)


def _token_ranges(chunks: Sequence[Chunk], tokens: IntArray) -> tuple[IntArray, IntArray]:
    """Return, for every chunk, the numbers of its first token and of the one behind its last."""
    starts = np.array([chunk.start for chunk in chunks], dtype=np.int64)
    ends = np.array([chunk.end for chunk in chunks], dtype=np.int64)
    firsts = np.searchsorted(tokens[:, 1], starts, side="right")
    lasts = np.maximum(np.searchsorted(tokens[:, 0], ends, side="left"), firsts)
    return firsts, lasts
