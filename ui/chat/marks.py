"""An answer with the referee's marks: markup in which every character of text is escaped.

No mark is told by its colour alone: each sentence ends in a sign, each other mark in words.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from rag_core import SearchHit
from rag_core.answers import find_markers
from rag_core.referee import Review, Verdict
from ui.document_view import ANSWER_TEXT, NUMBER

SIGNS: dict[Verdict, str] = {"supported": "✓", "weak": "≈", "unsupported": "✗", "uncited": "○"}
MEANINGS: dict[Verdict, str] = {
    "supported": "its sources bear it out",
    "weak": "its sources bear out part of it",
    "unsupported": "its sources do not bear it out",
    "uncited": "it names no source",
}
_LINES: dict[Verdict, str] = {
    "supported": "2px solid #2e9e6b",
    "weak": "2px dashed #c98a00",
    "unsupported": "2px double #d1495b",
    "uncited": "2px dotted #7d8590",
}
_SIGN = "font-size:.8em;font-weight:700;margin:0 .25em 0 .1em"
_LABEL = (
    "font-size:.72em;border:1px solid currentColor;border-radius:.5em;padding:0 .35em;"
    "margin:0 .25em;opacity:.85;white-space:nowrap"
)
_STRAY = "background:rgba(209,73,91,.22);border-bottom:2px double #d1495b"


@dataclass(frozen=True, slots=True)
class _Piece:
    """Markup that stands at a place of the text, and how far text is left out for it."""

    start: int
    end: int
    markup: str


def checked_html(text: str, sources: Sequence[SearchHit], review: Review) -> str:
    """Return an answer as HTML, each sentence underlined by its verdict and every finding named."""
    pieces = sorted(_pieces(text, sources, review), key=lambda piece: (piece.start, piece.end))
    styles = {
        place: line
        for sentence in review.sentences
        for place, line in ((sentence.start, _LINES[sentence.verdict]), (sentence.end, ""))
    }
    starts = {sentence.start: _LINES[sentence.verdict] for sentence in review.sentences}
    places = {at for piece in pieces for at in (piece.start, piece.end)}
    edges = sorted({0, len(text), *styles, *places})
    parts, line, skip = [], "", 0
    for number, edge in enumerate(edges):
        if edge in styles:
            line = starts.get(edge, "")
        parts += [piece.markup for piece in pieces if piece.start == edge]
        skip = max([skip, *(piece.end for piece in pieces if piece.start == edge)])
        after = edges[number + 1] if number + 1 < len(edges) else len(text)
        if edge < skip or edge == after:
            continue
        shown = html.escape(text[edge:after])
        parts.append(f'<span style="border-bottom:{line}">{shown}</span>' if line else shown)
    return f'<div dir="auto" style="{ANSWER_TEXT}">{"".join(parts)}</div>'


def legend(review: Review) -> str:
    """Return one line that counts the verdicts: "2 sentences ✓ supported, 1 ✗ unsupported"."""
    counted = {
        verdict: sum(sentence.verdict == verdict for sentence in review.sentences)
        for verdict in SIGNS
    }
    said = [f"{count} {SIGNS[verdict]} {verdict}" for verdict, count in counted.items() if count]
    stray = sum(len(sentence.stray_numbers) for sentence in review.sentences)
    said += [f"{stray} number{'s' * (stray > 1)} in no cited source"] if stray else []
    said += [f"{len(review.invented)} invented citation{'s' * (len(review.invented) > 1)}"] * bool(
        review.invented
    )
    return "Sentences: " + ", ".join(said) if said else ""


def _pieces(text: str, sources: Sequence[SearchHit], review: Review) -> list[_Piece]:
    found = []
    for marker in find_markers(text, sources):
        start = len(text[: marker.start].rstrip(" "))
        number = marker.citation.number
        found.append(_Piece(start, marker.end, citation_button(number)))
    for sentence in review.sentences:
        sign, meaning = SIGNS[sentence.verdict], MEANINGS[sentence.verdict]
        about = (
            f"{sentence.verdict}: {meaning} (words {sentence.overlap:.0%}, meaning "
            f"{sentence.similarity:.2f})"
        )
        # The word too where a reader has to beware: nobody hovers over a projector.
        said = sign if sentence.verdict == "supported" else f"{sign} {sentence.verdict}"
        markup = f'<span style="{_SIGN}" title="{html.escape(about)}">{said}</span>'
        found.append(_Piece(sentence.end, sentence.end, markup))
        for stray in sentence.stray_numbers:
            elsewhere = ", ".join(f"[{n}]" for n in stray.elsewhere)
            said = f"only in {elsewhere}" if elsewhere else "in no source"
            shown = html.escape(text[stray.start : stray.end])
            markup = f'<span style="{_STRAY}">{shown}</span><span style="{_LABEL}">{said}</span>'
            found.append(_Piece(stray.start, stray.end, markup))
    for quotation in review.quotations:
        end = min(quotation.end + 1, len(text))  # behind the closing mark
        found.append(_Piece(end, end, f'<span style="{_LABEL}">{quotation.label}</span>'))
    for invented in review.invented:
        shown = html.escape(text[invented.start : invented.end])
        markup = f'<s>{shown}</s><span style="{_LABEL}">no such source</span>'
        found.append(_Piece(invented.start, invented.end, markup))
    return found


def citation_button(number: int) -> str:
    """Return a citation's number as a button for the answer's own component."""
    return (
        f'<button type="button" class="cite" data-cite="{number}" '
        f'aria-label="Open source {number}" style="{NUMBER}">{number}</button>'
    )
