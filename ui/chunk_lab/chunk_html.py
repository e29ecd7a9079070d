"""One chunk as markup: its answer marked, its unseen end struck out, everything escaped."""

from __future__ import annotations

import html
import itertools

from rag_core import Chunk, Span

_BEFORE = 160  # characters shown before a marked answer

_TEXT = "white-space:pre-wrap;overflow-wrap:anywhere;line-height:1.5;font-size:.94rem"
_MARK = (
    "background:rgba(245,176,65,.32);color:inherit;border-bottom:2px solid #d98e04;"
    "border-radius:.15em"
)


def chunk_html(
    chunk: Chunk, *, mark: Span | None = None, lost: Span | None = None, seek: Span | None = None
) -> str:
    """Return the chunk's text with what stands in `mark` marked and from `lost` on struck out.

    A long chunk begins, with "…", a little before `seek`, or else the mark, so that this is seen
    at once.
    """
    sought = seek or mark
    inside = sought is not None and sought.overlaps(chunk.span)
    first = max(chunk.start, sought.start - _BEFORE) if sought and inside else chunk.start
    if first > chunk.start:
        first = chunk.start + chunk.text.find(" ", first - chunk.start) + 1
    cuts = {first, chunk.end}
    for span in (mark, lost):
        if span is not None:
            cuts |= {min(max(place, first), chunk.end) for place in (span.start, span.end)}
    edges = sorted(cuts)
    parts = ["…"] if first > chunk.start else []
    for start, end in itertools.pairwise(edges):
        text = html.escape(chunk.text[start - chunk.start : end - chunk.start])
        if mark is not None and mark.start <= start and end <= mark.end:
            text = f'<mark style="{_MARK}">{text}</mark>'
        if lost is not None and start >= lost.start:
            text = f'<s style="opacity:.6">{text}</s>'
        parts.append(text)
    return f'<div dir="auto" style="{_TEXT}">{"".join(parts)}</div>'
