"""Chat: ask the collection, watch the answer come, open what it rests on."""

import streamlit as st

from ui import indexing, services, state
from ui.chat import (
    asking,
    history_panel,
    model_settings,
    source_pane,
    suggestions,
    talk,
    turn_view,
)
from ui.errors import boundary

collection = state.collection()
linked = state.pending_question()  # before the conversation's own link is set

with st.container(horizontal=True, vertical_alignment="center"):
    st.title("Chat", anchor=False)
    st.space("stretch")
    with boundary():
        open_ = talk.current(collection)
        history_panel.show(open_)
        model_settings.button()
with boundary():
    question = st.chat_input("Ask your documents", key="question") or linked
    if not services.pipeline(collection).documents():
        indexing.panel(collection, by_file=False)
        with st.container(border=True, key="empty"):
            st.subheader("Nothing to ask yet", anchor=False)
            st.markdown("This collection holds no document. Add some, then come back and ask.")
            st.page_link("pages/upload_page.py", label="Upload", icon=":material/upload_file:")
            st.page_link("pages/overview_page.py", label="Sample library", icon=":material/home:")
        st.stop()
    if not open_.turns and not question:
        st.caption("Answers come with numbered citations; click one to see it in its document.")
        if offered := suggestions.of(collection):
            st.pills("For instance", offered, key="suggestion", on_change=state.ask_suggestion)
    beside = source_pane.cited(open_)
    for place in range(len(open_.turns)):
        if beside and beside[0] == place:
            talking, source = st.columns([3, 2])
            with talking:
                turn_view.show(open_, place)
            with source:
                source_pane.show(open_, *beside)
        else:
            turn_view.show(open_, place)
    if question:
        talk.close_source()
        asking.ask(open_, question)
        state.share("" if open_.id else question)  # a kept one's link asks nothing again
        st.rerun()
