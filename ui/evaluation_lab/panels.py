"""What a sweep found: leaderboard, what it costs, question by question, files."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

import plotly.graph_objects as go
import streamlit as st

from rag_core.evaluation.report import table_csv, table_html, table_markdown
from rag_core.evaluation.scoring import QuestionResult
from rag_core.evaluation.table import Row, SweepTable
from ui.chunk_lab.tables import chart_colours
from ui.similarity_lab.charts import CHART_CONFIG, FONT, heat_colours
from ui.text import chart, number, plain

PANELS = ("Leaderboard", "Cost", "Questions", "Keep")


def headline(table: SweepTable, metric: str) -> None:
    """Say what is best, and what ties with it."""
    rows = table.leaderboard(metric)
    best, ties = rows[0], [row for row in rows[1:] if row.tied]
    st.markdown(f"**{plain(best.label)}** is best: {metric} {best.interval.mean:.3f}.")
    if ties:
        cheapest = min([best, *ties], key=lambda row: row.report.mean("tokens"))
        st.caption(
            f"{number(len(ties), 'setting')} {'tie' if len(ties) > 1 else 'ties'} with it: these "
            "questions do not tell them apart. "
            f"The cheapest of them costs {cheapest.report.mean('tokens'):,.0f} tokens a question: "
            f"{plain(cheapest.label)}."
        )


def leaderboard(table: SweepTable, metric: str) -> None:
    """Draw the settings, best first."""
    rows = table.leaderboard(metric)
    st.dataframe(
        [_row(place, row) for place, row in enumerate(rows, start=1)],
        hide_index=True, key="leaderboard",
        column_config={
            metric: st.column_config.NumberColumn(format="%.3f"),
            "p": st.column_config.TextColumn(
                help="Randomisation test against the best, not corrected for the "
                "number of settings."
            ),
        },
        alt=f"{len(rows)} settings by {metric}",
    )  # fmt: skip
    st.plotly_chart(
        intervals(rows), key="intervals", config=CHART_CONFIG,
        alt=f"{metric} of every setting with its 95 per cent interval",
    )  # fmt: skip


def _row(place: int, row: Row) -> dict[str, object]:
    versus = row.against_best
    verdict = "best" if versus is None else "tie" if row.tied else "worse"
    more = versus.more_questions if versus else None
    return {
        "Rank": place,
        "Setting": row.label,
        row.metric: row.interval.mean,
        "95 %": f"{row.interval.low:.3f} to {row.interval.high:.3f}",
        "Verdict": verdict,
        "p": f"{versus.p:.3f}" if versus else "",
        "More questions to decide": f"{more:,}" if more and verdict == "tie" else "",
        "Tokens": round(row.report.mean("tokens")),
        "ms": round(1000 * row.report.latency_p50, 1),
    }


def intervals(rows: list[Row]) -> go.Figure:
    """Return a dot and an interval a setting, best on top."""
    colours = chart_colours()
    figure = go.Figure()
    for tied, name in ((True, "best, or tied with it"), (False, "worse")):
        some = [row for row in rows if row.tied is tied]
        figure.add_trace(
            go.Scatter(
                x=[row.interval.mean for row in some], y=[chart(row.label) for row in some],
                mode="markers", name=name,
                marker={"size": 12, "color": colours[0 if tied else 1],
                        "symbol": "circle" if tied else "diamond"},
                error_x={
                    "type": "data", "symmetric": False,
                    "array": [row.interval.high - row.interval.mean for row in some],
                    "arrayminus": [row.interval.mean - row.interval.low for row in some],
                },
            )
        )  # fmt: skip
    figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=[chart(r.label) for r in rows][::-1]
    )
    figure.update_layout(
        height=110 + 28 * len(rows), font=FONT, margin={"t": 10, "b": 40, "l": 10, "r": 10},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )  # fmt: skip
    return figure


def cost(table: SweepTable, metric: str) -> None:
    """Draw quality against context tokens, with the front that nothing beats."""
    front = table.pareto(metric)
    figure = go.Figure()
    colours = chart_colours()
    for name, some, size in (("settings", table.reports, 10), ("nothing beats these", front, 15)):
        figure.add_trace(
            go.Scatter(
                x=[each.mean("tokens") for each in some], y=[each.mean(metric) for each in some],
                mode="markers" if size == 10 else "lines+markers", name=name,
                marker={"size": size, "color": colours[0 if size == 10 else 1]},
                hovertext=[chart(str(each.settings.get("label"))) for each in some],
                hovertemplate="%{hovertext}<br>%{x:,.0f} tokens, %{y:.3f}<extra></extra>",
            )
        )  # fmt: skip
    figure.update_xaxes(title_text="context tokens a question", rangemode="tozero")
    figure.update_yaxes(title_text=metric)
    figure.update_layout(
        height=460, font=FONT, margin={"t": 10, "b": 50, "l": 60, "r": 10},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )  # fmt: skip
    st.plotly_chart(
        figure, key="cost", config=CHART_CONFIG, alt=f"{metric} against context tokens a question"
    )
    st.caption("Settings off the line are beaten: another one is better and costs no more.")


def questions(table: SweepTable, metric: str) -> None:
    """Draw every question under every setting, and tell the story of one."""
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
    st.plotly_chart(
        figure, key="by_question", config=CHART_CONFIG,
        alt=f"{metric} of {len(ids)} questions under {len(labels)} settings",
    )  # fmt: skip
    left, right = st.columns(2)
    label = left.selectbox("Setting", labels, key="story_setting")
    report = table.reports[labels.index(label)] if label in labels else table.reports[0]
    failed = {result.question.id: result for result in report.failed()}
    if not failed:
        right.success("Every passage is found under this setting.", icon=":material/check:")
        return
    chosen = right.selectbox(
        f"{number(len(failed), 'failed question')}", list(failed), key="story_question",
        format_func=lambda id_: failed[id_].question.text if id_ in failed else id_,
    )  # fmt: skip
    _story(failed[chosen] if chosen in failed else next(iter(failed.values())))


def _story(result: QuestionResult) -> None:
    with st.container(border=True, key="story"):
        st.markdown(f"**{plain(result.question.text, limit=300)}**")
        for story in result.stories:
            place = f"complete at rank {story.rank}" if story.rank else "never complete"
            st.markdown(
                f"- {plain(story.gold.document)}: the chunker left it **{story.fate}**, {place}"
            )
            st.text(story.gold.text[:400])
        st.caption("Retrieved instead")
        for rank, hit in enumerate(result.retrieved[:5], start=1):
            where = f"characters {hit.start:,} to {hit.end:,}"
            st.markdown(f"{rank}. {plain(hit.document)} :small[{where}, score {hit.score:.3f}]")
        st.link_button(
            "Search this", f"/search?{urlencode({'q': result.question.text})}",
            icon=":material/search:",
        )  # fmt: skip


def keep(table: SweepTable, metric: str) -> None:
    """Offer the reports."""
    with st.container(horizontal=True):
        for name, make, suffix, kind in (
            ("Markdown", table_markdown, "md", "text/markdown"),
            ("CSV", table_csv, "csv", "text/csv"),
            ("HTML", table_html, "html", "text/html"),
        ):
            st.download_button(
                name, lambda make=make: make(table, metric), f"evaluation.{suffix}", kind,  # type: ignore[misc]
                key=f"save_{suffix}", icon=":material/download:", on_click="ignore",
            )  # fmt: skip
    st.code(f"python -m rag_core evaluate --samples --grid default --sort {metric}", language=None)


SHOW: dict[str, Callable[[SweepTable, str], None]] = {
    "Leaderboard": leaderboard, "Cost": cost, "Questions": questions, "Keep": keep,
}  # fmt: skip


def panel() -> str:
    """Ask which panel is open; only that one runs."""
    chosen = st.segmented_control(
        "Panel", PANELS, default=PANELS[0], required=True, key="panel", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    return chosen or PANELS[0]
