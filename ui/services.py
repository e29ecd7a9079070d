"""What sessions share: pipelines, queues and the warm-up, made once for the whole server."""

from __future__ import annotations

import atexit
import json
import threading
from pathlib import Path
from typing import Any

import streamlit as st

from rag_core import IngestQueue, RagError, RagPipeline, UnknownDocumentError
from rag_core.conversations import Conversations
from rag_core.pipeline import DEFAULT_COLLECTION

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
_WARM_UP_AFTER = 1.0  # seconds: the first page goes out before the model takes the processor
_PATIENCE = 20.0  # seconds: loading takes a few, and ending must not hang


@st.cache_resource(show_spinner=False, max_entries=64)
def _pipeline(collection: str) -> RagPipeline:
    return RagPipeline.open(collection=collection)


def pipeline(collection: str) -> RagPipeline:
    """Return the pipeline of a collection; opening it loads no model and no store.

    What other instances changed in a store they share with this one is there before a page asks
    for a document, or for the number that says whether there are others now.
    """
    found = _pipeline(collection)
    found.look()
    return found


@st.cache_resource(show_spinner=False, max_entries=64)
def queue(collection: str) -> IngestQueue:
    """Return the background queue of a collection, the same for every tab and session."""
    return IngestQueue(pipeline(collection))


def collections() -> list[str]:
    """Return the names of all collections of the data folder, the default one first."""
    names = pipeline(DEFAULT_COLLECTION).home.catalog.collections()
    return sorted(names, key=lambda name: (name != DEFAULT_COLLECTION, name))


class WarmUp:
    """Loads model, store and index behind the page, once."""

    def __init__(self, target: RagPipeline) -> None:
        self._target = target
        self.ready = threading.Event()
        self._timer = threading.Timer(_WARM_UP_AFTER, self._work)
        self._timer.daemon = True
        self._timer.start()
        # A thread that is inside torch when the interpreter ends takes the process down with it.
        atexit.register(self.close)

    def close(self) -> None:
        """Do not begin any more; if begun, wait for the end, but not for ever."""
        atexit.unregister(self.close)
        self._timer.cancel()
        self._timer.join(_PATIENCE)

    def _work(self) -> None:
        try:
            self._target.warm_up()
        except RagError:
            return  # the first question meets the same error, and shows it where it is read
        self.ready.set()


@st.cache_resource(show_spinner=False, max_entries=64, on_release=WarmUp.close)
def warm_up(collection: str) -> WarmUp:
    """Start loading what a question needs, and return the state of it."""
    return WarmUp(pipeline(collection))


@st.cache_resource(show_spinner=False, max_entries=8, on_release=Conversations.close)
def conversations(home: Path) -> Conversations:
    """Return the conversations of a data folder."""
    return Conversations(home)


def load_samples(collection: str) -> None:
    """Submit the sample library to the collection's queue."""
    files = sorted((SAMPLES / "library").iterdir())
    queue(collection).submit([(file.name, file.read_bytes()) for file in files if file.is_file()])


@st.cache_data(show_spinner=False, max_entries=1)
def sample_questions() -> list[dict[str, Any]]:
    """Return the sample library's questions."""
    lines = (SAMPLES / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@st.cache_data(show_spinner=False, max_entries=4096)
def page_at(collection: str, document_id: str, offset: int) -> int | None:
    """Return the page that a character of an indexed document stands on, or None.

    None too for a document that was deleted since; its citations stay readable.
    """
    try:
        return pipeline(collection).document(document_id).page_at(offset)
    except UnknownDocumentError:
        return None
