"""The answer's text with citations that can be clicked.

The markup comes escaped from `marks`; the browser side only puts it in place and tells of clicks.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

_CSS = """
.answer { color: var(--st-text-color); font-family: var(--st-font); font-size: 1rem; }
.answer .cite { border: 0; color: inherit; cursor: pointer; font-family: inherit; }
.answer .cite:hover, .answer .cite:focus-visible { outline: 2px solid var(--st-primary-color); }
"""
_JS = """
export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const place = parentElement.querySelector(".answer");
  if (place.dataset.markup !== data.markup) {
    place.dataset.markup = data.markup;
    place.innerHTML = data.markup;
  }
  place.onclick = (event) => {
    const cite = event.target.closest("[data-cite]");
    if (cite) setTriggerValue("cited", Number(cite.dataset.cite));
  };
}
"""
_ANSWER = st.components.v2.component(
    "ragscope_answer", html='<div class="answer"></div>', css=_CSS, js=_JS
)


def answer_text(markup: str, *, key: str, on_cite: Callable[[int], None]) -> None:
    """Draw an answer; `on_cite` is called with the number of a citation that is clicked."""

    def cited() -> None:
        number = st.session_state[key].cited
        if number is not None:
            on_cite(int(number))

    _ANSWER(key=key, data={"markup": markup}, on_cited_change=cited)
