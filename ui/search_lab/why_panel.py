"""The Why panel: everything that put one hit where it stands."""

from __future__ import annotations

import streamlit as st

from rag_core import Span
from rag_core.explain import CosineStory, Explanation, FusionStory
from rag_core.keyword import TermScore
from rag_core.search_lab.lanes import Lane
from ui import services
from ui.document_view import marked_html
from ui.search_lab.view import View
from ui.text import plain, reachable

_LISTED = 12  # tokens


def show(view: View) -> None:
    """Ask for a hit and take its place apart."""
    lane, chunk_id = _chosen(view)
    if lane is None or lane.result is None or chunk_id is None:
        st.info("This method found nothing to explain.", icon=":material/search_off:")
        return
    pipeline = services.pipeline(view.collection)
    with st.spinner("Taking it apart"):
        found = pipeline.explain(lane.result, chunk_id, lane.options)
    left, right = st.columns(2)
    with left:
        _keyword(found.keyword)
        _fusion(found.placing.fusion)
        _moves(found)
    with right:
        _cosine(found)


def _chosen(view: View) -> tuple[Lane | None, str | None]:
    left, right = st.columns([2, 5])
    names = [lane.method for lane in view.found]
    name = left.selectbox("Method", names, len(names) - 1, key="why_method", bind="query-params")
    lane = next((lane for lane in view.found if lane.method == name), None)
    if lane is None or lane.result is None or not lane.result.hits:
        return lane, None
    hits = {hit.chunk.id: hit for hit in lane.result.hits}
    chosen = right.selectbox(
        "Hit", list(hits), key=f"why_hit-{name}",
        format_func=lambda id_: (
            f"{hits[id_].rank} · {hits[id_].chunk.metadata.get('name', '')} · "
            f"chunk {hits[id_].chunk.index + 1}"
            if id_ in hits
            else id_
        ),
    )  # fmt: skip
    return lane, chosen if chosen in hits else next(iter(hits))


def _keyword(terms: tuple[TermScore, ...] | None) -> None:
    st.subheader("Words", anchor=False)
    if terms is None:
        st.caption("This method does not look at words.")
        return
    held = [term for term in terms if term.frequency]
    if not held:
        st.caption("The chunk holds none of the query's words: keyword search cannot find it.")
    st.dataframe(
        [
            {
                "Term": term.term,
                "In chunk": term.frequency,
                "In chunks": term.found,
                "idf": term.idf,
                "Adds": term.score,
            }
            for term in terms
        ],
        hide_index=True, key="why_terms",
        column_config={
            "idf": st.column_config.NumberColumn(format="%.2f", help="What rarity makes it worth"),
            "Adds": st.column_config.NumberColumn(format="%.3f"),
        },
        alt="What each term of the query adds to the BM25 score",
    )  # fmt: skip
    total = sum(term.score for term in terms)
    if terms:
        one = terms[0]
        st.caption(
            f"BM25 {total:.3f}, the sum. The chunk has {one.length:,} terms, the average "
            f"{one.mean_length:,.0f}: longer ones count each hit for less."
        )


def _fusion(story: FusionStory | None) -> None:
    if story is None:
        return
    st.subheader("Fusion", anchor=False)
    st.code(story.written, language=None)
    for term in story.terms:
        place = f"rank {term.rank}" if term.rank else "not found: it gives nothing"
        st.markdown(f"- {term.side}: {place}")
    st.caption(f"Rank {story.rank} after fusion.")


def _moves(found: Explanation) -> None:
    for move in found.placing.moves:
        st.subheader("Reranker" if move.stage == "rerank" else "Diversity", anchor=False)
        st.metric(
            f"Rank after {move.stage}", move.after, f"was {move.before}",
            delta_color="off", delta_arrow="off", border=True,
        )  # fmt: skip
        st.caption(f"Its score: {move.score:.3f}")


def _cosine(found: Explanation) -> None:
    story = found.cosine
    st.subheader("Meaning", anchor=False)
    if story is None:
        st.caption("This method does not look at meaning.")
        return
    st.metric("Cosine of query and chunk", f"{story.cosine:.3f}", border=True)
    chunk = found.placing.chunk
    if not story.links:
        st.caption("This model does not show the vectors of its tokens.")
        st.html(marked_html(chunk.text))
        return
    st.dataframe(
        [
            {"Asked": link.asked, "Best match": link.found, "Cosine": link.similarity}
            for link in story.links[:_LISTED]
        ],
        hide_index=True, key="why_links",
        column_config={"Cosine": st.column_config.NumberColumn(format="%.3f")},
        alt="The chunk's best match for every token of the query",
    )  # fmt: skip
    st.caption(
        f"The tokens marked below carried most of it. Mean of the best matches: {story.maxsim:.3f}."
    )
    marks = strongest(story)
    inside = [(span.start - chunk.start, span.end - chunk.start) for span in marks]
    with st.container(height=260, border=True, key="why_text"):
        st.html(reachable(marked_html(chunk.text, merged(inside))))
    if story.pooled is not None:
        st.caption(plain(f"The tokens' shares add up to {story.pooled:.3f}.", limit=200))


def strongest(story: CosineStory) -> list[Span]:
    """Return the places of the tokens with the largest shares, up to a tenth of them."""
    count = max(3, min(_LISTED, len(story.shares) // 10))
    best = sorted(story.shares, key=lambda share: -share.share)[:count]
    return [share.span for share in best if share.share > 0 and share.text.strip()]


def merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the ranges in order, those that touch or overlap as one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found
