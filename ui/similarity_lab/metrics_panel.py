"""The Metrics panel: one vector is stretched, and one sees which metric moves."""

from __future__ import annotations

import numpy as np
import streamlit as st

from rag_core.protocols import FloatArray
from rag_core.similarity import METRICS, more_is_alike, similarity_matrix
from ui.similarity_lab import controls
from ui.similarity_lab.view import View

_STRETCHES = (1, 2, 3, 5, 10, 20, 50, 100)


def show(view: View) -> None:
    """Compare two texts by all metrics, before and after one vector is stretched."""
    first, second = controls.two_texts(view)
    stretch = st.select_slider(
        "Make the second text's vector so many times longer", _STRETCHES, 1, key="stretch",
        bind="query-params",
        help="As a model without normalisation may do with a longer text.",
    )  # fmt: skip
    a, b = view.vectors[first], view.vectors[second] * np.float32(stretch)
    for column, metric in zip(st.columns(len(METRICS)), METRICS, strict=True):
        before = measured(a, view.vectors[second], metric)
        after = measured(a, b, metric)
        with column:
            moved = abs(after - before) >= 0.0005
            st.metric(
                metric, f"{after:,.3f}",
                None if stretch == 1 else f"{after - before:+,.3f}" if moved else "unchanged",
                delta_color="off", delta_arrow="auto" if moved else "off", border=True,
            )  # fmt: skip
    _formulas(a, b)
    st.subheader("Who is nearest to the first text?", anchor=False)
    stretched = view.vectors.copy()
    stretched[second] *= np.float32(stretch)
    st.dataframe(
        nearest(view, stretched, first), hide_index=True, key="nearest",
        alt="The three texts nearest to the first one, by each metric",
    )  # fmt: skip
    st.caption(verdict(int(stretch)))


def measured(a: FloatArray, b: FloatArray, metric: str) -> float:
    """Return one metric of two vectors."""
    return float(similarity_matrix(a[np.newaxis], b[np.newaxis], metric=metric)[0, 0])


def nearest(view: View, vectors: FloatArray, first: int) -> list[dict[str, str]]:
    """Return the three nearest texts by each metric, a row a rank."""
    found: dict[str, list[str]] = {}
    for metric in METRICS:
        row = similarity_matrix(vectors[first : first + 1], vectors, metric=metric)[0]
        order = np.argsort(-row if more_is_alike(metric) else row, kind="stable")
        others = [int(place) for place in order if place != first][:3]
        found[metric] = [_named(view, place, row[place]) for place in others]
    return [
        {"Rank": str(rank + 1), **{metric: texts[rank] for metric, texts in found.items()}}
        for rank in range(min(3, len(view.texts) - 1))
    ]


def _named(view: View, place: int, value: float) -> str:
    text = " ".join(view.texts[place].split())
    return f"{place + 1} ({value:,.2f}) {text if len(text) <= 34 else text[:33] + '…'}"


def verdict(stretch: int) -> str:
    """Return what the stretch did, in a sentence."""
    if stretch == 1:
        return "All vectors have length 1: the three metrics agree on every ranking."
    return (
        f"The second text means what it meant before, and its vector is {stretch} times longer. "
        "Only the cosine has not moved: it asks for the angle alone. The dot product rewards "
        "length, the distance punishes it."
    )


def _formulas(a: FloatArray, b: FloatArray) -> None:
    # Numbers of our own only: no text of a document comes near the formulas.
    dot = measured(a, b, "dot product")
    one, two = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    far = measured(a, b, "L2 distance")
    lines = (
        (r"\cos(a,b)&=\frac{a\cdot b}{|a|\,|b|}",
         rf"\frac{{{dot:.3f}}}{{{one:.3f}\times{two:.3f}}}", dot / (one * two)),
        (r"a\cdot b&=\sum_i a_i b_i", rf"{_factor(a[0])}\times{_factor(b[0])}+\dots", dot),
        (r"|a-b|&=\sqrt{|a|^2+|b|^2-2\,a\cdot b}",
         rf"\sqrt{{{one**2:.1f}+{two**2:.1f}-2\times{dot:.3f}}}", far),
    )  # fmt: skip
    # Two rows each, so that they fit on a phone as well.
    rows = r"\\[6pt]".join(rf"{law}\\&={put_in}={result:.3f}" for law, put_in, result in lines)
    st.latex(rf"\begin{{aligned}}{rows}\end{{aligned}}")


def _factor(value: float) -> str:
    return f"{value:.3f}" if value >= 0 else f"({value:.3f})"
