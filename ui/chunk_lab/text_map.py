"""The text map: one text in aligned columns, its chunks tinted, hovered, picked and marked.

The only place of the page where document text becomes markup. The browser side writes it with
textContent, so whatever a document holds is shown as text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st

_HTML = """
<div class="map">
  <div class="scroller" tabindex="0" role="group">
    <div class="head"></div>
    <div class="body"></div>
  </div>
  <div class="info">
    <div class="what" role="status" aria-live="polite"></div>
    <button type="button" class="mark" hidden>Mark as the answer</button>
    <button type="button" class="clear" hidden>Clear the mark</button>
  </div>
</div>
"""


def _asset(suffix: str) -> str:
    return Path(__file__).with_name(f"text_map{suffix}").read_text(encoding="utf-8")


_MAP = st.components.v2.component(
    "ragscope_text_map", html=_HTML, css=_asset(".css"), js=_asset(".js")
)


def text_map(
    data: Mapping[str, Any], *, key: str, on_mark: Callable[[tuple[int, int] | None], None]
) -> tuple[int, int] | None:
    """Draw the map; return the picked chunk as (column, chunk), or None.

    Args:
        data: what `places.payload` returns.
        key: the widget's key.
        on_mark: called with the marked place in the browser's offsets, or with None to clear it.
    """

    def marked() -> None:
        place = st.session_state[key].marked
        if place is not None:
            on_mark((int(place[0]), int(place[1])) if len(place) == 2 else None)

    result = _MAP(key=key, data=dict(data), on_picked_change=lambda: None, on_marked_change=marked)
    picked = result.picked
    return (int(picked["column"]), int(picked["chunk"])) if picked else None
