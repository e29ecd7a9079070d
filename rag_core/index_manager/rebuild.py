"""A rebuild at work: in a thread of its own, beside the index that answers meanwhile."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from rag_core.collection_settings import EMBEDDER
from rag_core.embedders.loading import on_one_core
from rag_core.errors import Cancelled, RagError, SettingsError
from rag_core.index_manager.building import Builder
from rag_core.index_manager.space import reclaim
from rag_core.indexes import IndexInfo
from rag_core.pipeline import RagPipeline
from rag_core.protocols import Chunker, Embedder, Progress

State = Literal["working", "paused", "done", "failed", "cancelled"]
_ROUNDS = 5  # after so many, the last changes are taken over while writers wait
_BUG = "The rebuild ended with an error that Ragscope did not expect."


@dataclass(frozen=True, slots=True)
class RebuildProgress:
    """How far a rebuild is: `done` of `total` chunks of `stage`; seconds since it began.

    `left` is about how many seconds it will take yet, None before that can be said.
    """

    state: State
    stage: str = ""
    done: int = 0
    total: int = 0
    seconds: float = 0.0
    left: float | None = None
    error: str = ""
    hint: str = ""


class Rebuild:
    """One rebuild. Thread-safe. It starts at once; searches and changes go on meanwhile."""

    def __init__(
        self,
        pipeline: RagPipeline,
        index: IndexInfo,
        *,
        embedder: Embedder,
        chunker: Chunker,
        embedder_name: str | None,
    ) -> None:
        self.index = index
        self._pipeline = pipeline.again()  # for it may be closed before this is over
        self._embedder = embedder
        self._chunker = chunker
        self._embedder_name = embedder_name
        self._go = threading.Event()
        self._go.set()
        self._cancelled = threading.Event()
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._progress = RebuildProgress("working", "starting")
        # A daemon: ending the program must not wait; the next rebuild goes on from here
        self._thread = threading.Thread(target=self._run, name="rebuild", daemon=True)
        self._thread.start()

    @property
    def progress(self) -> RebuildProgress:
        """How far it is now."""
        with self._lock:
            return self._progress

    @property
    def busy(self) -> bool:
        """Whether it is not over yet."""
        return self.progress.state in ("working", "paused")

    def pause(self) -> None:
        """Stop at the next step, until `resume`."""
        self._go.clear()

    def resume(self) -> None:
        """Go on after `pause`."""
        self._go.set()

    def cancel(self) -> None:
        """Stop and leave no trace; too late once the new index is the live one."""
        self._cancelled.set()
        self._go.set()

    def wait(self, timeout: float | None = None) -> RebuildProgress:
        """Wait until it is over, at most `timeout` seconds, and return how far it is."""
        self._thread.join(timeout)
        return self.progress

    def _run(self) -> None:
        ended = RebuildProgress("failed", error=_BUG, hint="The log says more.")
        try:
            if "torch" in sys.modules:  # else no model of this process computes here
                on_one_core()
            self._build()
            ended = RebuildProgress("done", "done")
        except Cancelled:
            ended = RebuildProgress("cancelled")
            with suppress(RagError):  # it is noted as dropped, and goes the next time
                if self.index.state == "kept":
                    return  # going back was stopped: it can be tried again
                self._pipeline.home.indexes.drop(self.index.key)
                reclaim(self._pipeline)
        except RagError as error:
            ended = RebuildProgress("failed", error=error.message, hint=error.hint)
        finally:  # whatever happens, no rebuild stays "working" for ever
            try:
                self._pipeline.close()
            finally:
                self._end(ended)

    def _end(self, ended: RebuildProgress) -> None:
        seconds = time.monotonic() - self._began
        with self._lock:
            done, total = self._progress.done, self._progress.total
            self._progress = replace(ended, done=done, total=total, seconds=seconds)

    def _build(self) -> None:
        builder = Builder(
            self._pipeline,
            self.index,
            embedder=self._embedder,
            chunker=self._chunker,
            report=self._step,
        )
        try:
            self._fill(builder)
        finally:
            builder.close()
        with suppress(RagError):  # the swap is done; what could not be removed goes the next time
            reclaim(self._pipeline)

    def _fill(self, builder: Builder) -> None:
        home = self._pipeline.home
        for left in reversed(range(_ROUNDS)):
            builder.catch_up()
            builder.check()
            with home.writing:
                self._go.set()  # a pause must not hold up the writers
                if not left:
                    builder.catch_up()
                if not any(builder.differing()):
                    self._swap()
                    return

    def _swap(self) -> None:
        self._step(Progress("swapping", 1, 1))
        home, collection = self._pipeline.home, self._pipeline.collection
        for embedder in (self._embedder, self._pipeline.embedder):  # that one for going back
            home.models.setdefault(embedder.fingerprint, embedder)
        settings = {
            "chunker": {"name": self._chunker.name, **self._chunker.settings},
            EMBEDDER: self._embedder_name,
        }
        home.indexes.swap(collection, self.index.key, settings)

    def _step(self, progress: Progress) -> None:
        if not self._go.is_set():
            with self._lock:
                self._progress = replace(self._progress, state="paused")
            self._go.wait()
        if self._cancelled.is_set():
            raise Cancelled
        time.sleep(0.001)  # a search that waits for the interpreter comes in here
        seconds = time.monotonic() - self._began
        done, total = progress.done, progress.total
        left = seconds * (total - done) / done if progress.stage == "embedding" and done else None
        with self._lock:
            self._progress = RebuildProgress(
                "working", progress.stage, done, total, seconds=seconds, left=left
            )


_running: dict[tuple[Path, str], Rebuild] = {}
_registry = threading.RLock()  # held while one is started, so that there is one a collection


def registry() -> threading.RLock:
    """Return the lock under which rebuilds are looked up and started."""
    return _registry


def latest(pipeline: RagPipeline) -> Rebuild | None:
    """Return the collection's rebuild that runs in this process, or ran last."""
    with _registry:
        return _running.get((pipeline.home.path, pipeline.collection))


def refuse_while_busy(pipeline: RagPipeline) -> None:
    """Raise a SettingsError while a rebuild of the collection is at work."""
    running = latest(pipeline)
    if running is not None and running.busy:
        raise SettingsError(
            "This collection is being rebuilt already.",
            hint="Wait until it is done, or cancel it.",
        )


def remember(pipeline: RagPipeline, rebuild: Rebuild) -> None:
    """Note the collection's rebuild for every session of the process."""
    with _registry:
        _running[pipeline.home.path, pipeline.collection] = rebuild
