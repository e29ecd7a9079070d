"""The Versions panel: what each document was made with, what is stale, what mending costs."""

from __future__ import annotations

import streamlit as st

from rag_core.index_manager import DocumentVersion, IndexManager, RebuildCost
from ui import access, services
from ui.errors import boundary
from ui.index_lab import following
from ui.index_lab.words import cut, lasting, when
from ui.similarity_lab.work import other_model
from ui.text import number, plain


def show(collection: str) -> None:
    """Draw the state of every document, and whether a rebuild is due."""
    pipeline = services.pipeline(collection)
    manager = IndexManager(pipeline)
    with st.spinner("Loading the model, to compare"):
        versions = manager.versions()
    stale = [version for version in versions if version.stale]
    _numbers(collection, versions, stale)
    _due(manager, len(stale), len(versions))
    st.dataframe(
        [_row(collection, version) for version in sorted(versions, key=lambda v: not v.stale)],
        hide_index=True, key="versions",
        column_config={"Chunks": st.column_config.NumberColumn(format="localized")},
        alt=f"{len(versions)} documents: model, chunking, when they were embedded, why stale",
    )  # fmt: skip
    _threshold(collection, manager)
    cost(collection, pipeline.embedder.name)


def cost(collection: str, model: str) -> None:
    """Offer to work out what making everything anew would take; show it once it is known."""
    name = f"cost-{collection}-{model}"
    st.button(
        "What would a rebuild cost?", key="cost", icon=":material/payments:",
        on_click=_work_out, args=(collection, model, name),
        help="Cuts every document and embeds 32 chunks, to measure how quick the model is here. "
        "Nothing is sent to a paid provider.",
    )  # fmt: skip
    found: RebuildCost | None = following.show(name, "Measuring")
    if found is None:
        return
    columns = st.columns(3)
    columns[0].metric("Chunks to embed", f"{found.chunks:,}", border=True)
    columns[1].metric(
        "Time", lasting(found.seconds), border=True,
        help="From the measured speed. Unknown where measuring would cost money.",
    )  # fmt: skip
    price = "unknown" if found.price_usd is None else f"{found.price_usd:,.4f} USD"
    columns[2].metric("Price", "nothing" if found.price_usd == 0 else price, border=True)


def _work_out(collection: str, model: str, name: str) -> None:
    with boundary():
        pipeline = services.pipeline(collection)
        other = None if model == pipeline.embedder.name else other_model(model)
        following.begin(name, lambda _: IndexManager(pipeline).cost(other))


def _numbers(
    collection: str, versions: list[DocumentVersion], stale: list[DocumentVersion]
) -> None:
    pipeline = services.pipeline(collection)
    columns = st.columns(4)
    columns[0].metric("Documents", f"{len(versions):,}", border=True)
    columns[1].metric("Stale", f"{len(stale):,}", border=True)
    chunks = sum(version.info.chunks for version in versions)
    columns[2].metric("Chunks", f"{chunks:,}", border=True)
    columns[3].metric("Dimension", f"{pipeline.embedder.dimension:,}", border=True)
    st.caption(
        f"New documents are embedded with {plain(pipeline.embedder.name)}, fingerprint "
        f"{pipeline.embedder.fingerprint}, and cut as {plain(cut(pipeline.chunking.settings()))}."
    )


def _due(manager: IndexManager, stale: int, documents: int) -> None:
    share = stale / documents if documents else 0.0
    if not stale:
        st.success("Every document is as it would be made now.", icon=":material/check_circle:")
    elif share > manager.threshold:
        st.warning(
            f"{share:.0%} of the documents are stale, more than the {manager.threshold:.0%} "
            "allowed: a rebuild is due. It works beside the index that answers.",
            icon=":material/update:",
        )  # fmt: skip
    else:
        st.info(
            f"{number(stale, 'document')} of {documents:,} would be made otherwise now; up to "
            f"{manager.threshold:.0%} is allowed.", icon=":material/info:",
        )  # fmt: skip


def _row(collection: str, version: DocumentVersion) -> dict[str, object]:
    pipeline = services.pipeline(collection)
    model = pipeline.home.catalog.model(collection)
    names = {model.fingerprint: model.name} if model else {}
    return {
        "Document": version.info.name,
        "State": f"stale: {' and '.join(version.reasons)}" if version.stale else "current",
        "Chunks": version.info.chunks,
        "Embedded with": ", ".join(
            f"{names[key]} ({key})" if key in names else key for key in version.fingerprints
        ),
        "Cut": cut(version.info.chunker),
        "Embedded": when(version.embedded_at),
    }


def _threshold(collection: str, manager: IndexManager) -> None:
    if not access.may_edit():
        return
    with st.popover("When a rebuild is due", icon=":material/tune:"):
        st.slider(
            "Stale documents allowed, in per cent", 0, 100, round(manager.threshold * 100), 5,
            key="stale_allowed", on_change=_allow, args=(collection,),
        )  # fmt: skip


def _allow(collection: str) -> None:
    with boundary():
        share = int(st.session_state["stale_allowed"]) / 100
        IndexManager(services.pipeline(collection)).threshold = share
        st.toast(f"A rebuild is due above {share:.0%}.", icon=":material/tune:")
