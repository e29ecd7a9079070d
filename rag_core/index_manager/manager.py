"""IndexManager: an index over time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rag_core.access import require
from rag_core.catalog import Model
from rag_core.collection_settings import EMBEDDER, CollectionChunker
from rag_core.datatypes import Document
from rag_core.embedders.cached import CachedEmbedder
from rag_core.errors import SettingsError
from rag_core.index_manager import drift, rebuild, space, sync, verify
from rag_core.index_manager.models import EmbedFunction, FunctionEmbedder, embedder_of
from rag_core.index_manager.rebuild import Rebuild
from rag_core.index_manager.repair import RepairReport, repair
from rag_core.index_manager.versions import (
    DocumentVersion,
    RebuildCost,
    rebuild_cost,
    versions_of,
)
from rag_core.index_manager.xray import SAMPLED, XRay, xray
from rag_core.indexes import IndexInfo
from rag_core.pipeline import RagPipeline
from rag_core.protocols import Chunker, Embedder, OnProgress
from rag_core.reports import FileReport

THRESHOLD = 0.2
_THRESHOLD = "stale_threshold"


@dataclass(frozen=True, slots=True)
class UpdateReport:
    """What an update did, file by file; the counts are of chunks."""

    files: tuple[FileReport, ...]

    @property
    def embedded(self) -> int:
        """Return how many chunks had a text that was not there before."""
        return sum(file.embedded for file in self.files)

    @property
    def kept(self) -> int:
        """Return how many chunks kept their text and vector."""
        return sum(file.kept for file in self.files)

    @property
    def removed(self) -> int:
        """Return how many chunks have gone."""
        return sum(file.removed for file in self.files)

    @property
    def failed(self) -> tuple[FileReport, ...]:
        """Return the files that could not be indexed."""
        return tuple(file for file in self.files if file.status == "failed")


class IndexManager:
    """Updates, versions, rebuilds and health of one collection's index. Thread-safe."""

    def __init__(self, pipeline: RagPipeline) -> None:
        self._pipeline = pipeline

    # -- changes --------------------------------------------------------------------------------

    def update(
        self, documents: Iterable[Document], *, on_progress: OnProgress | None = None
    ) -> UpdateReport:
        """Index new and changed documents; of a changed one, only chunks with a new text.

        Raises:
            ValueError, HomeError: as `RagPipeline.ingest`.
        """
        return UpdateReport(self._pipeline.ingest(documents, on_progress=on_progress).files)

    def delete(self, ids: Iterable[str]) -> None:
        """Remove documents; see `RagPipeline.delete`."""
        self._pipeline.delete(ids)

    def plan_sync(self, folder: Path) -> sync.SyncPlan:
        """Return what `sync` would change.

        Raises:
            SettingsError: when there is no such folder.
            AccessError: for less than an admin, who alone may read the server's own folders.
        """
        require("admin", "read a folder of the server")
        return sync.plan_sync(self._pipeline, folder)

    def folders(self) -> list[Path]:
        """Return the folders that the collection was made like before, by name."""
        return sync.synced(self._pipeline)

    def sync(
        self, folder: Path, *, empty: bool = False, on_progress: OnProgress | None = None
    ) -> sync.SyncReport:
        """Make the collection like the folder; see `apply_sync`."""
        plan = self.plan_sync(folder)
        return sync.apply_sync(self._pipeline, plan, empty=empty, on_progress=on_progress)

    # -- versions -------------------------------------------------------------------------------

    def versions(self, embedder: Embedder | None = None) -> list[DocumentVersion]:
        """Return every document's version, judged by this model, or the pipeline's own."""
        judge = embedder or self._pipeline.embedder
        settings = self._pipeline.chunking.settings()
        return versions_of(self._pipeline, judge.fingerprint, settings)

    def stale(self, embedder: Embedder | None = None) -> list[DocumentVersion]:
        """Return the documents that were embedded or cut otherwise than they would be now."""
        return [version for version in self.versions(embedder) if version.stale]

    @property
    def threshold(self) -> float:
        """The share of stale documents above which a full rebuild is due."""
        kept = self._pipeline.home.settings.get(self._pipeline.collection, _THRESHOLD)
        return THRESHOLD if kept is None else float(kept)

    @threshold.setter
    def threshold(self, share: float) -> None:
        if not 0 <= share <= 1:
            raise ValueError(f"the threshold must be from 0 to 1, not {share}")
        self._pipeline.home.settings.put(self._pipeline.collection, _THRESHOLD, share)

    def needs_full_rebuild(self, embedder: Embedder | None = None) -> bool:
        """Return whether more documents are stale than the threshold allows."""
        found = self.versions(embedder)
        stale = sum(version.stale for version in found)
        return stale > self.threshold * len(found)

    def cost(self, embedder: Embedder | None = None) -> RebuildCost:
        """Return what a rebuild with this model, or the pipeline's own, would take."""
        cached = self._cached(embedder or self._pipeline.embedder)
        return rebuild_cost(self._pipeline, cached, self._chunker(cached))

    # -- rebuilding -----------------------------------------------------------------------------

    def rebuild(
        self,
        new_embed_fn: Embedder | EmbedFunction | str | None = None,
        new_model_name: str = "",
        new_model_version: str = "",
        *,
        chunker: Chunker | None = None,
    ) -> Rebuild:
        """Begin to build a new index beside this one, in the background.

        Every open pipeline of the process goes over to it when it is whole. A rebuild with the same
        model and chunking that was killed or failed is gone on with; one with others is dropped.

        Args:
            new_embed_fn: an embedder, the name of one, or a function from texts to rows of numbers;
                the pipeline's own model when None.
            new_model_name: what a function's model is called.
            new_model_version: its version: another one is another model.
            chunker: how documents are cut; as the collection is set when None.

        Raises:
            SettingsError: while another rebuild of the collection is at work.
            ModelError: when the function cannot embed.
            ValueError: for a function without a name, or an unknown embedder.
            AccessError: for less than an admin.
        """
        require("admin", "rebuild an index")
        given = self._pipeline.embedder if new_embed_fn is None else new_embed_fn
        embedder = self._cached(embedder_of(given, new_model_name, new_model_version))
        kept = self._pipeline.home.settings.get(self._pipeline.collection, EMBEDDER)
        name = embedder.name if isinstance(given, str) or embedder.name == kept else None
        with rebuild.registry():
            rebuild.refuse_while_busy(self._pipeline)
            cut = chunker or self._chunker(embedder)
            started = Rebuild(
                self._pipeline,
                self._building(embedder, cut),
                embedder=embedder,
                chunker=cut,
                embedder_name=name,
            )
            rebuild.remember(self._pipeline, started)
        return started

    def running(self) -> Rebuild | None:
        """Return the rebuild that is at work, or the last one of this process."""
        return rebuild.latest(self._pipeline)

    def indexes(self) -> list[IndexInfo]:
        """Return the collection's indexes: live, kept for going back, or unfinished."""
        found = self._pipeline.home.indexes.all(self._pipeline.collection)
        return [index for index in found if index.state != "dropped"]

    def rollback(self, embedder: Embedder | None = None) -> Rebuild:
        """Go back to the index that was kept; what has changed since is taken over first.

        Args:
            embedder: its model, where this process does not know it and it has no name to open.

        Raises:
            SettingsError: when none is kept, or a rebuild is at work.
            AccessError: for less than an admin.
        """
        require("admin", "go back to another index")
        home, collection = self._pipeline.home, self._pipeline.collection
        kept = home.indexes.find(collection, "kept")
        if kept is None or kept.model is None:
            raise SettingsError("No older index is kept.", hint="A rebuild keeps the one before.")
        known = embedder or home.models.get(kept.model.fingerprint)
        cached = self._cached(known or embedder_of(kept.model.name))
        name = None if isinstance(cached.inner, FunctionEmbedder) else kept.model.name
        if cached.fingerprint != kept.model.fingerprint:
            raise SettingsError(
                f"The kept index is of {kept.model.name} ({kept.model.fingerprint}), not of "
                f"{cached.name} ({cached.fingerprint}).",
                hint="Give the model it was made with.",
            )
        with rebuild.registry():
            rebuild.refuse_while_busy(self._pipeline)
            chunker = self._chunker(cached, kept)
            started = Rebuild(
                self._pipeline, kept, embedder=cached, chunker=chunker, embedder_name=name
            )
            rebuild.remember(self._pipeline, started)
        return started

    def forget_kept(self) -> int:
        """Remove the index that is kept for going back; return the bytes given back.

        Raises:
            StoreError: when its store refuses; it is removed the next time.
            AccessError: for less than an admin.
        """
        require("admin", "remove an index")
        return self._forget("kept") + space.compact(self._pipeline)

    def forget_unfinished(self) -> int:
        """Remove what a rebuild that was killed or failed has left; return the bytes given back.

        Raises:
            SettingsError: while it is at work.
            AccessError: for less than an admin.
        """
        require("admin", "remove an index")
        with rebuild.registry():
            rebuild.refuse_while_busy(self._pipeline)
            return self._forget("building")

    # -- health ---------------------------------------------------------------------------------

    def verify(self, on_progress: OnProgress | None = None) -> verify.VerifyReport:
        """Return what is wrong with the collection; see `verify`."""
        return verify.verify(self._pipeline, on_progress)

    def repair(self, on_progress: OnProgress | None = None) -> RepairReport:
        """Mend what is wrong from the catalog and the originals; see `repair`. For admins."""
        require("admin", "repair an index")
        return repair(self._pipeline, on_progress)

    def xray(self, *, most: int = SAMPLED) -> XRay:
        """Look through the index; see `xray`."""
        return xray(self._pipeline, most=most)

    def check_drift(self) -> drift.DriftCheck:
        """Compare the model with what it was; see `check_drift`. For editors."""
        require("editor", "check a model for drift")
        return drift.check_drift(self._pipeline)

    def drift_history(self) -> list[drift.DriftCheck]:
        """Return the checks so far, the oldest first."""
        return drift.drift_history(self._pipeline)

    def drift_probes(self) -> list[str]:
        """Return the texts that are embedded at every check; none before the first."""
        return drift.probes(self._pipeline)

    # -- steps ----------------------------------------------------------------------------------

    def _cached(self, embedder: Embedder) -> CachedEmbedder:
        if isinstance(embedder, CachedEmbedder):
            return embedder
        home = self._pipeline.home
        return CachedEmbedder(embedder, home.vectors, home.passages)

    def _chunker(self, embedder: Embedder, index: IndexInfo | None = None) -> Chunker:
        home = self._pipeline.home
        chunker = CollectionChunker(
            home.settings, home.catalog, self._pipeline.collection, embedder
        )
        return chunker.chunker(index.chunker if index and index.chunker else None)

    def _building(self, embedder: Embedder, chunker: Chunker) -> IndexInfo:
        """Return the index to fill: the unfinished one if it is of this kind, else a new one."""
        home, collection = self._pipeline.home, self._pipeline.collection
        settings = {"name": chunker.name, **chunker.settings}
        left = home.indexes.find(collection, "building")
        same = left and left.model and left.model.fingerprint == embedder.fingerprint
        if left and not (same and left.chunker == settings):
            home.indexes.drop(left.key)
            space.reclaim(self._pipeline)
            left = None
        if left is None:
            model = Model(embedder.fingerprint, embedder.name, embedder.dimension)
            home.indexes.begin(collection, model, settings)
            left = home.indexes.find(collection, "building")
        if left is None:
            raise SettingsError("The rebuild was removed as it began.", hint="Begin it again.")
        return left

    def _forget(self, state: str) -> int:
        home = self._pipeline.home
        with home.writing:
            for index in home.indexes.all(self._pipeline.collection):
                if index.state == state:
                    home.indexes.drop(index.key)
            given = space.reclaim(self._pipeline)
            home.originals.sweep(home.catalog.originals())
        return given
