"""What the charts of the page share."""

from __future__ import annotations

FONT = {"size": 14}  # reads from the last row
# Mid tones are passed quickly: on them neither dark nor light numbers read.
_HEAT = ((0.0, "#eef6f4"), (0.55, "#9fd0ca"), (0.78, "#0f7670"), (1.0, "#064945"))


def heat_colours(*, reverse: bool = False) -> list[tuple[float, str]]:
    """Return the colours of a heatmap from little to much, as Plotly wants them."""
    if reverse:
        return [(1.0 - place, colour) for place, colour in reversed(_HEAT)]
    return list(_HEAT)
