"""Indexes that other data folders use too, on a server that instances share."""

from __future__ import annotations

from contextlib import closing

from rag_core.pipeline import RagPipeline
from rag_core.stores import is_shared, open_records


def used_by_others(pipeline: RagPipeline, key: str) -> bool:
    """Return whether an index, live here or not, is the live one of another data folder.

    Raises:
        StoreError: when the server cannot be reached.
    """
    url = pipeline.store_choice.url
    if not is_shared(url):
        return False
    with closing(open_records(url, collection=key)) as records:
        return bool(records.instances() - {pipeline.home.marks.home_id()})


def leave_index(pipeline: RagPipeline, key: str) -> bool:
    """Give up an index, and its records if nobody else does; return whether others go on with it.

    Raises:
        StoreError: when the server cannot be reached.
    """
    url = pipeline.store_choice.url
    if not is_shared(url):
        return False
    with closing(open_records(url, collection=key)) as records:
        records.leave(pipeline.home.marks.home_id())
        if records.instances():
            return True
        records.drop()
        return False
