"""What is measured: vectors, queries, and the settings of the indexes; all of it is in the link."""

from __future__ import annotations

import streamlit as st

from ui.ann_lab import state
from ui.ann_lab.settings import (
    ASKED,
    COLLECTION,
    DIMENSIONS,
    QUESTIONS,
    SOURCES,
    SPREADS,
    SYNTHETIC,
    Settings,
    usual_clusters,
    usual_probes,
    whole_numbers,
)

PANELS = ("Curve", "Table", "Cost", "Missed", "Keep")
_MOST_VECTORS = 100_000
_MOST_QUERIES = 1_000
_PROBES_HELP = (
    "In how many of the clusters IVF looks. The least with recall over 90 % is found and added."
)
_EF_HELP = (
    "How many candidates HNSW keeps while it walks its graph. Leave it empty to do without: its "
    "graph takes by far the longest to build."
)


def choose(collection: str, size: int) -> Settings | None:
    """Ask what to measure; None, and what to do, while there is nothing to measure.

    Args:
        collection: whose vectors can be measured.
        size: how many chunks it has.

    Raises:
        SettingsError: for lists of numbers that are none.
    """
    source = st.segmented_control(
        "Vectors", SOURCES, default=SYNTHETIC, required=True, key="vectors", bind="query-params"
    )
    if source == COLLECTION:
        return _of_collection(collection, size)
    return _synthetic()


def _synthetic() -> Settings:
    places = st.columns([5, 3, 3, 3, 3], vertical_alignment="bottom")
    spread = places[0].segmented_control(
        "Spread", SPREADS, default=SPREADS[0], required=True, key="spread", bind="query-params",
        help="Random directions are the hardest case there is. Clustered ones are nearer to texts.",
    )  # fmt: skip
    size = places[1].number_input(
        "How many", 100, _MOST_VECTORS, 50_000, 1_000, key="size", bind="query-params"
    )
    dimension = places[2].selectbox(
        "Dimension", DIMENSIONS, index=DIMENSIONS.index(384), key="dimension", bind="query-params"
    )
    queries = _queries(places[3])
    seed = places[4].number_input("Seed", 0, 2**31, 0, 1, key="seed", bind="query-params")
    clusters, probes, efs = _indexes("", 100, (1, 10, 50))
    return Settings(
        None, spread or SPREADS[0], int(size), int(dimension or 384), int(seed), queries,
        (), clusters, probes, efs,
    )  # fmt: skip


def _of_collection(collection: str, size: int) -> Settings | None:
    if size == 0:
        st.info(
            "This collection is empty. Add documents on the Upload page, load the samples on the "
            "Overview, or measure synthetic vectors.", icon=":material/upload_file:",
        )  # fmt: skip
        st.button(
            "Use synthetic vectors", key="use_synthetic", icon=":material/scatter_plot:",
            on_click=_use_synthetic,
        )  # fmt: skip
        return None
    places = st.columns([7, 3, 3, 4], vertical_alignment="bottom")
    asked = places[0].segmented_control(
        "Asked with", ASKED, default=ASKED[0], required=True, key="asked", bind="query-params",
        help="A chunk of the collection asks for its neighbours, and does not find itself.",
    )  # fmt: skip
    questions: tuple[str, ...] = ()
    queries, seed = 100, 0
    if asked == QUESTIONS:
        typed = st.text_area(
            "Questions, one a line", key="questions", bind="query-params", height=120
        )
        questions = tuple(line.strip() for line in (typed or "").splitlines() if line.strip())
    else:
        queries = _queries(places[1])
        seed = int(places[2].number_input("Seed", 0, 2**31, 0, 1, key="seed", bind="query-params"))
    usual = usual_clusters(size)
    clusters, probes, efs = _indexes("own-", usual, usual_probes(usual))
    if asked == QUESTIONS and not questions:
        st.info("Type a question or more, one a line.", icon=":material/edit_note:")
        return None
    return Settings(
        collection, seed=seed, queries=queries, questions=questions[:_MOST_QUERIES],
        n_clusters=clusters, n_probes=probes, efs=efs,
    )  # fmt: skip


def _queries(place: st.delta_generator.DeltaGenerator) -> int:
    return int(
        place.number_input("Queries", 1, _MOST_QUERIES, 100, 10, key="queries", bind="query-params")
    )


def _indexes(
    prefix: str, n_clusters: int, n_probes: tuple[int, ...]
) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    # A collection and synthetic vectors differ in size: each keeps numbers that fit.
    places = st.columns(3)
    clusters = places[0].number_input(
        "IVF clusters", 1, 10_000, n_clusters, 1, key=f"{prefix}clusters", bind="query-params"
    )
    probes = places[1].text_input(
        "n_probe", _listed(n_probes), key=f"{prefix}n_probe", bind="query-params",
        help=_PROBES_HELP,
    )  # fmt: skip
    efs = places[2].text_input(
        "HNSW ef", "16, 64, 256", key="ef", bind="query-params", help=_EF_HELP
    )
    return int(clusters), whole_numbers(probes or "", "n_probe"), whole_numbers(efs or "", "ef")


def _listed(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers))


def _use_synthetic() -> None:
    st.session_state["vectors"] = SYNTHETIC


def measure_button(settings: Settings) -> None:
    """Offer to measure."""
    run = state.current()
    busy = run is not None and run.busy
    st.button(
        "Measure", key="measure", type="primary", icon=":material/speed:", disabled=busy,
        on_click=state.start, args=(settings,),
    )  # fmt: skip


def panel() -> str:
    """Ask which panel is open; only that one runs."""
    chosen = st.segmented_control(
        "Panel", PANELS, default=PANELS[0], required=True, key="panel", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    return chosen or PANELS[0]
