"""Which texts are compared: the lesson's, one's own, or chunks of the collection."""

from __future__ import annotations

import streamlit as st

from rag_core.similarity_lab.examples import MOST_TEXTS, PROBLEM_1, texts_from
from ui import services

LESSON, OWN, COLLECTION = "Problem 1", "Own texts", "Collection"
_LINKED = 1_500  # characters of own texts that a link carries


def pick(collection: str) -> list[str]:
    """Let the person choose; return no text while there is nothing to compare."""
    chosen = st.segmented_control(
        "Texts", [LESSON, OWN, COLLECTION], default=LESSON, required=True, key="texts",
        bind="query-params",
        help="Problem 1 of the lesson: eight sentences about snakes, jungles and languages.",
    )  # fmt: skip
    if chosen == OWN:
        return _own()
    if chosen == COLLECTION:
        return _chunks(collection)
    return list(PROBLEM_1)


def _own() -> list[str]:
    # Not bound: a link as long as a book opens nowhere. Short texts go into it by hand.
    if "own_texts" not in st.session_state:
        st.session_state["own_texts"] = st.query_params.get("own") or "\n".join(PROBLEM_1)
    typed = st.text_area(
        "One text a line", key="own_texts", height=190, persist_state="session",
        placeholder="Type or paste some texts, one a line or a paragraph each",
        help=f"Up to {MOST_TEXTS}. With blank lines between them, paragraphs are the texts. Short "
        "ones are part of the link.",
    )  # fmt: skip
    if typed and len(typed) <= _LINKED:
        st.query_params["own"] = typed
    else:
        st.query_params.pop("own", None)
    return texts_from(typed or "")


def _chunks(collection: str) -> list[str]:
    infos = services.pipeline(collection).documents()
    if not infos:
        return []
    every = "All documents"
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    name = left.selectbox(
        "Document", [every, *(info.name for info in infos)], key="document", bind="query-params"
    )
    count = right.slider("Chunks", 2, MOST_TEXTS, 40, key="count", bind="query-params")
    chosen = [info for info in infos if name in (every, info.name)]
    texts = [
        chunk.text for info in chosen for chunk in services.pipeline(collection).chunks(info.id)
    ]
    step = max(1.0, len(texts) / count)  # spread evenly, so that every part of it is there
    return [texts[int(place * step)] for place in range(min(count, len(texts)))]
