"""Similarity: what a model finds alike, in numbers, tokens and maps, and when to be surprised."""

import streamlit as st

from rag_core.similarity_lab.examples import PROBLEM_1
from ui import state
from ui.errors import boundary
from ui.similarity_lab import (
    controls,
    keep_panel,
    map_panel,
    matrix_panel,
    metrics_panel,
    models_panel,
    pairs_panel,
    predict_panel,
    sources,
    tokens_panel,
    work,
)

SHOW = {
    "Matrix": matrix_panel.show,
    "Pairs": pairs_panel.show,
    "Metrics": metrics_panel.show,
    "Predict": predict_panel.show,
    "Tokens": tokens_panel.show,
    "Models": models_panel.show,
    "Map": map_panel.show,
    "Keep": keep_panel.show,
}
collection = state.collection()

st.title("Similarity", anchor=False)
with boundary():
    panel = controls.panel()
    # The map shows the whole collection; every other panel the texts that are chosen here.
    texts = sources.pick(collection) if panel != "Map" else list(PROBLEM_1)
    if len(texts) < 2:
        st.info(
            "Type at least two texts above, or choose a collection that has documents.",
            icon=":material/edit_note:",
        )
    else:
        SHOW[panel](work.view(collection, texts))
