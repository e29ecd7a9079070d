"""Token vectors in two bits a number: a sixteenth of the room, and nearly the same MaxSim.

A number of a unit vector in d dimensions is of the size of 1 / sqrt(d). Four levels around zero,
that far apart, keep its sign and whether it is a large one.

Source: Santhanam et al., "ColBERTv2", NAACL 2022, keeps one or two bits a number, of what is left
beside the nearest of many centroids; without centroids there is nothing to train.
"""

from __future__ import annotations

import zlib
from typing import cast

import numpy as np

from rag_core.protocols import FloatArray, IntArray, TokenVectors

_LEVELS = np.array([-1.5, -0.5, 0.5, 1.5], dtype=np.float32)
_LOWEST, _HIGHEST = -2, 1
_IN_BYTE = 4
# The four levels that each byte stands for, (256, 4)
_UNPACKED = _LEVELS[(np.arange(256)[:, None] >> np.array([0, 2, 4, 6])) & 3]


def quantized(tokens: TokenVectors) -> TokenVectors:
    """Return the vectors as they come back from `pack` and `unpack`, rows of unit length."""
    return TokenVectors(_unpacked(_packed(tokens.vectors), tokens.vectors.shape[1]), tokens.offsets)


def pack(tokens: TokenVectors) -> bytes:
    """Return token vectors as bytes: d / 4 for a token's vector, and 8 for its offsets."""
    count, dimension = tokens.vectors.shape
    body = tokens.offsets.astype("<u4").tobytes() + _packed(tokens.vectors).tobytes()
    return np.array([count, dimension, zlib.crc32(body)], dtype="<u4").tobytes() + body


def unpack(kept: bytes) -> TokenVectors | None:
    """Return what was packed, or None when the bytes are not what `pack` made."""
    if len(kept) < 12:
        return None
    count, dimension, checksum = np.frombuffer(kept, dtype="<u4", count=3).tolist()
    body, begin = kept[12:], 8 * count
    if zlib.crc32(body) != checksum or len(body) != begin + count * _bytes(dimension):
        return None
    offsets = cast(IntArray, np.frombuffer(body[:begin], dtype="<u4").astype(np.int64))
    rows = np.frombuffer(body[begin:], dtype=np.uint8).reshape(count, _bytes(dimension))
    return TokenVectors(_unpacked(rows, dimension), offsets.reshape(count, 2))


def _bytes(dimension: int) -> int:
    return -(-dimension // _IN_BYTE)


def _packed(vectors: FloatArray) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    count, dimension = vectors.shape
    levels = np.zeros((count, _bytes(dimension) * _IN_BYTE), dtype=np.uint8)
    steps = np.floor(vectors * np.sqrt(dimension))
    levels[:, :dimension] = np.clip(steps, _LOWEST, _HIGHEST) - _LOWEST
    fours = levels.reshape(count, _bytes(dimension), _IN_BYTE)
    packed = fours[..., 0] | fours[..., 1] << 2 | fours[..., 2] << 4 | fours[..., 3] << 6
    return cast("np.ndarray[tuple[int, int], np.dtype[np.uint8]]", packed)


def _unpacked(rows: np.ndarray[tuple[int, int], np.dtype[np.uint8]], dimension: int) -> FloatArray:
    vectors = _UNPACKED[rows].reshape(len(rows), rows.shape[1] * _IN_BYTE)[:, :dimension]
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: FloatArray = vectors / norms
    return scaled
