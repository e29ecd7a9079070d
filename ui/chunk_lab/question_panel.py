"""The Question panel: what every strategy finds, and what it did to the answer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import streamlit as st

from rag_core import Chunk, SearchHit
from rag_core.chunk_lab.cutting import Choice
from rag_core.chunk_lab.marks import holds_token
from rag_core.chunk_lab.survival import OUTCOMES, holders, outcome, rank_of
from rag_core.chunk_report import judge
from ui.chunk_lab import work
from ui.chunk_lab.chunk_html import chunk_html
from ui.chunk_lab.places import Column
from ui.chunk_lab.view import View
from ui.text import reachable

TOP = 3
_ABREAST = 3  # more columns of text than these nobody can read
_BADGES = {"whole": "green", "drowned": "blue", "beyond": "orange", "cut": "red", "missing": "gray"}


def show(view: View) -> None:
    """Ask the question of every strategy and show what each one finds."""
    if not view.question:
        st.info("Type a question above, or choose a known one.", icon=":material/help:")
        return
    ranked = work.rank(view.collection, view.question, [c.chunks for c in view.columns])
    judged = view.mark is not None and holds_token(view.mark, view.tokens)
    _table(view, ranked, judged)
    if not judged:
        st.caption("Mark the answer in the text, and each strategy is judged by it.")
    for first in range(0, len(view.columns), _ABREAST):
        places = st.columns(min(_ABREAST, len(view.columns)))
        for place, number in zip(places, range(first, len(view.columns)), strict=False):
            with place:
                _results(view, number, ranked[number][:TOP], judged)


def _table(view: View, ranked: Sequence[Sequence[SearchHit]], judged: bool) -> None:
    rows = []
    for choice, column, hits in zip(view.choices, view.columns, ranked, strict=True):
        ups, downs = counted(view, choice)
        row: dict[str, object] = {"Strategy": column.title, "Size": column.size}
        row["Best score"] = round(hits[0].score, 3) if hits else None
        if judged and view.mark is not None:
            verdict = judge(column.chunks, view.mark, view.tokens)
            row["Answer"] = outcome(column.chunks, view.mark, view.tokens)
            row["Found at rank"] = rank_of(hits, holders(column.chunks, view.mark))
            row |= {"Recall": verdict.recall, "Precision": verdict.precision, "IoU": verdict.iou}
        rows.append(row | {"Rated good": ups, "Rated bad": downs})
    number = st.column_config.NumberColumn
    st.dataframe(
        rows, hide_index=True, key="judged",
        column_config={
            "Answer": st.column_config.TextColumn(
                help=". ".join(f"{name}: {means}" for name, means in OUTCOMES.items())
            ),
            "Recall": number(format="%.2f", help="Share of the answer's tokens in the best chunk"),
            "Precision": number(format="%.2f", help="Share of that chunk that is the answer"),
            "IoU": number(format="%.2f", help="Shared tokens by tokens of either"),
            "Rated good": number(help="Your ratings of this chunking, all questions together"),
        },
        alt="Best score, fate of the answer and ratings of every strategy",
    )  # fmt: skip


def _results(view: View, number: int, hits: Sequence[SearchHit], judged: bool) -> None:
    column, choice = view.columns[number], view.choices[number]
    badge = ""
    if judged and view.mark is not None:
        name = outcome(column.chunks, view.mark, view.tokens)
        badge = f" :{_BADGES[name]}-badge[{name}]"
    st.markdown(f"**{column.title}**{badge}")
    for hit in hits:
        with st.container(border=True, key=f"hit-{number}-{hit.rank}"):
            _hit(view, column, choice, hit)


def _hit(view: View, column: Column, choice: Choice, hit: SearchHit) -> None:
    chunk = hit.chunk
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f"**{hit.rank}** · {hit.score:.3f} · chunk {chunk.index + 1} · "
            f"{column.report.counts[chunk.index]:,} tokens"
        )
        key = rating_key(view.question, choice, chunk)
        st.feedback(
            "thumbs", key=key, persist_state="session", on_change=_rated,
            args=(key, view.document.id, str(choice)),
        )  # fmt: skip
    with st.container(height=210, border=False, key=f"{key}-text"):
        lost = column.report.unseen[chunk.index]
        st.html(reachable(chunk_html(chunk, mark=view.mark, lost=lost)))


def rating_key(question: str, choice: Choice, chunk: Chunk) -> str:
    """Return the name under which one result of one question is rated."""
    named = f"{question}|{choice}|{chunk.id}".encode()
    return f"rated-{hashlib.sha256(named).hexdigest()[:16]}"


def _rated(key: str, document_id: str, choice: str) -> None:
    kept = st.session_state.setdefault("chunk_ratings", {})
    kept[key] = (document_id, choice, st.session_state.get(key))


def counted(view: View, choice: Choice) -> tuple[int, int]:
    """Return how many results of this chunking were rated good and bad in this session."""
    kept = st.session_state.get("chunk_ratings", {}).values()
    given = [
        rating for place, name, rating in kept if (place, name) == (view.document.id, str(choice))
    ]
    return given.count(1), given.count(0)
