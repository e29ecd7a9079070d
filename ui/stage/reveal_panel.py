"""The reveal: the true answer, how the room voted, the numbers it rests on, and why."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from rag_core.lessons import Lesson, Reveal
from ui.chunk_lab.tables import chart_colours
from ui.figure import draw
from ui.similarity_lab.charts import FONT
from ui.stage import me, shared
from ui.text import chart, number, plain


def show(lesson: Lesson, place: int, reveal: Reveal, mine: int | None) -> None:
    """Draw it; `place` is the lesson's number, `mine` this session's vote or None."""
    _verdict(lesson, reveal, mine)
    left, right = st.columns([3, 2])
    with left:
        st.markdown(plain(reveal.said, limit=900))
        draw(
            bars(reveal), key=f"computed-{place}", table=False,
            alt=f"{reveal.unit}: "
            + "; ".join(f"{row.label}: {row.value:,.2f}" for row in reveal.rows),
        )  # fmt: skip
    with right:
        room(lesson, place, reveal.choice)
    st.subheader("Why", anchor=False)
    st.markdown(lesson.why)
    with st.expander("The numbers", icon=":material/table_rows:", key=f"numbers-{place}"):
        st.dataframe(
            [{"": row.label, reveal.unit: row.value, "Note": row.note} for row in reveal.rows],
            hide_index=True, key=f"rows-{place}", alt="The computed numbers as a table",
        )  # fmt: skip


def _verdict(lesson: Lesson, reveal: Reveal, mine: int | None) -> None:
    answer = f"**{plain(_sentence(lesson.choices[reveal.choice]))}**"
    if mine is None:
        st.info(answer, icon=":material/lightbulb:")
    elif mine == reveal.choice:
        st.success(f"{answer} You predicted it.", icon=":material/check_circle:")
    else:
        st.warning(
            f"{answer} You predicted: {plain(_sentence(lesson.choices[mine]))}",
            icon=":material/sync_problem:",
        )


def _sentence(choice: str) -> str:
    return f"{choice.removesuffix('.')}."


def room(lesson: Lesson, place: int, truth: int) -> None:
    """Draw the votes of the room; the true choice carries a mark and not only a colour."""
    counts = shared.votes().counts(place, len(lesson.choices))
    if not sum(counts):
        st.caption("Nobody has voted. Votes come from this page and from the audience's.")
        return
    st.markdown(f"**The room**: {number(sum(counts), 'vote')}")
    labels = [f"{'✓ ' if n == truth else ''}{c}" for n, c in enumerate(lesson.choices)]
    colours = [_colours()[0] if n == truth else _GREY for n in range(len(labels))]
    drawn = _drawn(labels, [float(count) for count in counts], colours, [str(c) for c in counts])
    drawn.update_xaxes(visible=False)  # every bar says its number, and half votes there are none
    draw(
        drawn, key=f"room-{place}", table=False,
        alt="Votes: " + "; ".join(f"{n} {c}" for n, c in zip(labels, counts, strict=True)),
    )  # fmt: skip


_GREY = "#66707a"  # white on it reads, and so does it on paper and on slate
_LARGE = {"size": 19}  # charts do not grow with the page's type


def _font() -> dict[str, int]:
    return _LARGE if me.presenting() else FONT


def _colours() -> list[str]:
    return list(chart_colours())


def bars(reveal: Reveal) -> go.Figure:
    """Return what was computed as bars, the one to look at in colour and with a mark."""
    labels = [f"{'▸ ' if row.marked else ''}{row.label}" for row in reveal.rows]
    colours = [_colours()[0] if row.marked else _GREY for row in reveal.rows]
    values = [row.value for row in reveal.rows]
    figure = _drawn(labels, values, colours, [shown(value) for value in values])
    figure.update_xaxes(title_text=reveal.unit)
    return figure


def shown(value: float) -> str:
    """Return a number as short as it is true: "16", "0.372", "41.7"."""
    if value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) < 1 else f"{value:,.1f}"


def _beside(values: list[float]) -> list[str]:
    """Return where each bar's number stands: in a short bar it would be small, in none absent."""
    longest = max(map(abs, values), default=0.0)
    return ["inside" if abs(value) > 0.15 * longest else "outside" for value in values]


def _drawn(
    labels: list[str], values: list[float], colours: list[str], texts: list[str]
) -> go.Figure:
    names = [chart(label, limit=64, width=26) for label in labels]
    figure = go.Figure(
        go.Bar(
            x=values, y=list(range(len(names))), orientation="h", marker={"color": colours},
            text=texts, textposition=_beside(values), customdata=names, insidetextanchor="end",
            textangle=0,
            hovertemplate="%{customdata}<br><b>%{text}</b><extra></extra>", cliponaxis=False,
        )
    )  # fmt: skip
    figure.update_yaxes(
        tickvals=list(range(len(names))), ticktext=names, autorange="reversed", showgrid=False,
        automargin=True, tickfont=_font(),
    )  # fmt: skip
    figure.update_xaxes(tickfont=_font())
    figure.update_layout(
        height=90 + (96 if me.presenting() else 68) * len(names),
        font=_font(),
        margin={"t": 10, "b": 45, "l": 10, "r": 25},
    )
    return figure
