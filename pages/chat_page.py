"""Chat: ask the collection, watch the answer come, open what it rests on."""

import streamlit as st

from ui import conversation, indexing, services, state
from ui.errors import boundary

collection = state.collection()

st.title("Chat", anchor=False)
with boundary():
    turns = state.turns(collection)
    question = st.chat_input("Ask your documents", key="question") or state.pending_question()
    if not services.pipeline(collection).documents():
        indexing.panel(collection, by_file=False)
        with st.container(border=True, key="empty"):
            st.subheader("Nothing to ask yet", anchor=False)
            st.markdown("This collection holds no document. Add some, then come back and ask.")
            st.page_link("pages/upload_page.py", label="Upload", icon=":material/upload_file:")
            st.page_link("pages/overview_page.py", label="Sample library", icon=":material/home:")
        st.stop()
    if not turns and not question:
        st.caption("Answers come with numbered citations; click one to see it in its document.")
        if suggestions := conversation.suggestions(collection):
            st.pills("For instance", suggestions, key="suggestion", on_change=state.ask_suggestion)
    for place, turn in enumerate(turns):
        conversation.show_turn(collection, place, turn)
    if question:
        conversation.ask(collection, question)
        state.share(question)
        st.rerun()
    if turns:
        st.button(
            "Clear the conversation",
            key="clear",
            type="tertiary",
            icon=":material/delete_sweep:",
            on_click=state.forget_turns,
            args=(collection,),
        )
