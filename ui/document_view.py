"""Document text as markup: the only place where it happens, and everything is escaped here."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

import streamlit as st

from rag_core import Citation, Document, SearchHit, Span
from rag_core.answers import find_markers
from ui.text import plain, reachable

BEFORE, AFTER = 260, 800  # characters: little before, so that the place is seen at once
PART = 50_000  # characters drawn at once: a browser chokes on a whole novel
ANSWER_TEXT = "white-space:pre-wrap;overflow-wrap:anywhere;line-height:1.6"
# An amber that reads on paper and on slate; underlined too, so that colour is not the only sign.
_MARK = (
    "background:rgba(245,176,65,.32);color:inherit;border-bottom:2px solid #d98e04;"
    "border-radius:.15em;padding:.05em .1em;scroll-margin:6rem"
)
NUMBER = (
    "font-size:.72em;font-weight:700;vertical-align:super;line-height:1.3;padding:.1em .35em;"
    "margin-left:.15em;border-radius:.6em;background:rgba(60,160,150,.22)"
)
_SCROLL = """<script>document.getElementById("KEY")?.scrollIntoView({block: "center"})</script>"""
# While an answer comes, every piece draws its links anew: the one that was pressed is gone before
# it is let go, and no click comes about. So the press itself leads, and shows where it led.
PRESSED = """<script>
if (!window.ragscopePressed) {
  window.ragscopePressed = true;
  document.addEventListener("pointerdown", (event) => {
    const link = event.target.closest?.('a[href^="#source-"]');
    const source = link && document.getElementById(link.hash.slice(1));
    if (!source || event.button !== 0) return;
    source.scrollIntoView({ block: "center" });
    source.animate([{ background: "rgba(245,176,65,.6)" }, {}], 2500);
  });
}
</script>"""
# A page that asks for a question keeps to its own end: a long source would push its answer away.
# What scrolls by itself has to be reached by the keyboard too.
_BESIDE = 'tabindex="0" style="max-height:min(24rem,50vh);overflow-y:auto"'
_BREAK = re.compile(r"\n\s*\n")


def marked_html(text: str, marks: Sequence[tuple[int, int]] = (), *, anchor: str = "") -> str:
    """Return the text as HTML with [start, end) ranges marked; ranges must not overlap.

    `anchor` becomes the first mark's element id.
    """
    parts, place = [], 0
    for number, (start, end) in enumerate(sorted(marks)):
        name = f' id="{html.escape(anchor)}"' if anchor and number == 0 else ""
        parts.append(html.escape(text[place:start]))
        parts.append(f'<mark{name} style="{_MARK}">{html.escape(text[start:end])}</mark>')
        place = end
    parts.append(html.escape(text[place:]))
    return f'<div dir="auto" style="{ANSWER_TEXT}">{"".join(parts)}</div>'


def answer_html(text: str, sources: Sequence[SearchHit], *, link: str = "") -> str:
    """Return an answer as HTML: its text as it stands, each citation as a raised number.

    A number that no source has, or that belongs to a quoted text, stays as it was written. With
    `link`, each number leads to the element `link-NUMBER` of the page.
    """
    parts, place = [], 0
    for marker in find_markers(text, sources):
        parts.append(html.escape(text[place : marker.start].rstrip(" ")))
        number = f'<span style="{NUMBER}">{marker.citation.number}</span>'
        to = f"#{html.escape(link)}-{marker.citation.number}"
        parts.append(f'<a href="{to}" style="color:inherit">{number}</a>' if link else number)
        place = marker.end
    parts.append(html.escape(text[place:]))
    return f'<div dir="auto" style="{ANSWER_TEXT}">{"".join(parts)}</div>'


def place_label(anchor: str, title: str, text: str) -> str:
    """Return a small excerpt under its title, which links of the page can lead to."""
    return (
        f'<div id="{html.escape(anchor)}" dir="auto" style="font-size:.85em;opacity:.8;'
        f'overflow-wrap:anywhere;scroll-margin:6rem"><b>{html.escape(title)}</b> '
        f"{html.escape(' '.join(text.split()))}</div>"
    )


def passage(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the range around a place that is shown: whole paragraphs where they are near."""
    low, high = max(0, start - BEFORE), min(len(text), end + AFTER)
    if low:
        gap = _BREAK.search(text, low, start)
        low = gap.end() if gap else (text.find(" ", low, start) + 1 or low)
    if high < len(text):
        gaps = list(_BREAK.finditer(text, end, high))
        high = gaps[-1].start() if gaps else max(text.rfind(" ", end, high), end)
    return low, high


def part_of(offset: int) -> int:
    """Return the number, from 1, of the part of a document in which a character stands."""
    return offset // PART + 1


def part(text: str, number: int) -> tuple[int, int]:
    """Return the range of a part, numbered from 1."""
    return (number - 1) * PART, min(number * PART, len(text))


def within(span: Span, low: int, high: int) -> list[tuple[int, int]]:
    """Return the range of a span in `text[low:high]`, or nothing if it lies outside."""
    start, end = max(span.start, low), min(span.end, high)
    return [(start - low, end - low)] if start < end else []


def place_of(document: Document, span: Span) -> str:
    """Return where a span stands, for people: its page if there are pages, else its characters."""
    page = document.page_at(span.start)
    where = f"page {page}" if page else f"characters {span.start:,} to {span.end:,}"
    return f"{where} of {len(document.pages):,}" if page else where


def show_passage(document: Document, span: Span, *, key: str) -> None:
    """Show the cited place in its surroundings, and on request the whole document."""
    if st.toggle("Whole document", key=f"{key}-whole"):
        show_whole(document, span, key=key)
        return
    low, high = passage(document.text, span.start, span.end)
    marks = within(span, low, high)
    shown = marked_html(document.text[low:high], marks, anchor=f"{key}-mark")
    around = ("…" if low else "") + shown + ("…" if high < len(document.text) else "")
    with st.container(border=True, key=f"{key}-text"):
        script = _SCROLL.replace("KEY", f"{key}-mark").replace("center", "nearest")
        st.html(f"<div {_BESIDE}>{around}</div>" + script, unsafe_allow_javascript=True)


def show_whole(document: Document, span: Span | None, *, key: str) -> None:
    """Show a document, a long one in parts; the one with the span first, scrolled to it."""
    parts = part_of(max(0, len(document.text) - 1))
    number = 1
    if parts > 1:
        number = st.pagination(parts, default=part_of(span.start) if span else 1, key=f"{key}-part")
    low, high = part(document.text, number)
    marks = within(span, low, high) if span else []
    shown = marked_html(document.text[low:high], marks, anchor=f"{key}-mark")
    # A key a part: a new part is read from its top, not from where the last one was left.
    with st.container(height=520, border=True, key=f"{key}-text-{number}"):
        # The script is ours and constant but for the key; every character of text is escaped.
        script = _SCROLL.replace("KEY", f"{key}-mark")
        st.html(reachable(shown) + script, unsafe_allow_javascript=True)


def citation_label(citation: Citation, page: int | None) -> str:
    """Return a citation's button label: its number, document and page."""
    name = plain(str(citation.hit.chunk.metadata.get("name", "")), limit=40)
    return f"\\[{citation.number}\\] {name}" + (f" · p. {page}" if page else "")
