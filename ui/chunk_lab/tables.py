"""What the tables and charts of the panels share."""

from __future__ import annotations

from typing import Any

import streamlit as st

_FALLBACK = ("#0b7a75", "#c2571a", "#4a5fc1", "#a8327e", "#6b7f1e", "#8a6d00")


def share_column() -> Any:  # noqa: ANN401 - Streamlit has no public name for it
    """Return the look of a share from 0 to 1."""
    return st.column_config.ProgressColumn(min_value=0.0, max_value=1.0, format="percent")


def chart_colours() -> list[str]:
    """Return the theme's colours for series, one a strategy."""
    return list(st.get_option("theme.chartCategoricalColors") or _FALLBACK)
