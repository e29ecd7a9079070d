"""Overview: what is indexed, the sample library in one click, and where to go next."""

import streamlit as st

from ui import indexing, services, state
from ui.errors import boundary
from ui.overview import begin, next_steps, totals, way_of_a_question

collection = state.collection()

st.title("Ragscope", anchor=False)
st.markdown(
    "See how retrieval answers: upload documents, watch them being cut, embedded and indexed, "
    "and ask questions that are answered with citations you can check. Everything runs on this "
    "machine."
)
with boundary():
    documents = services.pipeline(collection).documents()
    if documents:
        totals(documents)
    elif not services.queue(collection).busy:
        with st.container(border=True, key="empty"):
            st.subheader("This collection is empty", anchor=False)
            begin(collection)
    indexing.panel(collection, by_file=False)
    next_steps()
    way_of_a_question()
