"""Questions to begin with."""

from __future__ import annotations

from ui import services


def of(collection: str) -> list[str]:
    """Return questions that the sample documents in this collection answer; none without them."""
    names = {info.name for info in services.pipeline(collection).documents()}
    fitting = [
        str(entry["question"])
        for entry in services.sample_questions()
        if entry["kind"] in ("fact", "code") and entry["document"] in names
    ]
    # One of each quarter of the list, which goes through the documents: different subjects.
    return fitting[len(fitting) // 5 :: max(1, len(fitting) // 4)][:4]
