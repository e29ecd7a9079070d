"""The Past sweeps view: open one by its link, hold it against another, forget it."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from rag_core.evaluation import SavedSweep, SavedSweeps
from rag_core.evaluation.contrast import Contrast, contrast
from ui import access, services
from ui.errors import boundary
from ui.evaluation_lab import controls, measure_view
from ui.text import number, plain

_PARAM = "sweep"


def show(collection: str) -> None:
    """List what was measured, and draw the one that is chosen."""
    kept = SavedSweeps(services.pipeline(collection).home.path)
    sweeps = {sweep.id: sweep for sweep in kept.list()}
    if not sweeps:
        st.info(
            "Nothing has been measured yet. Choose Measure above and start a run.",
            icon=":material/history:",
        )
        return
    asked = st.query_params.get(_PARAM, "")
    if asked and asked not in sweeps:
        st.warning("The sweep of this link is gone; here are those that are kept.")
    ids = list(sweeps)
    left, right = st.columns(2)
    chosen = left.selectbox(
        "Sweep", ids, index=ids.index(asked) if asked in sweeps else 0, key="past_sweep",
        format_func=lambda id_: _title(sweeps[id_]) if id_ in sweeps else id_,
    )  # fmt: skip
    st.query_params[_PARAM] = chosen
    other = right.selectbox(
        "Compare with", [id_ for id_ in ids if id_ != chosen], index=None, key="other_sweep",
        format_func=lambda id_: _title(sweeps[id_]) if id_ in sweeps else id_,
        placeholder="No other sweep", disabled=len(ids) < 2,
    )  # fmt: skip
    _about(sweeps[chosen])
    if access.may_edit():
        _forget(collection, sweeps[chosen])
    table = kept.open(chosen)
    if other is None:
        measure_view.results(collection, table)
        return
    there = kept.open(other)
    metric = controls.metric(table)
    _compare(contrast(table, there, metric), _title(sweeps[chosen]), _title(sweeps[other]), metric)


def _title(sweep: SavedSweep) -> str:
    made = datetime.fromtimestamp(sweep.made_at).astimezone()
    return f"{sweep.name} · {number(len(sweep.cells), 'setting')} · {made:%Y-%m-%d %H:%M}"


def _about(sweep: SavedSweep) -> None:
    said = f"{number(len(sweep.questions), 'question')}, {sweep.seconds:,.1f} s"
    if sweep.writer:
        said += f", answered by {plain(sweep.writer)}"
    if sweep.judge:
        said += f", judged by {plain(sweep.judge)}"
    st.caption(f"{said}. Data {sweep.data}, code {sweep.code}. This page's address opens it again.")


def _forget(collection: str, sweep: SavedSweep) -> None:
    with st.popover("Delete", icon=":material/delete:", key="forget"):
        st.markdown(f"**{plain(_title(sweep))}**")
        st.caption("What was found for this sweep alone goes with it.")
        st.button(
            "Delete this sweep", key="forget_sweep", type="primary", on_click=_delete,
            args=(collection, sweep.id),
        )  # fmt: skip


def _delete(collection: str, id_: str) -> None:
    with boundary():
        SavedSweeps(services.pipeline(collection).home.path).delete(id_)
        st.query_params.pop(_PARAM, None)
        st.toast("The sweep is deleted.", icon=":material/delete:")


def _compare(rows: list[Contrast], here: str, there: str, metric: str) -> None:
    st.markdown(f"**{plain(metric)}**: {plain(here)} against {plain(there)}")
    st.dataframe(
        [_row(row) for row in rows], hide_index=True, key="contrast",
        column_config={
            name: st.column_config.NumberColumn(format="%.3f")
            for name in ("Here", "There", "Difference")
        },
        placeholder="", alt=f"{metric} of {len(rows)} settings in two sweeps",
    )  # fmt: skip
    if not any(row.versus for row in rows):
        st.caption(
            "The two asked different questions, so the figures stand beside each other and no test "
            "can say which is better."
        )


def _row(row: Contrast) -> dict[str, object]:
    versus = row.versus
    said = "" if versus is None else "a tie" if versus.verdict == "tie" else versus.verdict
    return {
        "Setting": row.label, "Here": row.here, "There": row.there, "Difference": row.difference,
        "Here is": said, "p": f"{versus.p:.3f}" if versus else "",
    }  # fmt: skip
