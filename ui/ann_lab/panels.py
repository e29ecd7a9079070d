"""The panels of an outcome: curve, table, cost, what was missed, and what to keep."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from rag_core.ann import Measurement
from ui.ann_lab import charts, tables
from ui.ann_lab.export import as_python, results_csv, victims_csv
from ui.ann_lab.problem import Outcome
from ui.ann_lab.settings import Settings, described
from ui.ann_lab.words import answer, details, doubt, label, percent
from ui.chunk_lab.tables import chart_colours, share_column
from ui.figure import draw
from ui.text import number, plain

_LISTED = 200


def headline(outcome: Outcome, now: Settings | None) -> None:
    """Say the answer, what stands behind it, and what it was measured on."""
    st.subheader(plain(answer(outcome.comparison)), anchor=False)
    st.markdown("  \n".join(plain(line, limit=300) for line in details(outcome.comparison)))
    said = f"Measured on {described(outcome.settings)}; one query at a time, on one thread."
    if why := doubt(outcome.comparison):
        said += f" {why}"
    st.caption(plain(said, limit=600))
    if now != outcome.settings:
        st.caption(":material/info: The settings above have changed since. Measure again.")


def curve(outcome: Outcome) -> None:
    """Draw recall against latency."""
    draw(
        charts.curve(outcome.comparison, chart_colours()), key="curve", table=False,
        alt=f"Recall against latency. {' '.join(details(outcome.comparison))}",
    )  # fmt: skip
    st.caption(
        "Up and to the left is better. Numbers at the points are n_probe and ef; the dashed line "
        "is 90 %. Time is drawn on a scale of powers of ten."
    )


def table(outcome: Outcome) -> None:
    """Show every result in numbers."""
    st.dataframe(
        tables.results(outcome.comparison), hide_index=True, key="results",
        column_config={
            "Recall@10": share_column(),
            "p50 ms": st.column_config.NumberColumn(format="%.3f"),
            "p95 ms": st.column_config.NumberColumn(format="%.3f"),
            "Times as fast": st.column_config.NumberColumn(
                format="%.1f", help="As the exact index, by the median."
            ),
            "Build s": st.column_config.NumberColumn(format="%.2f"),
            "MB": st.column_config.NumberColumn(format="%.1f"),
        },
        alt="Recall, latency, building time and memory of every index with every setting",
    )  # fmt: skip
    st.caption(
        "Recall@10 is the share of the ten true neighbours that are among the ten found. Half of "
        "the queries take less than p50, 95 of 100 less than p95."
    )


def cost(outcome: Outcome) -> None:
    """Draw what the indexes cost before the first query."""
    left, right = st.columns(2)
    for place, memory, title in ((left, False, "Time to build"), (right, True, "Memory")):
        with place:
            st.subheader(title, anchor=False)
            draw(
                charts.bars(outcome.comparison, chart_colours(), memory=memory),
                key=f"cost-{'memory' if memory else 'build'}", table=False,
                alt=f"{title} of every index",
            )  # fmt: skip
    st.caption(
        "All three keep every vector whole. IVF adds its centres and a number a vector; HNSW adds "
        "the links of its graph, and looks for them with every vector that comes."
    )


def missed(outcome: Outcome) -> None:
    """List the victims of one result: true neighbours that it did not find."""
    some = tables.missing(outcome.comparison)
    if not some:
        st.success("Every index found every true neighbour.", icon=":material/check_circle:")
        return
    by_label: dict[str, Measurement] = {label(one): one for one in some}
    chosen = st.selectbox("Missed by", list(by_label), key="missed_by")
    one = by_label.get(chosen or "", some[0])
    lost = [len(places) for places in one.missed]
    st.markdown(
        f"**{number(sum(lost), 'true neighbour')} missed** in {sum(map(bool, lost)):,} of "
        f"{number(len(lost), 'query') if len(lost) == 1 else f'{len(lost):,} queries'}, recall "
        f"{percent(one.recall)}. The best-placed first: they hurt most."
    )
    st.dataframe(
        tables.missed(outcome, one, _LISTED), hide_index=True, key="missed_rows",
        column_config={
            "Cosine": st.column_config.NumberColumn(format="%.3f", width=80),
            "True rank": st.column_config.NumberColumn(width=80),
            "Query": st.column_config.Column(width="medium"),
            "Missed": st.column_config.Column(width="large"),
        },
        alt=f"True neighbours that {label(one)} did not find",
    )  # fmt: skip
    if sum(lost) > _LISTED:
        st.caption(f"And {sum(lost) - _LISTED:,} more; the file under Keep has all.")
    if not outcome.chunks:
        st.caption("Synthetic vectors have no text. Measure this collection to read what is lost.")


def keep(outcome: Outcome) -> None:
    """Offer files and a script."""
    with st.container(horizontal=True):
        # Called when clicked: the files are not made with every run of the page.
        st.download_button(
            "Results as CSV", lambda: results_csv(outcome.comparison), "exact-vs-approximate.csv",
            "text/csv", key="save_results", icon=":material/download:", on_click="ignore",
        )  # fmt: skip
        st.download_button(
            "What was missed as CSV", lambda: victims_csv(outcome), "missed-neighbours.csv",
            "text/csv", key="save_missed", icon=":material/download:", on_click="ignore",
        )  # fmt: skip
    st.caption("The curve has a button in its corner that saves it as a PNG.")
    st.subheader("As Python", anchor=False)
    st.code(as_python(outcome.settings), language="python")


SHOW: dict[str, Callable[[Outcome], None]] = {
    "Curve": curve, "Table": table, "Cost": cost, "Missed": missed, "Keep": keep,
}  # fmt: skip
