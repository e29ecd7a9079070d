"""What the numbers say, in sentences; no Streamlit here."""

from __future__ import annotations

from rag_core.ann import Comparison, Measurement, first_over
from rag_core.protocols import Progress

_NAMES = {"flat": "Exact", "ivf": "IVF", "hnsw": "HNSW"}
_SETTINGS = {"ivf": "n_probe", "hnsw": "ef"}
FEW_POINTS = 39  # a cluster: below, FAISS itself warns that k-means has too little to go by


def name(method: str) -> str:
    """Return a method's name for people."""
    return _NAMES.get(method, method.capitalize())


def label(one: Measurement) -> str:
    """Return a result's name: "IVF, n_probe 10"."""
    return ", ".join(part for part in (name(one.method), setting(one)) if part)


def setting(one: Measurement) -> str:
    """Return a result's setting: "n_probe 10", or nothing."""
    return "" if one.setting is None else f"{_SETTINGS[one.method]} {one.setting:,}"


def milliseconds(seconds: float) -> str:
    """Return a duration with three figures: "0.0581 ms", "2.89 ms", "1,250 ms"."""
    value = seconds * 1e3
    decimals = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:,.{decimals}f} ms"


def percent(share: float) -> str:
    """Return a share that is whole only when it is: 0.9995 is 99.9 %, never 100 %."""
    return "100 %" if share == 1 else f"{int(share * 1000) / 10:.1f} %"


def answer(comparison: Comparison) -> str:
    """Return the answer to the question which n_probe is enough."""
    if not any(one.method == "ivf" for one in comparison.results):
        return "No n_probe was given, so there is no IVF index to answer for"
    first = first_over(comparison.results)
    if first is None:
        return "No n_probe has a recall over 90 %"
    return f"n_probe = {first.setting} is the first with recall over 90 %"


def details(comparison: Comparison) -> list[str]:
    """Return what stands behind the answer, a sentence or two for every index."""
    exact, *others = comparison.results
    said = [
        f"Exact: every one of {comparison.size:,} vectors is compared, "
        f"{milliseconds(exact.p50)} a query."
    ]
    if first := first_over(others):
        said.append(
            f"IVF looks into {first.setting} of {comparison.n_clusters:,} clusters and finds "
            f"{percent(first.recall)} in {milliseconds(first.p50)}, {gain(exact.p50, first.p50)}."
        )
    if graph := first_over(others, method="hnsw"):
        said.append(
            f"HNSW is over 90 % at ef = {graph.setting}: {percent(graph.recall)} in "
            f"{milliseconds(graph.p50)}, {gain(exact.p50, graph.p50)}."
        )
    elif graphs := [one for one in others if one.method == "hnsw"]:
        best = max(graphs, key=lambda one: one.recall)
        said.append(
            f"HNSW stays below: {percent(best.recall)} at ef = {best.setting}, in "
            f"{milliseconds(best.p50)}."
        )
    said += [
        f"{name(one.method)}, this collection's own store, finds {percent(one.recall)} in "
        f"{milliseconds(one.p50)}, reading the texts included."
        for one in others
        if one.setting is None
    ]
    return said


def gain(exact: float, approximate: float) -> str:
    """Return how much faster the second is, in words."""
    factor = exact / approximate
    if factor >= 1.15:
        return f"{factor:.1f} times as fast as exact"
    if factor > 0.87:
        return "no faster than exact"
    return f"{1 / factor:.1f} times as slow as exact"


def doubt(comparison: Comparison) -> str:
    """Return why the clusters may be poor, or nothing."""
    points = comparison.size / comparison.n_clusters
    if points >= FEW_POINTS or not any(one.method == "ivf" for one in comparison.results):
        return ""
    return (
        f"{points:.0f} vectors a cluster are few: FAISS wants {FEW_POINTS}. At this size comparing "
        "with all is quick anyway."
    )


def step(progress: Progress) -> str:
    """Return where a measurement is."""
    verb, _, method = progress.stage.partition(" ")
    thing = _NAMES.get(method, method) if method != "flat" else "the exact index"
    stage = f"{verb} {thing}".strip()
    counted = f" {progress.done:,} of {progress.total:,}" if progress.done else ""
    return stage[:1].upper() + stage[1:] + counted
