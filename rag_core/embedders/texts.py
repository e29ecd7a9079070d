"""What every tokenizer and every server can take."""

from __future__ import annotations


def encodable(text: str) -> str:
    """Return the text with a "?" for each lone surrogate, which UTF-8 cannot say.

    Broken files and old file names bring such halves of characters along. Offsets stay true.
    """
    return text.encode("utf-8", "replace").decode("utf-8")
