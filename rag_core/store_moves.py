"""Going over to another store: looking at it, copying a collection there, switching to it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from rag_core.access import require
from rag_core.errors import HomeError, RagError, SettingsError, StoreError
from rag_core.moving import MoveReport, move
from rag_core.pipeline import RagPipeline
from rag_core.protocols import OnProgress, VectorStore
from rag_core.store_choice import check_url, keep_store, secrets_of, store_choice
from rag_core.stores import common, open_store
from rag_core.stores.health import StoreHealth, check_health

_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Tried:
    """A store as it was found: how it is, and how many of the collection's chunks it misses."""

    health: StoreHealth
    missing: int


def health(pipeline: RagPipeline) -> StoreHealth:
    """Say how the collection's store is; one that cannot be opened gives a report, not an error."""
    start = time.perf_counter()
    try:
        return check_health(pipeline.store())
    except (StoreError, SettingsError) as error:
        engine = pipeline.store_choice.url.partition("://")[0]
        return StoreHealth(
            engine, "", pipeline.store_choice.shown, False, None, time.perf_counter() - start,
            problem=error.message, hint=error.hint,
        )  # fmt: skip


def try_store(pipeline: RagPipeline, url: str) -> Tried:
    """Open the collection in another store, where it is made if it is not there, and look at it.

    Raises:
        AccessError: for anybody but an admin.
        SettingsError, MissingDependencyError, StoreError: when it cannot be opened or asked; no
            message repeats a password.
    """
    require("admin", "try a store")
    with _opened(pipeline, url) as store:
        found = check_health(store)
        if not found.ok:
            raise StoreError(found.problem, hint=found.hint)
        return Tried(found, _missing(pipeline, store))


def use_store(pipeline: RagPipeline, url: str) -> None:
    """Keep the collection's vectors in another store from now on; the old one stays as it was.

    Either it is open for use when this returns, or the collection is in the old one as before.

    Raises:
        AccessError: for anybody but an admin.
        StoreError: when it cannot be opened, or does not hold every indexed chunk.
        SettingsError: for a url that cannot be right, or while RAGSCOPE_STORE says otherwise.
        HomeError: while the index is being rebuilt, in the store that it is in.
    """
    require("admin", "choose the store")
    check_url(url)
    with pipeline.home.writing:
        _refuse_while_rebuilt(pipeline)
        if url != pipeline.store_choice.url:
            with _opened(pipeline, url) as store:
                missing = _missing(pipeline, store)
            if missing:
                raise StoreError(
                    f"That store lacks {missing:,} of the collection's chunks.",
                    hint="Move the collection there first; what is there is not copied twice.",
                )
        before = store_choice(pipeline.home, pipeline.collection).url
        keep_store(pipeline.home, pipeline.collection, url)
        try:
            pipeline.store()
        except RagError:
            keep_store(pipeline.home, pipeline.collection, before)
            pipeline.follow()
            raise


def move_to(
    pipeline: RagPipeline, url: str, *, on_progress: OnProgress | None = None
) -> MoveReport:
    """Copy the collection to another store, with its vectors, and check the copy; see `move`.

    What writes to the collection meanwhile waits. A move that was stopped goes on where it was.

    Raises:
        AccessError: for anybody but an admin.
        HomeError: for a collection without an index.
        StoreError, SettingsError, MissingDependencyError: as `try_store` and `move`.
    """
    require("admin", "move a collection")
    home, collection = pipeline.home, pipeline.collection
    if home.catalog.model(collection) is None:
        raise HomeError(f"The collection {collection!r} is empty.", hint="Nothing is to be moved.")
    if url == pipeline.store_choice.url:
        raise SettingsError("The collection is in that store already.", hint="Choose another one.")
    with home.writing:
        _refuse_while_rebuilt(pipeline)
        with _opened(pipeline, url) as target:
            return move(
                pipeline.store(),
                target,
                known=lambda ids: home.catalog.known(collection, ids),
                on_progress=on_progress,
            )


@contextmanager
def _opened(pipeline: RagPipeline, url: str) -> Iterator[VectorStore]:
    """Open the collection's live index in another store; its errors name no password."""
    check_url(url)
    catalog, collection = pipeline.home.catalog, pipeline.collection
    model = catalog.model(collection)
    try:
        with closing(
            open_store(
                url,
                collection=catalog.key(collection),
                dimension=model.dimension if model else pipeline.embedder.dimension,
                fingerprint=model.fingerprint if model else pipeline.embedder.fingerprint,
            )
        ) as store:
            yield store
    except RagError as error:
        for secret in secrets_of(url):
            error.message = error.message.replace(secret, "•••")
            error.hint = error.hint.replace(secret, "•••")
        raise


def _missing(pipeline: RagPipeline, store: VectorStore) -> int:
    """Return how many indexed chunks a store does not hold."""
    catalog, collection = pipeline.home.catalog, pipeline.collection
    wanted = sum(info.chunks for info in catalog.documents(collection))
    if not wanted or not store.count():
        return wanted
    pages = common.pages([chunk.id for chunk in store], _PAGE)
    return wanted - sum(len(catalog.known(collection, page)) for page in pages)


def _refuse_while_rebuilt(pipeline: RagPipeline) -> None:
    if pipeline.home.indexes.find(pipeline.collection, "building") is not None:
        raise HomeError(
            "The index is being rebuilt in the store that it is in.",
            hint="Wait until the rebuild is done, or cancel it on the Index page.",
        )
