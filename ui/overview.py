"""The parts of the Overview."""

from __future__ import annotations

import streamlit as st

from rag_core.catalog import DocumentInfo
from ui import access, services

_STEPS = (
    (":material/content_cut:", "Cut", "A document becomes chunks of a few sentences, each with "
     "its exact place."),
    (":material/scatter_plot:", "Embed", "A model turns each chunk into 384 numbers: a point near "
     "the points of similar meaning."),
    (":material/manage_search:", "Search", "The question's words and its point each rank the "
     "chunks; the two rankings are joined and read again."),
    (":material/format_quote:", "Answer", "The best sentences are quoted, or a model writes from "
     "them. Every statement cites its place."),
)  # fmt: skip
_NEXT = (
    ("pages/upload_page.py", "Upload", ":material/upload_file:",
     "Add files, watch each stage, look after the library."),
    ("pages/chunking_page.py", "Chunking", ":material/content_cut:",
     "Cut one text in several ways and see what that does to an answer."),
    ("pages/chat_page.py", "Chat", ":material/forum:",
     "Ask, and open every citation at its place."),
)  # fmt: skip


def totals(documents: list[DocumentInfo]) -> None:
    """Show what the collection holds, in four numbers."""
    with st.container(horizontal=True, key="totals"):
        for label, value in (
            ("Documents", len(documents)),
            ("Chunks", sum(info.chunks for info in documents)),
            ("Pages", sum(info.pages for info in documents)),
            ("Characters", sum(info.characters for info in documents)),
        ):
            st.metric(label, f"{value:,}", border=True)


def begin(collection: str) -> None:
    """Offer an empty collection's two beginnings to those who may add documents."""
    if not access.may_edit():
        st.markdown("Nothing can be found yet: somebody who may add documents has to begin.")
        return
    st.markdown(
        "Start with the sample library, thirteen short documents on thirteen subjects, "
        "or with documents of your own."
    )
    with st.container(horizontal=True):
        st.button(
            "Load the sample library", key="load_samples", type="primary",
            icon=":material/library_add:", on_click=services.load_samples, args=(collection,),
        )  # fmt: skip
        st.page_link("pages/upload_page.py", label="Upload your own", icon=":material/upload_file:")


def next_steps() -> None:
    """Show where to go, a card a page."""
    st.subheader("Where to go next", anchor=False)
    columns = st.columns(len(_NEXT))
    for column, (page, label, icon, teaches) in zip(columns, _NEXT, strict=True):
        with column, st.container(border=True, height="stretch", key=f"next-{label}"):
            st.page_link(page, label=f"**{label}**", icon=icon)
            st.caption(teaches)


def way_of_a_question() -> None:
    """Show the four steps from a document to an answer."""
    st.subheader("From a document to an answer", anchor=False)
    columns = st.columns(len(_STEPS))
    for number, (column, (icon, name, text)) in enumerate(zip(columns, _STEPS, strict=True), 1):
        with column, st.container(border=True, height="stretch", key=f"step-{name}"):
            st.markdown(f"{icon} **{number}. {name}**")
            st.caption(text)
