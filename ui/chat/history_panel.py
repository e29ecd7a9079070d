"""The list of kept conversations: open, search, rename, delete, take along."""

from __future__ import annotations

from pathlib import PurePath

import streamlit as st

from rag_core.conversations import TITLE_LENGTH
from rag_core.transcripts import as_json, as_markdown
from rag_core.turns import Conversation
from ui import access
from ui.chat import talk
from ui.chat.talk import Talk
from ui.errors import boundary
from ui.index_lab.words import when
from ui.text import number, plain

_LISTED = 30


def show(open_: Talk) -> None:
    """Draw the buttons above the conversation."""
    if access.may_edit():
        kept = st.popover(
            "Conversations", icon=":material/history:", key="conversations", on_change="rerun"
        )
        if kept.open:
            with kept:
                _list(open_)
    if open_.turns:
        st.button(
            "New", key="new_talk", icon=":material/add_comment:", on_click=talk.new,
            args=(open_.collection,), help="Begin anew; this conversation stays in the list.",
        )  # fmt: skip


def _list(open_: Talk) -> None:
    search = st.text_input("Search", key="talk_search", placeholder="in titles and texts")
    found = talk.listed(open_.collection, search or "")
    if open_.id:
        _this_one(open_)
    if not found:
        st.caption("No conversation holds this." if search else "None is kept yet.")
    for conversation in found[:_LISTED]:
        title = plain(conversation.title or "Untitled", limit=60)
        st.button(  # the time too: two about the same question differ in nothing else
            f"{title} · {when(conversation.changed_at)}",
            key=f"open-{conversation.id}", type="tertiary",
            disabled=conversation.id == open_.id, on_click=_open,
            args=(open_.collection, conversation.id), help=number(conversation.turns, "question"),
        )  # fmt: skip
    if len(found) > _LISTED:
        st.caption(f"And {len(found) - _LISTED:,} more: search for them.")


def _this_one(open_: Talk) -> None:
    with st.container(border=True, key="this_talk"):
        st.caption("This conversation")
        st.text_input(
            "Title", open_.title, key=f"title-{open_.id}", max_chars=TITLE_LENGTH,
            on_change=_rename, args=(open_,),
        )  # fmt: skip
        with st.container(horizontal=True):
            for name, suffix, kind in (
                ("Markdown", "md", "text/markdown"),
                ("JSON", "json", "application/json"),
            ):
                st.download_button(
                    name, lambda suffix=suffix: _exported(open_, suffix),  # type: ignore[misc]
                    f"{_stem(open_.title)}.{suffix}", kind, key=f"export-{suffix}",
                    icon=":material/download:", on_click="ignore",
                )  # fmt: skip
            if st.checkbox("Delete it", key=f"sure-{open_.id}"):
                st.button(
                    "Delete for good", key="delete_talk", type="primary",
                    icon=":material/delete:", on_click=_delete, args=(open_,),
                )  # fmt: skip


def _exported(open_: Talk, suffix: str) -> str:
    kept = talk.store(open_.collection)
    conversation: Conversation = kept.conversation(open_.id)
    turns = kept.turns(open_.id)
    return as_markdown(conversation, turns) if suffix == "md" else as_json(conversation, turns)


def _open(collection: str, id_: str) -> None:
    with boundary():
        talk.open_(collection, id_)


def _rename(open_: Talk) -> None:
    with boundary():
        title = str(st.session_state.get(f"title-{open_.id}", "")).strip()
        if title:
            talk.store(open_.collection).rename(open_.id, title)
            open_.title = title


def _delete(open_: Talk) -> None:
    with boundary():
        talk.store(open_.collection).delete(open_.id)
        talk.new(open_.collection)


def _stem(title: str) -> str:
    """Return a title as a file's name: letters and digits alone."""
    kept = "".join(char if char.isalnum() else "-" for char in title).strip("-")
    return PurePath(kept[:40] or "conversation").name
