"""The Map panel: a collection in two or three dimensions, and a query dropped into it."""

from __future__ import annotations

import streamlit as st

from rag_core.protocols import FloatArray
from rag_core.similarity_lab.export import map_csv
from rag_core.similarity_lab.maps import METHODS, Map, Neighbour, neighbours
from ui import services
from ui.figure import draw
from ui.similarity_lab import map_chart, work
from ui.similarity_lab.view import View
from ui.similarity_lab.work import Atlas
from ui.text import number, plain

_KEY = "map_chart"
_DOCUMENT, _CLUSTER = "document", "cluster"


def show(view: View) -> None:
    """Draw the collection's map, with the query's true neighbours."""
    pipeline = services.pipeline(view.collection)
    generation = pipeline.home.catalog.generation(view.collection)
    with st.spinner("Fetching the vectors"):
        known = work.atlas(view.collection, generation)
    if not known.chunks:
        st.info(
            "This collection is empty. Add documents on the Upload page, or load the samples on "
            "the Overview.", icon=":material/upload_file:",
        )  # fmt: skip
        return
    method, dimensions, colour, query, k = _controls(known)
    drawn = work.drawn(view.collection, generation, method, dimensions)
    found, landed = _dropped(view.collection, known, drawn, query, k)
    groups = _groups(view.collection, generation, known, colour)
    figure = map_chart.figure(known, drawn, groups, found, landed)
    draw(
        figure, key=_KEY, on_select="rerun", selection_mode="points",
        alt=f"Map of {len(known.chunks)} chunks by {method}, coloured by {colour}",
    )  # fmt: skip
    kept = work.kept(view.collection, generation, method, dimensions, known, drawn)
    st.caption(_honest(drawn, kept))
    _picked(known)
    if found:
        _neighbours(known, found)
    ids = [chunk.id for chunk in known.chunks]
    st.download_button(
        "Coordinates as CSV", lambda: map_csv(ids, _names(known), groups, drawn.points),
        "map.csv", "text/csv", key="save_map", icon=":material/download:", on_click="ignore",
    )  # fmt: skip


def _controls(known: Atlas) -> tuple[str, int, str, str, int]:
    places = st.columns([4, 2, 5], vertical_alignment="bottom")
    method = places[0].segmented_control(
        "Method", METHODS, default="PCA", required=True, key="method", bind="query-params",
        help="PCA is there at once. t-SNE takes some seconds and keeps neighbours together better; "
        "any click stops it.",
    )  # fmt: skip
    three = places[1].toggle("3-D", key="three", bind="query-params", disabled=method != "PCA")
    colour = places[2].selectbox(
        "Coloured by", [_DOCUMENT, _CLUSTER, *_fields(known)], key="colour", bind="query-params"
    )
    left, right = st.columns([5, 2], vertical_alignment="bottom")
    query = left.text_input(
        "Drop a query in", key="query", bind="query-params", placeholder="Where would this land?"
    )
    k = right.slider("Lines to the nearest", 1, 20, 5, key="k", bind="query-params")
    return (
        method or "PCA", 3 if three and method == "PCA" else 2, colour or _DOCUMENT,
        (query or "").strip(), int(k),
    )  # fmt: skip


def _fields(known: Atlas) -> list[str]:
    """Return the metadata fields that a colour can stand for: not too many values."""
    values: dict[str, set[str]] = {}
    for chunk in known.chunks:
        for field, value in chunk.metadata.items():
            values.setdefault(field, set()).add(str(value))
    return sorted(field for field, some in values.items() if field != "name" and len(some) <= 40)


def _groups(collection: str, generation: int, known: Atlas, colour: str) -> list[str]:
    if colour == _CLUSTER:
        return [f"cluster {place + 1}" for place in work.clustered(collection, generation)]
    if colour == _DOCUMENT:
        return _names(known)
    return [str(chunk.metadata.get(colour, "none")) for chunk in known.chunks]


def _names(known: Atlas) -> list[str]:
    return [str(chunk.metadata.get("name", chunk.document_id)) for chunk in known.chunks]


def _dropped(
    collection: str, known: Atlas, drawn: Map, query: str, k: int
) -> tuple[list[Neighbour], FloatArray | None]:
    if not query:
        return [], None
    vector = services.pipeline(collection).embedder.embed_query(query)
    landed = drawn.place(vector[None, :])[0]
    return neighbours(known.vectors, vector, drawn.points, landed, k), landed


def _honest(drawn: Map, kept: float) -> str:
    said = (
        f"Of each chunk's 10 nearest neighbours, {kept:.0%} are among the 10 nearest on this map."
    )
    if drawn.kept is None:
        return f"{said} t-SNE's axes and large distances mean nothing."
    return f"{said} The axes show {drawn.kept:.0%} of what sets the vectors apart."


def _picked(known: Atlas) -> None:
    chart = st.session_state.get(_KEY)
    points = chart.selection.points if chart else []
    place = points[0].get("customdata") if points else None
    row = place[0] if isinstance(place, list) and place else place
    if not isinstance(row, int) or not 0 <= row < len(known.chunks):
        return
    chunk = known.chunks[row]
    with st.container(border=True, key="picked_chunk"):
        st.markdown(f"**{plain(_names(known)[row])}** · chunk {chunk.index + 1}")
        st.text(chunk.text)


def _neighbours(known: Atlas, found: list[Neighbour]) -> None:
    names = _names(known)
    farthest = max(one.map_rank for one in found)
    st.markdown(
        f"**The {number(len(found), 'true neighbour')}.** The map shows the last of them as "
        f"number {farthest:,}."
    )
    st.dataframe(
        [
            {
                "True rank": one.rank,
                "Cosine": one.similarity,
                "Rank on the map": one.map_rank,
                "Distance on the map": one.map_distance,
                "Document": names[one.row],
                "Text": known.chunks[one.row].text,
            }
            for one in found
        ],
        hide_index=True, key="map_neighbours",
        column_config={
            "Cosine": st.column_config.NumberColumn(format="%.3f"),
            "Distance on the map": st.column_config.NumberColumn(format="%.2f"),
        },
        alt="The query's true neighbours, with their rank and distance on the map",
    )  # fmt: skip
