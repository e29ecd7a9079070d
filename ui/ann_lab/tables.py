"""The tables' rows; no Streamlit here."""

from __future__ import annotations

from rag_core.ann import Comparison, Measurement, Victim, victims
from ui.ann_lab.problem import Outcome
from ui.ann_lab.words import name, setting

Row = dict[str, object]
_MEGABYTE = 1e6


def results(comparison: Comparison) -> list[Row]:
    """Return one row a setting; latencies in milliseconds."""
    exact = comparison.results[0].p50
    return [
        {
            "Index": name(one.method),
            "Setting": setting(one),
            "Recall@10": one.recall,
            "p50 ms": one.p50 * 1e3,
            "p95 ms": one.p95 * 1e3,
            "Times as fast": exact / one.p50,
            "Build s": one.build_seconds,
            "MB": None if one.memory_bytes is None else one.memory_bytes / _MEGABYTE,
        }
        for one in comparison.results
    ]


def missing(comparison: Comparison) -> list[Measurement]:
    """Return the results that missed something, the worst first."""
    some = [one for one in comparison.results if any(one.missed)]
    return sorted(some, key=lambda one: one.recall)


def missed(outcome: Outcome, one: Measurement, most: int) -> list[Row]:
    """Return the best-placed of the true neighbours that were missed: those that hurt most."""
    found = sorted(victims(one, outcome.comparison.truth), key=lambda v: (v.rank, v.query))
    return [_missed(outcome, victim) for victim in found[:most]]


def _missed(outcome: Outcome, victim: Victim) -> Row:
    if not outcome.chunks:
        return {
            "True rank": victim.rank, "Cosine": victim.score,
            "Query": victim.query, "Missed": victim.row,
        }  # fmt: skip
    chunk = outcome.chunks[victim.row]
    return {
        "True rank": victim.rank,
        "Cosine": victim.score,
        "Query": outcome.asked[victim.query],
        "Missed": chunk.text,
        "Document": str(chunk.metadata.get("name", chunk.document_id)),
    }
