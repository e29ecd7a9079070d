"""Overview: what is indexed, the sample library in one click, and where to go next."""

import streamlit as st

from ui import indexing, services, state
from ui.errors import boundary
from ui.overview import next_steps, totals, way_of_a_question

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
            st.markdown(
                "Start with the sample library, thirteen short documents on thirteen subjects, "
                "or with documents of your own."
            )
            with st.container(horizontal=True):
                st.button(
                    "Load the sample library",
                    key="load_samples",
                    type="primary",
                    icon=":material/library_add:",
                    on_click=services.load_samples,
                    args=(collection,),
                )
                st.page_link(
                    "pages/upload_page.py", label="Upload your own", icon=":material/upload_file:"
                )
    indexing.panel(collection, by_file=False)
    next_steps()
    way_of_a_question()
