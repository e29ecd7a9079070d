"""The X-ray page: the health of an index at a glance, and one button that makes it anew."""

from __future__ import annotations

import json

import streamlit as st

from rag_core.index_manager import IndexManager, XRay
from ui import access, services
from ui.errors import boundary
from ui.index_lab import following, rebuild_panel
from ui.index_lab.words import cut, size, when
from ui.text import number

_LISTED = 200
_PARTS = {
    "catalog": "Catalog: documents, chunks, settings",
    "originals": "Originals: the files as they came",
    "store": "Store: vectors and their index",
    "cache": "Cache: vectors, so that nothing is embedded twice",
}


def show(collection: str) -> None:
    """Look through the index when asked to, and the first time."""
    name = f"xray-{collection}-{services.pipeline(collection).home.catalog.generation(collection)}"
    st.caption(
        "Asks the index for chunks by their own vectors, compares its records with the catalog, "
        "and weighs the data folder."
    )
    asked = st.button("Look again", key="look_again", icon=":material/refresh:")
    if asked or not following.known(name):
        _begin(collection, name)
    found: XRay | None = following.show(name, "Looking")
    if found is None:
        return
    _verdict(found)
    _numbers(found)
    left, right = st.columns(2)
    with left:
        _findings(collection, found)
    with right:
        _room(found)
        _kinds(collection, found)
    _fresh(collection)


def _begin(collection: str, name: str) -> None:
    manager = IndexManager(services.pipeline(collection))
    following.begin(name, lambda _: manager.xray())


def _verdict(found: XRay) -> None:
    if found.healthy:
        st.success("This index is healthy.", icon=":material/check_circle:")
    else:
        st.error(
            "Something is wrong with this index. Repair it on the Index page under Care, or make "
            "it anew with the button below: the documents are all there.", icon=":material/error:",
        )  # fmt: skip


def _numbers(found: XRay) -> None:
    columns = st.columns(4)
    columns[0].metric("Chunks", f"{found.chunks:,}", border=True)
    columns[1].metric(
        "Found by own vector", f"{found.asked - len(found.not_found):,}/{found.asked:,}",
        border=True, help="Chunks that come back when the index is asked with their own vector.",
    )  # fmt: skip
    columns[2].metric(
        "Missing/orphaned", f"{len(found.missing):,}/{len(found.orphans):,}", border=True,
        help="In the catalog but not in the index; in the index but not in the catalog.",
    )  # fmt: skip
    columns[3].metric(
        "Texts more than once", f"{len(found.duplicates):,}", border=True,
        help="Not an error: the same passage in two places of the documents. It takes two places "
        "among the hits, too.",
    )  # fmt: skip
    st.caption(f"Last write: {when(found.last_write)}.")


def _findings(collection: str, found: XRay) -> None:
    st.subheader("Findings", anchor=False)
    chunks = {c.id: c for c in services.pipeline(collection).home.catalog.chunks(collection)}

    def row(kind: str, id_: str) -> dict[str, object]:
        chunk = chunks.get(id_)
        name = str(chunk.metadata.get("name", "")) if chunk else ""
        return {
            "Finding": kind,
            "Document": name,
            "Chunk": chunk.index + 1 if chunk else None,
            "Text": chunk.text[:120] if chunk else id_,
        }

    rows = [row("not found by its vector", id_) for id_ in found.not_found]
    rows += [row("missing in the index", id_) for id_ in found.missing]
    rows += [row("orphan in the index", id_) for id_ in found.orphans]
    rows += [
        {"Finding": "orphaned folder", "Document": "", "Chunk": None, "Text": folder}
        for folder in found.orphaned_folders
    ]
    rows += [row(f"same text, group {n}", id_)
             for n, group in enumerate(found.duplicates, 1) for id_ in group]  # fmt: skip
    if not rows:
        st.caption("None.")
        return
    st.dataframe(
        rows[:_LISTED], hide_index=True, key="xray_findings",
        alt=f"{number(len(rows), 'finding')}: what, in which document, which chunk",
    )  # fmt: skip


def _room(found: XRay) -> None:
    st.subheader("On the disk", anchor=False)
    st.dataframe(
        [
            {"Part": _PARTS.get(part, part), "Size": size(count)}
            for part, count in found.bytes.items()
        ],
        hide_index=True, key="xray_sizes", alt="The size of every part of the data folder",
    )  # fmt: skip
    st.caption(
        f"The vectors and texts of this collection come to {size(found.bytes_expected)}. The "
        "folder holds all collections, and an approximate index takes room of its own."
    )


def _kinds(collection: str, found: XRay) -> None:
    st.subheader("Models and chunkings", anchor=False)
    model = services.pipeline(collection).home.catalog.model(collection)
    names = {model.fingerprint: f"{model.name} ({model.fingerprint})"} if model else {}
    rows = [
        {"Kind": "model", "Which": names.get(key, key), "How many": number(count, "chunk")}
        for key, count in found.models.items()
    ]
    rows += [
        {"Kind": "chunking", "Which": cut(json.loads(key)), "How many": number(count, "document")}
        for key, count in found.chunkers.items()
    ]
    st.dataframe(rows, hide_index=True, key="xray_kinds", alt="Models and chunkings in the index")
    if len(found.models) > 1:
        st.warning("Vectors of two models do not compare: rebuild.", icon=":material/warning:")
    if len(found.chunkers) > 1:
        st.caption("Documents cut in different ways are searched together; a rebuild evens it out.")


def _fresh(collection: str) -> None:
    running = IndexManager(services.pipeline(collection)).running()
    if running is not None and running.busy:
        rebuild_panel.follow(running)
    elif access.may_edit():
        st.button(
            "Rebuild into a fresh collection", key="fresh", type="primary",
            icon=":material/autorenew:", on_click=_rebuild, args=(collection,),
            help="Beside the one that answers; swapped when it is whole. The Index page shows the "
            "way back.",
        )  # fmt: skip


def _rebuild(collection: str) -> None:
    with boundary():
        rebuild_panel.start(collection)
