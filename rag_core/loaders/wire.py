"""Frames between this process and a reader process: a JSON header, then raw bytes.

Never pickle: what comes back was made by a parser that has just read a stranger's file.
"""

from __future__ import annotations

import json
import struct
from typing import Any, BinaryIO

Header = dict[str, Any]
_LENGTHS = struct.Struct(">IQ")


def write_frame(stream: BinaryIO, header: Header, body: bytes = b"") -> None:
    """Write one frame and flush; raises OSError when the other side is gone."""
    encoded = json.dumps(header).encode("ascii")
    stream.write(_LENGTHS.pack(len(encoded), len(body)) + encoded)
    stream.write(body)
    stream.flush()


def read_frame(stream: BinaryIO) -> tuple[Header, bytes] | None:
    """Return the next frame, or None when the other side is gone, in mid-frame or before."""
    lengths = _exactly(stream, _LENGTHS.size)
    if lengths is None:
        return None
    header_length, body_length = _LENGTHS.unpack(lengths)
    header, body = _exactly(stream, header_length), _exactly(stream, body_length)
    if header is None or body is None:
        return None
    decoded: Header = json.loads(header)
    return decoded, body


def _exactly(stream: BinaryIO, count: int) -> bytes | None:
    data = stream.read(count)
    return data if len(data) == count else None
