"""Texts of similar length together: a model pads every text of a batch to its longest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

# As many padded tokens take about as long as a batch takes by being one: of fourteen sentences in
# one batch a third was padding.
WORTH_A_BATCH = 60


def batches_by_length(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Yield the places of texts, longest first, in batches of at most `most` padded tokens.

    Longest first also makes a progress estimate pessimistic rather than hopeful.

    Args:
        lengths: of the texts, in tokens.
        most: padded tokens in a batch, but for a single text that is longer.
    """
    batch: list[int] = []
    padding = 0
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        longest = lengths[batch[0]] if batch else lengths[place]
        padding += longest - lengths[place]
        if (len(batch) + 1) * longest > most or padding > WORTH_A_BATCH:
            if batch:
                yield batch
            batch, padding = [], 0
        batch.append(place)
    if batch:
        yield batch
