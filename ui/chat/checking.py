"""Letting the referee read an answer: as it comes, and again when a kept one is opened."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from rag_core import Chunk, SearchHit
from rag_core.referee import review
from ui import services
from ui.chat.talk import Shown


def check(collection: str, shown: Shown) -> None:
    """Check an answer against its sources; one that found nothing has nothing to check."""
    if not shown.said.found:
        return
    with st.spinner("Checking the answer against its sources"):
        embedder = services.pipeline(collection).embedder
        shown.review = review(shown.said.text, sources(shown), embedder)


def check_again(collection: str, shown: Shown) -> None:
    """Check a kept answer against what it cited, unless that would be sent to a paid provider."""
    if shown.said.citations and not services.pipeline(collection).embedder.remote:
        check(collection, shown)


def sources(shown: Shown) -> Sequence[SearchHit]:
    """Return what an answer's numbers stand for; of a kept one, the places that it cited."""
    if shown.sources is not None:
        return shown.sources
    places = shown.said.citations
    return [
        _hit(shown, number) for number in range(1, max((p.number for p in places), default=0) + 1)
    ]


def _hit(shown: Shown, number: int) -> SearchHit:
    cited = [place for place in shown.said.citations if place.number == number]
    text = "\n".join(place.text for place in cited)
    start = cited[0].start if cited else 0
    document, name = (cited[0].document_id, cited[0].document) if cited else ("", "")
    chunk = Chunk(
        f"kept-{number}", document, number - 1, start, start + len(text), text, {"name": name}
    )
    return SearchHit(chunk, number, 0.0)
