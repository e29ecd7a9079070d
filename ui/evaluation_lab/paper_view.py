"""The Paper view: the chunker table of Chroma's chunking evaluation, published beside measured."""

from __future__ import annotations

from pathlib import Path

import plotly.graph_objects as go
import streamlit as st

from rag_core.access import require
from rag_core.evaluation.paper import (
    BEST_PUBLISHED,
    CORPORA,
    MEASURES,
    PaperRow,
    paper_markdown,
    paper_table,
)
from ui import access, services
from ui.background import Run
from ui.chunk_lab.tables import chart_colours
from ui.errors import boundary
from ui.evaluation_lab import following
from ui.figure import draw
from ui.similarity_lab.charts import FONT
from ui.text import chart, plain

_RUN = "paper"
_PER_CENT = "%.1f"


def show(collection: str) -> None:
    """Ask where the data is, run the table, and draw it."""
    st.markdown(
        "**Evaluating Chunking Strategies for Retrieval** (Smith and Troynikov, 2024): all corpora "
        "in one index, all-MiniLM-L6-v2, the 5 best chunks, measures over characters. Its rows and "
        "our own strategies run under the same conditions."
    )
    if access.role() != "admin":
        st.caption(":material/lock: The table reads a folder of the server: it takes an admin.")
    else:
        folder = st.text_input(
            "Folder on this machine", key="paper_folder",
            placeholder="/path/to/general_evaluation_data",
            help="With questions_df.csv and corpora/*.md, as in Chroma's repository.",
        )  # fmt: skip
        run = following.kept(_RUN)
        st.button(
            "Reproduce the paper", key="reproduce", type="primary", icon=":material/science:",
            disabled=not folder.strip() or (run is not None and run.busy),
            on_click=_start, args=(collection, folder.strip()),
        )  # fmt: skip
    run = following.kept(_RUN)
    if run is None:
        st.caption("Point it at the folder, and one button runs every row; a run resumes.")
        return
    following.show(run)
    if run.outcome:
        _table(run.outcome)


def _start(collection: str, folder: str) -> None:
    with boundary():
        require("admin", "read a folder of the server")
        home = services.pipeline(collection).home
        st.session_state[_RUN] = Run(
            lambda report: paper_table(home, Path(folder).expanduser(), on_progress=report)
        )


def _table(rows: list[PaperRow]) -> None:
    st.dataframe(
        [_row(row) for row in rows], hide_index=True, key="paper_table",
        column_config={
            name: st.column_config.NumberColumn(format=_PER_CENT)
            for measure in MEASURES
            for name in (measure, f"{measure}, published")
        },
        placeholder="", alt="Every chunking's measures in per cent, published beside measured",
    )  # fmt: skip
    st.caption(
        "In per cent, means over the questions. Sizes are counted in tokens of the model here, in "
        "tokens of cl100k in the paper. What has no published figure is a strategy of ours."
    )
    if {*rows[0].corpora} != CORPORA:
        st.warning(
            f"This is not the paper's data: its corpora are {', '.join(sorted(CORPORA))}. The "
            "published figures are of those.",
            icon=":material/warning:",
        )
    best = max(rows, key=lambda row: row.measured["iou"][0])
    recall, iou = best.measured["recall"][0], best.measured["iou"][0]
    beats = "more than" if iou > BEST_PUBLISHED["iou"] else "no more than"
    st.markdown(
        f"Highest IoU: **{plain(best.label)}**, {iou:.1f} at recall {recall:.1f}; {beats} the best "
        f"published row of this model ({BEST_PUBLISHED['iou']:.1f} at recall "
        f"{BEST_PUBLISHED['recall']:.1f})."
    )
    _chart(rows)
    corpora = list(rows[0].corpora)
    if len(corpora) > 1:
        st.subheader("Corpus by corpus", anchor=False)
        measure = (
            st.segmented_control(
                "Measure", MEASURES, default="iou", required=True, key="corpus_measure",
                bind="query-params",
            )
            or "iou"
        )  # fmt: skip
        st.dataframe(
            [
                {"Chunking": row.label, **{name: row.corpora[name][measure] for name in corpora}}
                for row in rows
            ],
            hide_index=True, key="paper_corpora",
            column_config={
                name: st.column_config.NumberColumn(format=_PER_CENT) for name in corpora
            },
            alt=f"{measure} of every chunking in each corpus by itself",
        )  # fmt: skip
    st.download_button(
        "Markdown", lambda: paper_markdown(rows), "chunking-paper.md", "text/markdown",
        key="save_paper", icon=":material/download:", on_click="ignore",
    )  # fmt: skip


def _row(row: PaperRow) -> dict[str, object]:
    values: dict[str, object] = {"Chunking": row.label}
    for measure in MEASURES:
        values[measure] = row.measured[measure][0]
        values[f"{measure}, published"] = row.published.get(measure)
    return {**values, "Tokens": round(row.tokens), "Chunks": row.chunks}


def _chart(rows: list[PaperRow]) -> None:
    colours, figure = chart_colours(), go.Figure()
    published = [row for row in rows if row.published]
    for name, some, values, symbol in (
        ("measured", rows, [row.measured["iou"][0] for row in rows], "circle"),
        ("published", published, [row.published["iou"] for row in published], "diamond-open"),
    ):
        recall = [
            row.published["recall"] if name == "published" else row.measured["recall"][0]
            for row in some
        ]
        figure.add_trace(
            go.Scatter(
                x=recall, y=values, mode="markers", name=name,
                marker={"size": 12, "symbol": symbol, "color": colours[name == "published"]},
                hovertext=[chart(row.label) for row in some],
                hovertemplate="%{hovertext}<br>recall %{x:.1f}, IoU %{y:.1f}<extra></extra>",
            )
        )  # fmt: skip
    figure.update_xaxes(title_text="recall, per cent")
    figure.update_yaxes(title_text="IoU, per cent", rangemode="tozero")
    figure.update_layout(
        height=420, font=FONT, margin={"t": 10, "b": 50, "l": 60, "r": 10},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )  # fmt: skip
    draw(
        figure, key="paper_chart", table=False,
        alt="IoU against recall of every chunking, measured and published",
    )  # fmt: skip
