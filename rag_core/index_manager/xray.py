"""An X-ray of a collection's index: is everything found, once, of one kind, and in its place?"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from rag_core.index_manager.building import sampled, self_found
from rag_core.index_manager.space import orphaned_folders, size_of
from rag_core.pipeline import RagPipeline

SAMPLED = 500


@dataclass(frozen=True, slots=True)
class XRay:
    """The health of one index.

    `not_found` are chunks, of the `asked` ones, that a query with their own vector does not find.
    `duplicates` are groups of chunk ids with the same text. `missing` chunks are in the catalog
    alone, `orphans` in the store alone. `bytes` are what is on the disk by part, of the whole home;
    `bytes_expected` is what the store's vectors and texts come to.
    """

    documents: int
    chunks: int
    asked: int
    not_found: tuple[str, ...]
    duplicates: tuple[tuple[str, ...], ...]
    missing: tuple[str, ...]
    orphans: tuple[str, ...]
    orphaned_folders: tuple[str, ...]
    models: Mapping[str, int] = field(hash=False)
    chunkers: Mapping[str, int] = field(hash=False)
    bytes: Mapping[str, int] = field(hash=False)
    bytes_expected: int
    last_write: float | None

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong; duplicates are the documents' own affair."""
        wrong = self.not_found or self.missing or self.orphans or self.orphaned_folders
        return not wrong and len(self.models) <= 1


def xray(pipeline: RagPipeline, *, most: int = SAMPLED) -> XRay:
    """Look through the collection's index; at most so many chunks are asked for by vector.

    Raises:
        StoreError: when the store does not answer.
    """
    home, collection = pipeline.home, pipeline.collection
    with home.writing:  # or what is being written would look missing
        store = pipeline.store()
        shared = pipeline.shared_with()
        texts: dict[str, list[str]] = {}
        size = 0
        for chunk in home.catalog.chunks(collection):
            texts.setdefault(chunk.text, []).append(chunk.id)
            size += len(chunk.text.encode())
        ids = sorted(id_ for group in texts.values() for id_ in group)
        stored = {chunk.id for chunk in store}
        unwanted = set(home.catalog.unwanted(collection))
        infos = home.catalog.documents(collection)
        made = home.indexes.fingerprints(home.catalog.key(collection))
        model = home.catalog.model(collection)
    asked = sampled([id_ for id_ in ids if id_ in stored], most)
    found = self_found(store, asked)
    models: Counter[str] = Counter()
    for counts in made.values():
        models.update(counts)
    return XRay(
        documents=len(infos),
        chunks=len(ids),
        asked=len(asked),
        not_found=tuple(id_ for id_, is_found in found.items() if not is_found),
        duplicates=tuple(tuple(sorted(group)) for group in texts.values() if len(group) > 1),
        missing=tuple(sorted(set(ids) - stored)),
        # Where others write too, they may be in the midst of storing what is not known here
        orphans=() if shared else tuple(sorted(stored - set(ids) - unwanted)),
        orphaned_folders=tuple(path.name for path in orphaned_folders(home.path / "chroma")),
        models=dict(models),
        chunkers=dict(Counter(json.dumps(dict(i.chunker), sort_keys=True) for i in infos)),
        bytes={
            "catalog": sum(map(size_of, home.path.glob("catalog.sqlite3*"))),
            "originals": size_of(home.path / "originals"),
            "store": size_of(home.path / "chroma") if pipeline.at_home else 0,
            "cache": size_of(home.path / "cache"),
        },
        bytes_expected=len(ids) * 4 * (model.dimension if model else 0) + size,
        last_write=max((info.added_at for info in infos), default=None),
    )
