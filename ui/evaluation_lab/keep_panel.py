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
        source = "--samples" if table.name == "samples" else f"--collection {found.collection}"
        grid = shlex.quote(found.spec)
        st.code(
            f"python -m rag_core evaluate {source} --grid {grid} --sort {metric}", language=None,
            wrap_lines=True,
        )  # fmt: skip
