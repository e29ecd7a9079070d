"""Plain text: decoded in this process, for it needs no parser and costs little."""

from __future__ import annotations

from rag_core.loaders.encodings import decode
from rag_core.loaders.limits import Limits
from rag_core.loaders.parsed import OnStep, Parsed, check_characters


def parse_plain(data: bytes, limits: Limits, on_step: OnStep) -> Parsed:
    """Return the text as it is written, markup included."""
    decoded = decode(data)
    check_characters(len(decoded.text), limits.max_characters)
    on_step(1, 1)
    return Parsed(decoded.text, {"encoding": decoded.encoding}, notes=decoded.notes)
