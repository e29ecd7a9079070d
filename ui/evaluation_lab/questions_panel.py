"""The Questions panel: every question under every setting, why one failed, what a change did."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from rag_core.evaluation import EvaluationReport, QuestionResult
from rag_core.evaluation.cuts import with_cuts
from rag_core.evaluation.span_metrics import GoldStory
from ui.document_view import marked_html
from ui.evaluation_lab.found import Found
from ui.figure import draw
from ui.similarity_lab.charts import FONT, heat_colours
from ui.text import chart, number, plain

_SHOWN = 5  # hits of a failed question, and changed questions of each kind


def show(found: Found) -> None:
    """Draw every question under every setting, tell the story of one, and what changed."""
    table, metric = found.table, found.metric
    ids, labels, values = table.heatmap(metric)
    by_id = {result.question.id: result for result in table.reports[0].results}
    tiles = go.Heatmap(
        z=values, zmin=0, zmax=1, colorscale=heat_colours(), xgap=1, ygap=1,
        customdata=[[(chart(by_id[id_].question.text, limit=90), chart(label)) for label in labels]
                    for id_ in ids],
        hovertemplate="%{customdata[0]}<br>%{customdata[1]}<br><b>%{z:.2f}</b><extra></extra>",
    )  # fmt: skip
    figure = go.Figure(tiles)
    figure.update_xaxes(tickvals=list(range(len(labels))), ticktext=[str(n + 1) for n in
                        range(len(labels))], title_text="setting", side="top")  # fmt: skip
    figure.update_yaxes(showticklabels=False, title_text="question", autorange="reversed")
    figure.update_layout(
        height=max(300, min(900, 90 + 12 * len(ids))), font=FONT,
        margin={"t": 60, "b": 10, "l": 40, "r": 10},
    )  # fmt: skip
    draw(
        figure, key="by_question",
        alt=f"{metric} of {len(ids)} questions under {len(labels)} settings",
    )  # fmt: skip
    with st.expander("Settings by number", key="legend", icon=":material/format_list_numbered:"):
        for place, label in enumerate(labels, start=1):
            st.markdown(f":small[{place} · {plain(label)}]")
    left, right = st.columns(2)
    label = left.selectbox("Setting", labels, key="story_setting", bind="query-params")
    report = table.reports[labels.index(label)] if label in labels else table.reports[0]
    failed = {result.question.id: result for result in report.failed()}
    if failed:
        chosen = right.selectbox(
            f"{number(len(failed), 'failed question')}", list(failed), key="story_question",
            format_func=lambda id_: failed[id_].question.text if id_ in failed else id_,
        )  # fmt: skip
        _story(failed[chosen] if chosen in failed else next(iter(failed.values())))
    else:
        right.success("Every passage is found under this setting.", icon=":material/check:")
    if len(labels) > 1:
        _changes(found, report, [each for each in labels if each != label])


def _story(result: QuestionResult) -> None:
    with st.container(border=True, key="story"):
        st.markdown(f"**{plain(result.question.text, limit=300)}**")
        for story in result.stories:
            _gold(story, result)
        if result.answer:
            st.caption("Answered")
            st.text(result.answer)
        st.caption("Retrieved instead")
        for rank, hit in enumerate(result.retrieved[:_SHOWN], start=1):
            where = f"characters {hit.start:,} to {hit.end:,}"
            st.markdown(f"{rank}. {plain(hit.document)} :small[{where}, score {hit.score:.3f}]")
        _search_link(result, "failed")


def _gold(story: GoldStory, result: QuestionResult) -> None:
    """Draw a passage with what became of it: where it was cut, and which pieces were retrieved."""
    place = f"complete at rank {story.rank}" if story.rank else "not retrieved whole"
    fates = {
        "whole": "one chunk holds it whole",
        "cut": f"the chunker cut it into {number(len(story.pieces), 'piece')}",
        "missing": "no chunk holds any of it",
    }
    st.markdown(f"Expected in **{plain(story.gold.document)}**: {fates[story.fate]}, {place}.")
    text, cuts = with_cuts(story)
    st.html(marked_html(text[:1_200], [mark for mark in cuts if mark[1] <= 1_200]))
    ranks = {hit.range: rank for rank, hit in enumerate(result.retrieved, start=1)}
    said = [
        f"{start:,} to {end:,} {f'at rank {ranks[piece]}' if piece in ranks else 'not retrieved'}"
        for piece in story.pieces
        for _, start, end in [piece]
    ]
    if said:
        st.caption("Chunks that hold some of it, by their characters: " + " · ".join(said) + ".")


def _changes(found: Found, report: EvaluationReport, others: list[str]) -> None:
    """Draw which questions another setting does better and worse."""
    reports = {str(each.settings["label"]): each for each in found.table.reports}
    st.subheader("What another setting changes", anchor=False)
    chosen = st.selectbox("Against", others, key="against")
    other = reports.get(chosen, reports[others[0]])
    better, worse = other.changed(report, found.metric)
    for column, name, moved in zip(
        st.columns(2), ("better", "worse"), (better, worse), strict=True
    ):
        with column:
            st.markdown(f"**{number(len(moved), 'question')} {name}**")
            for place, (result, difference) in enumerate(moved[:_SHOWN]):
                st.markdown(f"{plain(result.question.text, limit=160)} :small[{difference:+.3f}]")
                _search_link(result, f"{name}-{place}")
            if len(moved) > _SHOWN:
                st.caption(f"and {len(moved) - _SHOWN:,} more")


def _search_link(result: QuestionResult, key: str) -> None:
    with st.container(key=f"link-{key}"):
        st.page_link(
            "pages/search_page.py", label="Search this", icon=":material/search:",
            query_params={"q": result.question.text},
        )  # fmt: skip
