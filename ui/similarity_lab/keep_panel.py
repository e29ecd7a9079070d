"""The Keep panel: take the numbers along, and look after the cache they came out of."""

from __future__ import annotations

import streamlit as st

from rag_core.similarity import METRICS, similarity_matrix
from rag_core.similarity_lab.export import as_python, matrix_csv, pairs_csv
from ui import services
from ui.errors import boundary
from ui.similarity_lab import work
from ui.similarity_lab.view import View
from ui.text import number, plain

_MEGABYTE = 2**20


def show(view: View) -> None:
    """Offer files, a script, and the cache."""
    metric = st.selectbox("Metric", list(METRICS), key="kept_metric", bind="query-params")
    with st.container(horizontal=True):
        # Called when clicked: the files are not made with every run of the page.
        st.download_button(
            "Matrix as CSV",
            lambda: matrix_csv(view.texts, similarity_matrix(view.vectors, metric=metric)),
            "similarity-matrix.csv", "text/csv", key="save_matrix", icon=":material/download:",
            on_click="ignore",
        )  # fmt: skip
        st.download_button(
            "Pairs as CSV",
            lambda: pairs_csv(view.texts, work.pairs(view.texts, view.matrix, view.model)),
            "similarity-pairs.csv", "text/csv", key="save_pairs", icon=":material/download:",
            on_click="ignore",
        )  # fmt: skip
    st.caption("Every chart has a button in its corner that saves it as a PNG.")
    st.subheader("As Python", anchor=False)
    st.code(as_python(view.texts, view.model, metric), language="python")
    _cache(view.collection)


def _cache(collection: str) -> None:
    pipeline = services.pipeline(collection)
    found = pipeline.home.vectors.report()
    st.subheader("Embedding cache", anchor=False)
    st.caption(
        f"{number(found.entries, 'vector')} of texts embedded before, in "
        f"{found.file_bytes / _MEGABYTE:,.1f} of at most {found.max_bytes / _MEGABYTE:,.0f} MB on "
        f"the disk. It holds no text. Since the start {found.hits:,} were found in it and "
        f"{found.misses:,} were not."
    )
    passages = pipeline.home.passages.report()
    st.caption(
        f"Beside it stand the token vectors of {number(passages.entries, 'passage')}, which late "
        f"interaction reads: {passages.file_bytes / _MEGABYTE:,.1f} of at most "
        f"{passages.max_bytes / _MEGABYTE:,.0f} MB. Clearing a model clears its own."
    )
    own = pipeline.embedder.fingerprint
    for model, share in found.models.items():
        with st.container(horizontal=True, vertical_alignment="center"):
            name = f"{plain(pipeline.embedder.name)} " if model == own else ""
            size = share.bytes / _MEGABYTE
            st.markdown(
                f"{name}:small[{plain(model)}] · {number(share.entries, 'vector')}, {size:,.1f} MB",
                width="stretch",
            )
            st.button(
                "Clear", key=f"clear-{model}", type="tertiary", icon=":material/delete:",
                on_click=_clear, args=(collection, model),
            )  # fmt: skip
    if not found.models:
        st.caption("It is empty. What is embedded next goes in.")


def _clear(collection: str, model: str) -> None:
    with boundary():
        home = services.pipeline(collection).home
        home.vectors.clear(model)
        home.passages.clear(model)
        st.toast("Forgotten. The next look embeds these texts again.", icon=":material/delete:")
