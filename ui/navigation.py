"""The pages: where each stands in the menu, its url path, its file, its icon.

A new page is one line here; lessons and scenes can open it by its url path then, too.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from ui import services

# Section of the menu -> (url path, file in pages/, title, icon), in order; the first one is home.
_MENU: Mapping[str, tuple[tuple[str, str, str, str], ...]] = {
    "Documents": (
        ("overview", "overview_page.py", "Overview", "home"),
        ("upload", "upload_page.py", "Upload", "upload_file"),
        ("index", "index_page.py", "Index", "database"),
        ("store", "store_page.py", "Store", "hard_drive"),
    ),
    "See": (
        ("chunking", "chunking_page.py", "Chunking", "content_cut"),
        ("similarity", "similarity_page.py", "Similarity", "hub"),
        ("search", "search_page.py", "Search", "search"),
        ("ann", "ann_page.py", "Exact vs approximate", "speed"),
    ),
    "Ask": (
        ("chat", "chat_page.py", "Chat", "forum"),
        ("lanes", "lanes_page.py", "Two lanes", "compare_arrows"),
    ),
    "Measure": (
        ("evaluation", "evaluation_page.py", "Evaluation", "analytics"),
        ("xray", "xray_page.py", "X-ray", "radiology"),
        ("drift", "drift_page.py", "Drift", "monitor_heart"),
    ),
    "Learn": (("lessons", "lessons_page.py", "Lessons", "school"),),
}

# Not in the menu: one opens by the presenter's link or QR code, one is passed on the way.
_HIDDEN = (("audience", "audience_page.py", "Audience"), ("open", "open_page.py", "Open"))

FILES: Mapping[str, str] = {
    url: f"pages/{file}" for section in _MENU.values() for url, file, _, _ in section
}
"""The pages that lessons and scenes may open: url path to file."""


HOME = next(iter(FILES))


def switch(page: str, query: Mapping[str, list[str]]) -> None:
    """Go on from a page without widgets to another, set up by its query; nothing runs after it."""
    rest = dict(query)
    # The sidebar is no page's own: on the way its choice may still be bound to the link, and then
    # the link must not name it. The widget itself can be told in any case.
    (*_, collection) = rest.pop("collection", [""])
    if collection in services.collections():
        st.session_state["collection"] = collection
    st.switch_page(FILES[page], query_params=rest)


def _home() -> None:
    """Pass on whoever comes by the home page's name; its address is the bare one."""
    switch(HOME, {key: st.query_params.get_all(key) for key in st.query_params})


def pages() -> dict[str, list[StreamlitPage]]:
    """Return the pages as `st.navigation` takes them, by section."""
    found = {
        section: [
            st.Page(
                f"pages/{file}",
                title=title,
                icon=f":material/{icon}:",
                # Streamlit gives the home page the empty path, and keeps this one from others
                url_path="home" if url == HOME else url,
                default=url == HOME,
            )
            for url, file, title, icon in entries
        ]
        for section, entries in _MENU.items()
    }
    found[""] = [
        st.Page(f"pages/{file}", title=title, url_path=url, visibility="hidden")
        for url, file, title in _HIDDEN
    ]
    found[""].append(st.Page(_home, title="Home", url_path=HOME, visibility="hidden"))
    return found
