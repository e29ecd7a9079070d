"""The Leaderboard panel: settings by a metric with their intervals, ties marked, one to use."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from rag_core.evaluation import use_settings
from rag_core.evaluation.table import ANSWERS, Row
from ui import access, services
from ui.chunk_lab import keep_panel
from ui.chunk_lab.tables import chart_colours
from ui.errors import boundary
from ui.evaluation_lab.found import Found
from ui.figure import draw
from ui.similarity_lab.charts import FONT
from ui.text import chart, plain


def show(found: Found) -> None:
    """Draw the settings, best first, and offer to take one over."""
    table, metric = found.table, found.metric
    rows = table.leaderboard(metric)
    answered = table.measured(ANSWERS)
    st.dataframe(
        [_row(place, row, answered) for place, row in enumerate(rows, start=1)],
        hide_index=True, key="leaderboard",
        column_config={
            **{
                name: st.column_config.NumberColumn(format="%.3f") for name in (metric, *answered)
            },
            "p": st.column_config.TextColumn(
                help="Randomisation test against the best, not corrected for the "
                "number of settings."
            ),
        },
        alt=f"{len(rows)} settings by {metric}",
    )  # fmt: skip
    by_whom = rows[0].report.settings.get("judge")
    if by_whom and "model_judged" in answered:
        st.caption(f"model_judged is the opinion of {plain(str(by_whom))}, not a measurement.")
    _take(found.collection, rows)
    draw(
        intervals(rows), key="intervals", table=False,
        alt=f"{metric} of every setting with its 95 per cent interval",
    )  # fmt: skip


def _take(collection: str, rows: list[Row]) -> None:
    labels = {row.label: row for row in rows}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("For this collection", list(labels), key="setting", width=420)
        row = labels.get(chosen, rows[0])
        st.button(
            "Use these settings", key="use_settings", icon=":material/done_all:",
            disabled=not access.may_edit(), on_click=_use,
            args=(collection, dict(row.report.settings)),
            help=f"{collection}: Search and Chat take k, search and reranker at once; new "
            "documents are cut this way.",
        )  # fmt: skip
    if st.session_state.get("settings_used") == collection:
        keep_panel.show_cut_differently(collection)


def _use(collection: str, settings: dict[str, Any]) -> None:
    with boundary():
        use_settings(services.pipeline(collection), settings)
        st.session_state["settings_used"] = collection
        st.toast("Search and Chat use these settings.", icon=":material/done_all:")


def _row(place: int, row: Row, answered: list[str]) -> dict[str, object]:
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
        **{name: row.report.mean(name) for name in answered if name != row.metric},
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
