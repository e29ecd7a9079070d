"""Taking a comparison along: CSV of every hit, JSON of every stage, and a script."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from rag_core.retrieval import SearchOptions
from rag_core.search_lab.lanes import Lane
from rag_core.spreadsheets import neutral

COLUMNS = ("method", "rank", "score", "document", "page", "start", "end", "chunk", "text")


def hits_csv(lanes: Sequence[Lane]) -> bytes:
    """Return one row a hit and method, in UTF-8 with a BOM; no cell is a formula."""
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    writer.writerow(COLUMNS)
    for lane in lanes:
        for hit in lane.result.hits if lane.result else ():
            chunk = hit.chunk
            name, page = chunk.metadata.get("name", ""), chunk.metadata.get("page", "")
            row = [lane.method, hit.rank, f"{hit.score:.6f}", name, page, chunk.start, chunk.end]
            writer.writerow([*map(neutral, row), chunk.id, neutral(chunk.text)])
    return table.getvalue().encode("utf-8-sig", "backslashreplace")


def stages_json(query: str, lanes: Sequence[Lane]) -> bytes:
    """Return every stage of every method: hits with their scores, and seconds."""
    found = {
        "query": query,
        "methods": [
            {
                "method": lane.method,
                "options": changed(lane.options),
                "stages": [
                    {
                        "name": stage.name,
                        "seconds": stage.seconds,
                        "hits": [
                            {"chunk": hit.chunk.id, "rank": hit.rank, "scores": dict(hit.scores)}
                            for hit in stage.hits
                        ],
                    }
                    for stage in lane.result.stages
                ],
            }
            for lane in lanes
            if lane.result
        ],
    }
    return json.dumps(found, ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace")


def changed(options: SearchOptions) -> dict[str, Any]:
    """Return the options that are not the defaults."""
    usual = SearchOptions()
    return {
        field.name: getattr(options, field.name)
        for field in fields(options)
        if getattr(options, field.name) != getattr(usual, field.name)
    }


def as_python(query: str, collection: str, lanes: Sequence[Lane]) -> str:
    """Return a script on rag_core that makes the same searches."""
    lines = [
        '"""Searches as Ragscope\'s search page did."""',
        "",
        "from rag_core import RagPipeline",
    ]
    lines += ["", f"query = {query!r}", "searches = {"]
    lines += [f"    {lane.method!r}: {changed(lane.options)!r}," for lane in lanes]
    lines += ["}", f"with RagPipeline.open(collection={collection!r}) as pipeline:"]
    lines += ["    for name, options in searches.items():", "        print(name)"]
    lines += ["        for hit in pipeline.search(query, **options).hits:"]
    lines += ['            print("  ", hit.rank, f"{hit.score:.4f}", hit.chunk.metadata["name"],']
    lines += ["                  hit.chunk.start, hit.chunk.end)", ""]
    return "\n".join(lines)
