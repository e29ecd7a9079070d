"""The Keep panel: reports to take along, the link, and the command that measures the same."""

from __future__ import annotations

import shlex

import streamlit as st

from rag_core.evaluation.report import table_csv, table_html, table_markdown
from ui.evaluation_lab.found import Found


def show(found: Found) -> None:
    """Offer the reports."""
    table, metric = found.table, found.metric
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
    if table.id:
        st.page_link(
            "pages/evaluation_page.py", label="Open by its link", icon=":material/link:",
            query_params={"view": "Past sweeps", "sweep": table.id, "metric": metric},
        )  # fmt: skip
    if found.spec:
        st.caption("The same from the command line, for your own CI:")
        st.code(_command(found), language=None, wrap_lines=True)


def _command(found: Found) -> str:
    name, own = found.table.name, f"--collection {found.collection}"
    source = {
        "samples": "--samples",
        found.collection: own,
        f"{found.collection} cloze": f"{own} --cloze {len(found.table.reports[0].results)}",
    }.get(name, f"{own} --questions FILE")
    settings = found.table.reports[0].settings
    more = " --answers" if settings.get("generator") else ""
    more += " --judge" if settings.get("judge") else ""
    grid = shlex.quote(found.spec)
    return f"python -m rag_core evaluate {source} --grid {grid}{more} --sort {found.metric}"
