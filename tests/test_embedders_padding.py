"""Texts of similar length together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_core.embedders.padding import WORTH_A_BATCH, batches_by_length


@given(st.lists(st.integers(1, 300), max_size=60), st.integers(100, 1000))
def test_every_text_is_in_one_batch_with_no_more_padding_than_a_batch_is_worth(lengths, most):
    batches = list(batches_by_length(lengths, most))
    assert sorted(place for batch in batches for place in batch) == list(range(len(lengths)))
    for batch in batches:
        longest = lengths[batch[0]]
        assert longest == max(lengths[place] for place in batch)
        assert len(batch) == 1 or longest * len(batch) <= most
        assert longest * len(batch) - sum(lengths[place] for place in batch) <= WORTH_A_BATCH


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ([], []),
        ([5, 90, 6], [[1], [2, 0]]),  # beside the long one they would be padding for the most part
        ([40, 40, 40], [[0, 1, 2]]),
        ([120, 120], [[0], [1]]),  # together more than a batch may have
        ([500], [[0]]),
    ],
)
def test_short_texts_are_not_padded_to_a_long_one(lengths, expected):
    assert list(batches_by_length(lengths, 200)) == expected
