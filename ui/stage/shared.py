"""What all sessions share of the lessons: the show, the votes, and answers computed once."""

from __future__ import annotations

import streamlit as st

from rag_core.lessons import LESSONS, STAGE, Bench, Reveal, Votes
from rag_core.lessons.scenes import Scenes
from rag_core.pipeline import DEFAULT_COLLECTION
from rag_core.protocols import OnProgress, Progress
from rag_core.search_lab.saved import SavedQueries
from ui import services
from ui.similarity_lab import work as similarity
from ui.stage.show import Show


@st.cache_resource(show_spinner=False)
def show() -> Show:
    """Return the one show of this server."""
    return Show()


@st.cache_resource(show_spinner=False)
def votes() -> Votes:
    """Return what everybody on this server has voted."""
    return Votes()


@st.cache_resource(show_spinner=False)
def _bench() -> Bench:
    # The default collection's model: asking for the stage's would create that collection.
    return Bench(services.pipeline(DEFAULT_COLLECTION).embedder, services.SAMPLES)


@st.cache_resource(show_spinner="Computing the answer", max_entries=64)
def reveal(number: int) -> Reveal:
    """Compute lesson `number` (from 1), once for all sessions."""
    return LESSONS[number - 1].compute(_bench())


def scenes() -> Scenes:
    """Return the saved scenes of the data folder."""
    return Scenes(services.pipeline(DEFAULT_COLLECTION).home.settings)


def stage_ready() -> bool:
    """Return whether the lessons' collection is filled; looking does not create it."""
    if STAGE not in services.collections() or services.queue(STAGE).busy:
        return False
    return bool(services.pipeline(STAGE).documents())


def load_stage() -> None:
    """Put the samples into the lessons' collection; for callbacks."""
    services.load_samples(STAGE)


def prepare(report: OnProgress) -> None:
    """Load models, store and index, and compute every lesson's answer ahead of the talk."""
    report(Progress("loading the models", 0, len(LESSONS) + 1))
    services.pipeline(STAGE if stage_ready() else DEFAULT_COLLECTION).warm_up()
    for number in range(1, len(LESSONS) + 1):
        report(Progress(f"computing lesson {number}", number, len(LESSONS) + 1))
        reveal(number)
    report(Progress("ready", len(LESSONS) + 1, len(LESSONS) + 1))


def reset() -> None:
    """Bring the stage to its known state: the samples as they are cut at first, and no votes.

    Only the collection STAGE is touched; other collections and the scenes stay.
    """
    pipeline = services.pipeline(STAGE)
    pipeline.chunking.use("recursive")
    kept = {file.name for file in (services.SAMPLES / "library").iterdir()}
    recut = {info.id for info in pipeline.chunking.cut_differently()}
    foreign = [i.id for i in pipeline.documents() if i.name not in kept or i.id in recut]
    if foreign:
        pipeline.delete(foreign)
    queries = SavedQueries(pipeline.home.settings, STAGE)
    for query in queries.list():
        queries.remove(query)
    services.load_samples(STAGE)
    votes().clear()
    similarity.room().clear()
    show().clock.reset()
