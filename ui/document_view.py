"""Document text as markup: the only place where it happens, and everything is escaped here."""

from __future__ import annotations

import html
import re

import streamlit as st

from rag_core import Citation, Document, Span
from ui.text import plain

AROUND = 700  # characters before and after the cited place
_TEXT = "white-space:pre-wrap;overflow-wrap:anywhere;line-height:1.6"
# An amber that reads on paper and on slate; underlined too, so that colour is not the only sign.
_MARK = (
    "background:rgba(245,176,65,.32);color:inherit;border-bottom:2px solid #d98e04;"
    "border-radius:.15em;padding:.05em .1em;scroll-margin:6rem"
)
_NUMBER = (
    "font-size:.72em;font-weight:700;vertical-align:super;line-height:0;padding:.1em .35em;"
    "margin-left:.15em;border-radius:.6em;background:rgba(60,160,150,.22)"
)
_CITED = re.compile(r"\[(\d{1,3})\]")
_BREAK = re.compile(r"\n\s*\n")


def marked_html(text: str, marks: list[tuple[int, int]] = []) -> str:  # noqa: B006  # read only
    """Return the text as HTML with [start, end) ranges marked; ranges must not overlap."""
    parts, place = [], 0
    for start, end in sorted(marks):
        parts.append(html.escape(text[place:start]))
        parts.append(f'<mark style="{_MARK}">{html.escape(text[start:end])}</mark>')
        place = end
    parts.append(html.escape(text[place:]))
    return f'<div dir="auto" style="{_TEXT}">{"".join(parts)}</div>'


def answer_html(text: str, sources: int) -> str:
    """Return an answer as HTML: its text as it stands, each `[n]` of a source as a raised number.

    A number that no source has stays as it was written.
    """
    parts, place = [], 0
    for match in _CITED.finditer(text):
        if 1 <= int(match[1]) <= sources:
            parts.append(html.escape(text[place : match.start()].rstrip(" ")))
            parts.append(f'<span style="{_NUMBER}">{match[1]}</span>')
            place = match.end()
    parts.append(html.escape(text[place:]))
    return f'<div dir="auto" style="{_TEXT}">{"".join(parts)}</div>'


def passage(text: str, start: int, end: int, around: int = AROUND) -> tuple[int, int]:
    """Return the range around a place that is shown: whole paragraphs where they are near."""
    low, high = max(0, start - around), min(len(text), end + around)
    if low:
        gap = _BREAK.search(text, low, start)
        low = gap.end() if gap else (text.find(" ", low, start) + 1 or low)
    if high < len(text):
        gaps = list(_BREAK.finditer(text, end, high))
        high = gaps[-1].start() if gaps else max(text.rfind(" ", end, high), end)
    return low, high


def place_of(document: Document, span: Span) -> str:
    """Return where a span stands, for people: its page if there are pages, else its characters."""
    page = document.page_at(span.start)
    where = f"page {page}" if page else f"characters {span.start:,} to {span.end:,}"
    return f"{where} of {len(document.pages):,}" if page else where


def show_passage(document: Document, span: Span, *, key: str) -> None:
    """Show the cited place in its surroundings, and on request the whole document."""
    st.caption(f"{plain(document.name)} · {place_of(document, span)}")
    whole = st.toggle("Whole document", key=f"{key}-whole")
    low, high = (0, len(document.text)) if whole else passage(document.text, span.start, span.end)
    shown = document.text[low:high]
    with st.container(height=520 if whole else "content", border=True, key=f"{key}-text"):
        st.html(
            ("…" if low else "")
            + marked_html(shown, [(span.start - low, span.end - low)])
            + ("…" if high < len(document.text) else "")
        )


def citation_label(citation: Citation) -> str:
    """Return a citation's button label: its number, document and page."""
    metadata = citation.hit.chunk.metadata
    page = f" · p. {metadata['page']}" if "page" in metadata else ""
    return f"\\[{citation.number}\\] {plain(str(metadata.get('name', '')), limit=40)}{page}"
