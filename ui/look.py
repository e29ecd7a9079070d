"""What the theme's settings cannot say: one style sheet for every page."""

from __future__ import annotations

import streamlit as st

# In the dark theme one primary colour cannot be both the ground of white labels and, where
# Streamlit writes chosen options, a slider's value and a bare button under the pointer in it, text
# on the page: at 4.5 to 1 each the page would have to be black. So those texts are lighter there;
# of an open popover's button Streamlit makes a shade that is next to black. Its own colours of code
# are too pale in the light theme. A browser that knows no light-dark() keeps Streamlit's colours.
# On a very wide screen lines keep a length that can be read, and the page stays in the middle. On a
# phone the lessons' numbers stand above their buttons, which name no keys it does not have.
_STYLE = """<style>
button[data-selected="true"]:not(:disabled) p,
button[data-selected="true"]:not(:disabled) [data-testid="stIconMaterial"],
[data-testid="stSliderThumbValue"] p,
button[kind="tertiary"]:is(:hover, :active, [aria-expanded="true"]):not(:disabled) {
    color: light-dark(#086a65, #5cc9bc);
}
pre[class] code[class] span.token.token:is(.string, .attr-value) {
    color: light-dark(#0c6b2c, #7fd19b);
}
pre[class] code[class] span.token.token:is(.keyword, .boolean, .builtin, .number) {
    color: light-dark(#0a55a0, #7ab8f5);
}
pre[class] code[class] span.token.token:is(.function, .comment, .variable, .property, .constant) {
    color: light-dark(#5c5170, #b9a9e0);
}
[data-testid="stMain"] [data-testid="stMainBlockContainer"] { max-width: 112rem; }
[data-testid="stMain"] [data-testid="stMarkdownContainer"] > p { max-width: 95ch; }
@media (max-width: 640px) {
    .st-key-steps { column-gap: 0.3rem; }
    .st-key-steps kbd, .st-key-steps > :has(.stSpace) { display: none; }
    .st-key-steps .stButton button { padding-inline: 0.25rem; }
    .st-key-steps > :has([data-testid="stButtonGroup"]) { order: -1; flex-basis: 100%; }
}
</style>"""


def show() -> None:
    """Put the style sheet into the page; it takes no room."""
    st.html(_STYLE)
