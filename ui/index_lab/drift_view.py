"""The Drift page: are the same texts still given the same vectors?"""

from __future__ import annotations

import time

import plotly.graph_objects as go
import streamlit as st

from rag_core.index_manager import DriftCheck, IndexManager
from rag_core.index_manager.drift import ALARM
from ui import access, services
from ui.chunk_lab.tables import chart_colours
from ui.errors import boundary
from ui.figure import draw
from ui.index_lab import following
from ui.index_lab.words import when
from ui.similarity_lab.charts import FONT
from ui.text import number, plain

_EVERY = {"Never": None, "Every day": 86_400.0, "Every hour": 3_600.0}


def show(collection: str) -> None:
    """Check when asked to or when it is time, and show what the checks said."""
    manager = IndexManager(services.pipeline(collection))
    name = f"drift-{collection}"
    st.caption(
        "Twenty chunks are embedded again and held against the vectors the index has of them. A "
        "provider that changes its model under the same name is caught here: the cosines fall."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if access.may_edit():
            st.button(
                "Check now", key="check_drift", type="primary", icon=":material/monitor_heart:",
                on_click=_check, args=(collection, name),
            )  # fmt: skip
        every = st.selectbox(
            "Check by itself", list(_EVERY), key="drift_every", bind="query-params", width=220,
            help="While this page is open. For a watch without it, let a scheduler run "
            "python -m rag_core drift.",
        )  # fmt: skip
    history = manager.drift_history()
    _when_due(collection, name, history, _EVERY.get(every or "Never"))
    following.show(name, "Embedding the probes")
    history = manager.drift_history()
    if not history:
        st.info("No check yet. The first one chooses the probes.", icon=":material/monitor_heart:")
        return
    _verdict(collection, history[-1])
    draw(
        chart(history), key="drift_chart", table=False,
        alt=f"The lowest and the median cosine of {number(len(history), 'check')} over time",
    )  # fmt: skip
    left, right = st.columns(2)
    with left:
        st.subheader("Checks", anchor=False)
        st.dataframe(
            [_row(check) for check in reversed(history)], hide_index=True, key="drift_checks",
            alt="Every check: when, which model, the lowest and the median cosine",
        )  # fmt: skip
    with right:
        _probes(manager, history[-1])


def _when_due(collection: str, name: str, history: list[DriftCheck], every: float | None) -> None:
    last = history[-1].checked_at if history else 0.0
    if every is None or not access.may_edit() or time.time() - last < every:
        return
    if not following.known(name):
        _check(collection, name)


def _check(collection: str, name: str) -> None:
    with boundary():
        manager = IndexManager(services.pipeline(collection))
        following.begin(name, lambda _: manager.check_drift())


def _verdict(collection: str, check: DriftCheck) -> None:
    model = plain(check.model)
    if not check.drifted:
        st.success(
            f"{model} gives the vectors it gave: the lowest cosine is {check.lowest:.5f}.",
            icon=":material/check_circle:",
        )
        return
    st.error(
        f"{model} is not the model the index was made with any more: the lowest cosine is "
        f"{check.lowest:.3f}, and rounding alone keeps above {ALARM}. New questions and old chunks "
        "do not meet. Rebuild the index with the model as it is now.", icon=":material/error:",
    )  # fmt: skip
    st.page_link(
        "pages/index_page.py", label="Rebuild", icon=":material/autorenew:",
        query_params={"panel": "Rebuild"},
    )  # fmt: skip


def _row(check: DriftCheck) -> dict[str, object]:
    return {
        "Checked": when(check.checked_at),
        "Model": check.model,
        "Verdict": "drifted" if check.drifted else "the same",
        "Lowest": f"{check.lowest:.5f}",
        "Median": f"{check.median:.5f}",
    }


def _probes(manager: IndexManager, check: DriftCheck) -> None:
    st.subheader("Probes of the last check", anchor=False)
    texts = manager.drift_probes()
    if len(texts) != len(check.cosines):
        st.caption("The probes were chosen anew since.")
        return
    rows = sorted(zip(check.cosines, texts, strict=True))
    st.dataframe(
        [{"Cosine": f"{cosine:.5f}", "Text": text[:160]} for cosine, text in rows],
        hide_index=True, key="drift_probes",
        alt="Every probe's cosine to its vector in the index, the lowest first",
    )  # fmt: skip


def chart(history: list[DriftCheck]) -> go.Figure:
    """Return the lowest and the median cosine over time, and the line below which it is drift."""
    colours = chart_colours()
    figure = go.Figure()
    times = [when(check.checked_at) for check in history]
    lines = (
        ("lowest", [check.lowest for check in history], "circle"),
        ("median", [check.median for check in history], "square"),
    )
    for place, (name, values, symbol) in enumerate(lines):
        figure.add_scatter(
            x=list(range(1, len(history) + 1)), y=values, name=name, mode="lines+markers",
            line={"color": colours[place]}, marker={"size": 10, "symbol": symbol},
            text=times, hovertemplate="%{text}<br>%{y:.5f}<extra>" + name + "</extra>",
        )  # fmt: skip
    figure.add_hline(
        y=ALARM, line_dash="dash", line_color="#b3541e", annotation_text=f"drift below {ALARM}",
        annotation_position="bottom left",
    )  # fmt: skip
    lowest = min(check.lowest for check in history)
    figure.update_xaxes(title_text="check", dtick=max(1, len(history) // 10))
    figure.update_yaxes(title_text="cosine", range=[min(0.997, lowest - 0.02), 1.0015])
    figure.update_layout(
        height=320, font=FONT, margin={"t": 10, "b": 50, "l": 60, "r": 10},
        legend={"orientation": "h", "y": 1.12},
    )  # fmt: skip
    return figure
