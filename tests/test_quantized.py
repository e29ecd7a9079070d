"""Token vectors in two bits a number."""

import numpy as np
import pytest
from hash_embedder import HashEmbedder

from rag_core.late_interaction import maxsim
from rag_core.protocols import TokenVectors
from rag_core.quantized import pack, quantized, unpack


def tokens(count, dimension, seed=1):
    vectors = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    offsets = np.arange(2 * count, dtype=np.int64).reshape(count, 2)
    return TokenVectors(vectors, offsets)


@pytest.mark.parametrize("dimension", [1, 3, 4, 5, 384])
@pytest.mark.parametrize("count", [0, 1, 7])
def test_what_is_unpacked_is_what_is_quantized(count, dimension):
    given = tokens(count, dimension)
    found, again = unpack(pack(given)), quantized(given)
    assert np.array_equal(found.vectors, again.vectors)
    assert np.array_equal(found.offsets, again.offsets)
    assert np.array_equal(found.offsets, given.offsets)
    assert found.vectors.shape == (count, dimension)
    assert (found.vectors.dtype, found.offsets.dtype) == (np.float32, np.int64)
    assert np.allclose(np.linalg.norm(found.vectors, axis=1), 1, atol=1e-6)


def test_nothing_is_lost_by_doing_it_twice():
    once = quantized(tokens(5, 384))
    assert np.array_equal(quantized(once).vectors, once.vectors)


def test_the_nearest_stays_the_nearest_in_a_sixteenth_of_the_room():
    given = tokens(200, 384)
    asked = given.vectors[::10] + np.float32(0.01)
    kept = quantized(given).vectors
    assert np.array_equal((asked @ kept.T).argmax(axis=1), np.arange(0, 200, 10))
    assert (given.vectors * kept).sum(axis=1).min() > 0.9
    assert len(pack(given)) < given.vectors.nbytes / 16 + 10 * len(given.vectors)


def test_texts_that_share_words_come_nearer_than_others():
    embedder = HashEmbedder()
    asked, near, far = embedder.embed_tokens(["red boat", "a red boat sailed", "snow in March"])
    found = [maxsim(asked.vectors, quantized(one).vectors) for one in (near, far)]
    assert found[0] > 0.9 > 0.5 > found[1]


@pytest.mark.parametrize("damage", [b"", b"abc", "torn", "longer", "flipped", "another size"])
def test_what_is_damaged_is_told(damage):
    whole = pack(tokens(3, 8))
    damaged = {
        "torn": whole[:-1],
        "longer": whole + b"\0",
        "flipped": whole[:-2] + bytes([whole[-2] ^ 1]) + whole[-1:],
        "another size": whole[:4] + bytes([9]) + whole[5:],
    }.get(damage, damage)
    assert unpack(damaged) is None
