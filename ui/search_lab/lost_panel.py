"""The Lost panel: where did the passage that should have won die?"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from rag_core import Document, SearchHit, Span
from rag_core.chunk_lab.marks import find_mark
from rag_core.findings import Cut, Filtered, Finding, Indexed, Loaded, Ordered, Ranked, Read, Trace
from rag_core.search_lab.lanes import Lane
from ui import services
from ui.document_view import marked_html, within
from ui.search_lab.view import View
from ui.text import number, plain

_ICONS = {"ok": ":material/check_circle:", "failed": ":material/cancel:",
          "not reached": ":material/radio_button_unchecked:"}  # fmt: skip
_COLOURS = {"ok": "green", "failed": "red", "not reached": "gray"}
_ABOVE = 3


def show(view: View) -> None:
    """Ask for the passage, and follow it."""
    lane, document, span = _asked(view)
    if lane is None or document is None or span is None:
        return
    with st.spinner("Following it"):
        trace = services.pipeline(view.collection).trace(view.query, span, options=lane.options)
    _verdict(trace)
    for step in trace.steps:
        st.markdown(
            f":{_COLOURS[step.status]}[{_ICONS[step.status]}] **{step.name}** · {told(step)}"
        )
    if trace.chunk:
        low, high = trace.chunk.start, trace.chunk.end
        with st.container(border=True, key="lost_text"):
            st.caption(f"The chunk that was followed: number {trace.chunk.index + 1}")
            st.html(marked_html(trace.chunk.text, within(span, low, high)))


def _asked(view: View) -> tuple[Lane | None, Document | None, Span | None]:
    pipeline = services.pipeline(view.collection)
    infos = pipeline.documents()
    left, middle, right = st.columns([2, 3, 5])
    names = [lane.method for lane in view.found]
    method = left.selectbox("Method", names, len(names) - 1, key="lost_method", bind="query-params")
    lane = next((lane for lane in view.found if lane.method == method), None)
    by_name = {info.name: info for info in infos}
    name = middle.selectbox("Document", list(by_name), key="lost_doc", bind="query-params")
    typed = right.text_input(
        "The passage that should have won", key="lost_text_typed", bind="query-params",
        placeholder="its words, or 120-180",
        help="Words as they stand in the document, or their offsets.",
    )  # fmt: skip
    if name not in by_name:
        return lane, None, None
    if not typed:
        st.info(
            "Paste the words of the passage that you expected among the hits. Every step from the "
            "file to the last reranker then says whether it is where the passage was lost.",
            icon=":material/troubleshoot:",
        )
        return lane, None, None
    document = pipeline.document(by_name[name].id)
    span = find_mark(document, typed)
    if span is None or not document.text[span.start : span.end].strip():
        st.warning(
            f"“{plain(typed)}” does not stand in {plain(name)}: it cannot be found there.",
            icon=":material/search_off:",
        )
        return lane, document, None
    return lane, document, span


def _verdict(trace: Trace) -> None:
    if trace.rank is not None:
        st.success(f"It is there, at rank {trace.rank}.", icon=":material/check_circle:")
        return
    died = trace.died_at
    if died is None:
        st.warning("It is not among the hits, and no step says why.", icon=":material/help:")
    else:
        st.error(f"It died here: **{died.name}**. {told(died)}", icon=":material/skull:")


def told(step: Finding) -> str:
    """Return what a step found, in a sentence."""
    if step.status == "not reached":
        return "It did not get this far."
    if isinstance(step, Loaded):
        return _loaded(step)
    if isinstance(step, Filtered):
        return "The filter lets it through." if step.status == "ok" else "The filter keeps it out."
    if isinstance(step, Cut):
        return _cut(step)
    if isinstance(step, Read):
        return _read(step)
    if isinstance(step, Indexed):
        return _indexed(step)
    if isinstance(step, Ranked):
        return _ranked(step)
    return _ordered(step)


def _loaded(step: Loaded) -> str:
    if step.status == "ok":
        return f"{plain(step.document)} is here, and the passage in its text."
    return f"{plain(step.document)} is not here, or the passage is not in its text."


def _cut(step: Cut) -> str:
    if step.status == "ok":
        return (
            f"Chunk {step.parts[0].chunk.index + 1} holds it whole."
            if len(step.parts) == 1
            else f"One of {number(len(step.parts), 'chunk')} holds it whole."
        )
    if not step.parts:
        return "No chunk holds any of it."
    numbers = ", ".join(str(part.chunk.index + 1) for part in step.parts)
    return f"The chunker cut it: chunks {numbers} hold a part each."


def _read(step: Read) -> str:
    if step.status == "ok":
        return (
            f"The model reads it: it stands in the first {step.read:,} of {step.tokens:,} tokens."
        )
    return (
        f"The model reads {step.read:,} of the chunk's {step.tokens:,} tokens; it stands past them."
    )


def _indexed(step: Indexed) -> str:
    cosine = "" if step.cosine is None else f", cosine {step.cosine:.3f}"
    if step.returned is not None:
        return f"The vector index returned it, as number {step.returned:,}{cosine}."
    if step.status == "failed":
        return (
            f"The approximate index overlooked it: by exact cosine it is number "
            f"{step.exact_rank or '?'}, among the {step.wanted:,} asked for{cosine}."
        )
    return (
        f"Not among the {step.wanted:,} nearest; by exact cosine number "
        f"{step.exact_rank or '?'}{cosine}."
    )


def _ranked(step: Ranked) -> str:
    parts = []
    for side in step.sides:
        place = f"rank {side.rank:,}" if side.rank else "no match"
        passed = "goes on" if side.passed else f"only the first {side.limit:,} go on"
        parts.append(f"{side.side}: {place}, {passed}")
    return "; ".join(parts) + "." + _above([hit for side in step.sides for hit in side.above])


def _ordered(step: Ordered) -> str:
    before = f", was {step.before}" if step.before else ""
    text = f"rank {step.after}{before}; the first {step.limit} stay."
    return text + (_above(step.above) if step.status == "failed" else "")


def _above(hits: Sequence[SearchHit]) -> str:
    names = list(
        dict.fromkeys(
            f"{plain(str(hit.chunk.metadata.get('name', '')), limit=30)} {hit.chunk.index + 1}"
            for hit in hits
        )
    )[:_ABOVE]
    return f" Before it: {', '.join(names)}." if names else ""
