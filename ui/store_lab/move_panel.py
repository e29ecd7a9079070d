"""A move: how far it is, how it ended, and going over to the new store."""

from __future__ import annotations

import streamlit as st

from rag_core import store_moves
from rag_core.moving import MoveReport
from rag_core.store_choice import masked
from ui import services
from ui.errors import boundary
from ui.index_lab import following
from ui.store_lab import health_panel
from ui.text import number, plain


def begin(collection: str, url: str) -> None:
    """Copy the collection to another store, behind the page."""
    pipeline = services.pipeline(collection)
    st.session_state[_target(collection)] = url
    following.begin(
        _name(collection),
        lambda report: store_moves.move_to(pipeline, url, on_progress=report),
    )


def show(collection: str) -> None:
    """Draw the move that goes on or that has ended; nothing when there was none."""
    if not following.known(_name(collection)):
        return
    url = str(st.session_state.get(_target(collection), ""))
    with st.container(border=True):
        st.markdown(f"**Moving to** {plain(masked(url), limit=300)}")
        st.caption(
            "Chunks and vectors are copied, nothing is embedded again and nothing removed. "
            "Searches go on; uploads wait. Stopped, it goes on where it was."
        )
        report: MoveReport | None = following.show(_name(collection), "Copying")
        if report is not None:
            _ended(collection, url, report)
        elif following.ended(_name(collection)):
            st.button(
                "Move again", key="move_again", icon=":material/replay:",
                on_click=begin, args=(collection, url),
            )  # fmt: skip


def _ended(collection: str, url: str, report: MoveReport) -> None:
    st.success(
        f"{number(report.chunks, 'chunk')} there, {report.copied:,} copied now, in "
        f"{report.seconds:.1f} s. The count agrees; {report.queries} sampled queries find "
        f"{report.overlap:.0%} of the same top 10.",
        icon=":material/check_circle:",
    )
    source = services.pipeline(collection).store_choice.source
    if source == "environment":
        st.info(
            "RAGSCOPE_STORE still names the old store: set it to the new url and start again.",
            icon=":material/info:",
        )
        return
    with st.container(horizontal=True):
        st.button(
            "Use the new store", key="switch_store", type="primary",
            icon=":material/swap_horiz:", on_click=_switch, args=(collection, url),
        )  # fmt: skip
        st.button("Stay with the old one", key="stay", on_click=_forget, args=(collection,))
    st.caption("Earlier versions of the index, to go back to, stay in the old store.")


def _switch(collection: str, url: str) -> None:
    with boundary():
        store_moves.use_store(services.pipeline(collection), url)
        _forget(collection)
        health_panel.forget(collection)
        st.toast("The collection is searched in the new store now.", icon=":material/check:")


def _forget(collection: str) -> None:
    following.forget(_name(collection))
    st.session_state.pop(_target(collection), None)


def _name(collection: str) -> str:
    return f"move-{collection}"


def _target(collection: str) -> str:
    return f"move_target-{collection}"
