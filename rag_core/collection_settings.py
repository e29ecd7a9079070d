"""What a collection is set to: how its documents are cut, and how it is searched by default."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from rag_core.access import require
from rag_core.catalog import Catalog, DocumentInfo
from rag_core.chunkers import CHUNKERS, make_chunker
from rag_core.database import Database
from rag_core.embedders import embedder_from_env, open_embedder
from rag_core.embedders.tokenizer import ModelTokenizer, default_tokenizer
from rag_core.errors import SettingsError
from rag_core.protocols import Chunker, Embedder
from rag_core.rerankers import RERANKERS
from rag_core.retrieval import Mode, SearchOptions

_SEARCH = "search"
EMBEDDER = "embedder"  # the setting that names the model a rebuild brought
_DEFAULT = next(iter(CHUNKERS))


class CollectionSettings:
    """Settings of collections by key, kept as JSON."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, collection: str, key: str) -> Any:  # noqa: ANN401 - whatever JSON holds
        """Return the value, or None when it was never set."""
        rows = self._database.rows(
            "SELECT value FROM settings WHERE collection = ? AND key = ?", collection, key
        )
        return json.loads(rows[0]["value"]) if rows else None

    def put(self, collection: str, key: str, value: Any) -> None:  # noqa: ANN401
        """Keep the value; durable when it returns.

        Raises:
            AccessError: for a viewer.
        """
        require("editor", "change a collection's settings")
        with self._database.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO settings VALUES (?, ?, ?)",
                (collection, key, json.dumps(value, ensure_ascii=False, sort_keys=True)),
            )


@dataclasses.dataclass(frozen=True, slots=True)
class SearchDefaults:
    """How a collection is searched where nobody says otherwise; see `SearchOptions`.

    Raises:
        ValueError: for a value that cannot work.
    """

    mode: Mode = "hybrid"
    k: int = 10  # of eight passages every tenth answer is lost; see benchmarks/thresholds.py
    rerank: str | None = None

    def __post_init__(self) -> None:
        SearchOptions(mode=self.mode, k=self.k, rerank=self.rerank)
        if self.rerank is not None and self.rerank.partition(":")[0] not in RERANKERS:
            raise ValueError(f"unknown reranker {self.rerank!r}; known are {', '.join(RERANKERS)}")


def search_defaults(settings: CollectionSettings, collection: str) -> SearchDefaults | None:
    """Return how a collection is searched by default; None while nobody has chosen it."""
    kept = settings.get(collection, _SEARCH)
    try:
        return SearchDefaults(**kept) if kept else None
    except (TypeError, ValueError):
        return None  # another version's


def use_search(settings: CollectionSettings, collection: str, chosen: SearchDefaults) -> None:
    """Search this way by default from now on; durable when it returns.

    Raises:
        AccessError: for a viewer.
    """
    settings.put(collection, _SEARCH, dataclasses.asdict(chosen))


class CollectionChunker:
    """How one collection's documents are cut, from now on."""

    def __init__(
        self, settings: CollectionSettings, catalog: Catalog, collection: str, embedder: Embedder
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._collection = collection
        self._embedder = embedder

    def settings(self) -> dict[str, Any]:
        """Return the strategy's "name" and every parameter of it."""
        kept = self._settings.get(self._collection, "chunker")
        return dict(kept) if kept else described(make_chunker(_DEFAULT))

    def use(self, strategy: str, **params: Any) -> None:  # noqa: ANN401 - as make_chunker
        """Cut the documents that come from now on this way; those that are there stay as cut.

        Raises:
            ValueError: as `make_chunker`; then nothing has changed.
        """
        chunker = make_chunker(strategy, **params)
        self._settings.put(self._collection, "chunker", described(chunker))

    def chunker(self, kept: Mapping[str, Any] | None = None) -> Chunker:
        """Make the collection's chunker, or one of other settings, with the tools it needs.

        Raises:
            SettingsError: when this version knows no such chunker.
        """
        settings = dict(kept) if kept else self.settings()
        try:
            return chunker_from(settings.pop("name"), settings, embedder=self._embedder)
        except (ValueError, KeyError) as error:
            raise SettingsError(
                f"The collection {self._collection!r} is to be cut in a way that this version "
                f"does not know: {error}.",
                hint="Choose its chunking again, on the Chunking page.",
            ) from error

    def cut_differently(self) -> list[DocumentInfo]:
        """Return the documents that were cut in another way than new ones would be, by name."""
        now = json.dumps(self.settings(), sort_keys=True)
        return [
            info
            for info in self._catalog.documents(self._collection)
            if json.dumps(dict(info.chunker), sort_keys=True) != now
        ]


def described(chunker: Chunker) -> dict[str, Any]:
    """Return a chunker's name and settings in one, as they are kept with a document."""
    return {"name": chunker.name, **chunker.settings}


def chunker_from(
    strategy: str,
    settings: Mapping[str, Any],
    *,
    tokenizer: ModelTokenizer | None = None,
    embedder: Embedder | None = None,
) -> Chunker:
    """Make a chunker from its settings, with the tools it needs.

    The embedder is used where the settings name its model, and left out where they name another.

    Raises:
        ValueError: for settings that no chunker can have.
    """
    make_chunker(strategy, **settings)  # what is wrong with them is said before any tool is made
    fields: Any = CHUNKERS[strategy]
    known = {field.name for field in dataclasses.fields(fields)}
    tools: dict[str, Callable[..., object] | ModelTokenizer] = {}
    if "tokenizer" in known and settings.get("unit") == "tokens":
        tools["tokenizer"] = tokenizer or default_tokenizer()
    model = settings.get("model", embedder.name if embedder else None)
    if "embed" in known and embedder is not None and embedder.name == model:
        tools["embed"] = embedder.embed_documents
    return make_chunker(strategy, **settings, **tools)


def collection_embedder(settings: CollectionSettings, collection: str) -> Embedder:
    """Open the model a rebuild brought, or the default; RAGSCOPE_EMBEDDER goes before both.

    Raises:
        SettingsError: when the name is no model's.
    """
    kept = settings.get(collection, EMBEDDER)
    try:
        asked = os.environ.get("RAGSCOPE_EMBEDDER", "").strip()
        return open_embedder(embedder_from_env() if asked or not kept else kept)
    except ValueError as error:
        raise SettingsError(
            f"RAGSCOPE_EMBEDDER names no model: {error}.",
            hint="Unset it, or set it to openai:MODEL, cohere:MODEL or a local model's name.",
        ) from error
