"""What a pipeline is made of: its store, indexes and generator, each made when first needed."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from rag_core.catalog import DocumentInfo, Model
from rag_core.collection_settings import CollectionChunker, collection_embedder
from rag_core.datatypes import Chunk, SearchResult
from rag_core.embedders.cached import CachedEmbedder
from rag_core.errors import (
    ModelError,
    RagError,
    StoreError,
    UnknownDocumentError,
)
from rag_core.explain import CosineStory, Explanation, cosine_story, placing
from rag_core.generators.chat import chat_from_env
from rag_core.generators.extractive import ExtractiveGenerator
from rag_core.home import Home
from rag_core.ingestion import Ingestor
from rag_core.keyword import KeywordIndex
from rag_core.late_interaction import TokenCache
from rag_core.live_keywords import LiveKeywords
from rag_core.protocols import (
    Embedder,
    FloatArray,
    Generator,
    Reranker,
    TokenEmbedder,
    VectorStore,
)
from rag_core.reader import shared_reader
from rag_core.relevance import RELEVANT, support
from rag_core.rerankers import (
    RERANKERS,
    CrossEncoderReranker,
    LateInteractionReranker,
    open_cross_encoder,
)
from rag_core.retrieval import Retriever, SearchOptions
from rag_core.shared_documents import SharedDocuments
from rag_core.store_choice import StoreChoice, store_choice
from rag_core.stores import is_shared, open_store


class PipelineParts:
    """The parts of one collection's pipeline. Thread-safe; making it is quick."""

    def __init__(
        self,
        home: Home,
        collection: str,
        *,
        store_url: str | None = None,
        embedder: Embedder | None = None,
        generator: Generator | None = None,
    ) -> None:
        self.home = home
        self.collection = collection
        self.embedder = self._cached(embedder or collection_embedder(home.settings, collection))
        self._asked_store = store_url
        self._generator = generator
        self._making = threading.RLock()
        self._closed = False
        self._store: VectorStore | None = None
        self._keywords = LiveKeywords(home.catalog, collection)
        self._tokens: TokenCache | None = None
        self._retired: list[VectorStore] = []
        self._shared: SharedDocuments | None = None
        self._use(self.embedder)

    def _use(self, embedder: CachedEmbedder) -> None:
        """Make what stands on a model; with it goes the index that it is used for."""
        home, collection = self.home, self.collection
        self.embedder = embedder
        if self._shared is not None:
            self._shared.close()
        url = self._store_url
        self._shared = SharedDocuments(home, collection, url) if is_shared(url) else None
        self.chunking = CollectionChunker(home.settings, home.catalog, collection, self.embedder)
        self._ingestor = Ingestor(
            home,
            collection,
            embedder=self.embedder,
            store=self.store,
            chunker=self.chunking.chunker,
            shared=self._shared,
        )
        retriever = Retriever(
            embedder=self.embedder,
            store=self._queried_store,
            keywords=self.keywords,
            allowed=lambda ids: home.catalog.known(collection, ids),
        )
        self._tokens = None
        # Together: a search must not take the model of one index to the store of another
        self._at = home.catalog.key(collection), retriever
        self._in = url

    def follow(self) -> None:
        """Go over to the index and the store of now, if others have taken the place of ours."""
        if self._is_current():
            return
        with self.home.writing, self._making:
            if self._closed or self._is_current():
                return
            model = self.home.catalog.model(self.collection)
            brought = self.home.models.get(model.fingerprint) if model else None
            same = model is None or model.fingerprint == self.embedder.fingerprint
            if self._store is not None:
                # A search under way may still ask it; the one before that is asked no more
                for store in self._retired:
                    store.close()
                self._retired = [self._store]
                self._store = None
            self._use(self.embedder if same or brought is None else self._cached(brought))

    def look(self) -> None:
        """Take over what other instances changed in a store they share with this one.

        Called before everything that reads; at most once a second it asks the server, and one that
        does not answer changes nothing.
        """
        if self._shared is not None:
            self.follow()
        if self._shared is not None:
            self._shared.look(self.store)

    @property
    def shares(self) -> bool:
        """Whether other instances may use the store that this collection is in."""
        return self._shared is not None

    def shared_with(self) -> set[str]:
        """Return the ids of the other data folders that use this index; none where none can.

        Raises:
            StoreError: when the server cannot be reached.
        """
        return self._shared.others() if self._shared is not None else set()

    def writers(self) -> dict[str, str]:
        """Return which data folder a document came from, by id, for those that came from others."""
        marks = self.home.marks
        found = marks.writers(self.home.catalog.key(self.collection))
        return {id_: writer for id_, writer in found.items() if writer != marks.home_id()}

    def elsewhere(self, info: DocumentInfo) -> bool:
        """Return whether a document's original is with the instance that it was uploaded to."""
        return info.id in self.writers() and not self.home.originals.has(info.sha256)

    def _is_current(self) -> bool:
        return (self.home.catalog.key(self.collection), self._store_url) == (self._at[0], self._in)

    @property
    def store_choice(self) -> StoreChoice:
        """Which store the collection is in, and who chose it."""
        if self._asked_store:
            return StoreChoice(self._asked_store, "chosen")
        return store_choice(self.home, self.collection)

    @property
    def _store_url(self) -> str:
        return self.store_choice.url

    def _cached(self, embedder: Embedder) -> CachedEmbedder:
        """Put the home's cache before the embedder, unless it brings one of its own."""
        if isinstance(embedder, CachedEmbedder):
            return embedder
        return CachedEmbedder(embedder, self.home.vectors, self.home.passages)

    def open_index(self, key: str, model: Model | None) -> VectorStore:
        """Open the store of one index, live or not; whoever opens it closes it."""
        return open_store(
            self._store_url,
            collection=key,
            dimension=model.dimension if model else self.embedder.dimension,
            fingerprint=model.fingerprint if model else self.embedder.fingerprint,
        )

    def close_stores(self) -> None:
        """Let go of the stores; the next use opens the live one again."""
        with self.home.writing, self._making:
            for store in (*self._retired, self._store):
                if store is not None:
                    store.close()
            self._retired, self._store = [], None
            if self._shared is not None:
                self._shared.close()

    def check_model(self) -> None:
        """Make sure that the index is of this pipeline's model; see `Ingestor.check_model`."""
        self.follow()
        self._ingestor.check_model()

    @property
    def at_home(self) -> bool:
        """Whether the vectors are in the data folder's own Chroma directory."""
        return self._store_url == self.home.chroma_url

    def store(self) -> VectorStore:
        """Return the vector store, opened and rid of what a crash left behind."""
        self.follow()
        if self._store is not None:
            return self._store
        # In this order, because whoever writes may come here to open the store.
        with self.home.writing, self._making:
            if self._store is None:
                catalog = self.home.catalog
                store = self.open_index(
                    catalog.key(self.collection), catalog.model(self.collection)
                )
                try:
                    if self._shared is not None:
                        self._shared.meet(lambda: store)
                    self._refuse_another_store(store)
                    self._ingestor.recover(store)
                except BaseException:
                    store.close()
                    raise
                self._store = store
            return self._store

    def _refuse_another_store(self, store: VectorStore) -> None:
        """Raise a StoreError when a store that was chosen has nothing of what is indexed.

        A search there would find nothing, and nobody would know why.
        """
        infos = self.home.catalog.documents(self.collection)
        kept = sum(info.chunks for info in infos)
        if kept and self._store_url != self.home.chroma_url and not store.count():
            raise StoreError(
                f"The chosen store holds none of the {kept:,} indexed chunks.",
                hint="Copy them there with: python -m rag_core move --from OLD_URL --to NEW_URL, "
                "or choose the store they are in (RAGSCOPE_STORE).",
            )

    def _queried_store(self) -> VectorStore:
        self._ingestor.check_model()  # law 7: a query of another model finds nothing true
        return self.store()

    def keywords(self) -> KeywordIndex:
        """Return the keyword index of what is indexed now."""
        return self._keywords.current()

    def tokens(self) -> TokenCache:
        """Return the token vectors' cache.

        Raises:
            ModelError: when the embedding model does not show the vectors of its tokens.
        """
        with self._making:
            if self._tokens is None:
                if not isinstance(self.embedder, TokenEmbedder):
                    raise ModelError(
                        f"{self.embedder.name} does not show the vectors of its tokens.",
                        hint="Late interaction needs a local model, such as all-MiniLM-L6-v2.",
                    )
                self._tokens = TokenCache(self.embedder)
            return self._tokens

    def reranker(self, choice: str | Reranker | None) -> Reranker | None:
        """Return the reranker of this name; see RERANKERS.

        Raises:
            ValueError: for an unknown name.
            ModelError: when the embedding model cannot rerank by late interaction.
        """
        if choice is None or not isinstance(choice, str):
            return choice
        kind, colon, model = choice.partition(":")
        if choice == LateInteractionReranker.name:
            return LateInteractionReranker(self.tokens())
        if kind == CrossEncoderReranker.name:
            return open_cross_encoder(model) if colon else open_cross_encoder()
        raise ValueError(f"unknown reranker {choice!r}; known are {', '.join(RERANKERS)}")

    def search_with(self, query: str, options: SearchOptions) -> SearchResult:
        """Return what a query finds with these options; see `RagPipeline.search`."""
        reranker = self.reranker(options.rerank)
        self.look()
        while True:
            self.follow()
            key, retriever = self._at
            try:
                result = retriever.search(query, options, reranker=reranker)
            except (RagError, ValueError):
                if self.home.catalog.key(self.collection) == key:
                    raise
                continue  # it is another index that failed to fit
            if self.home.catalog.key(self.collection) == key:
                return result

    def explain(self, result: SearchResult, chunk_id: str, options: SearchOptions) -> Explanation:
        """Return why a chunk stands where it stands in a search made with these options.

        Raises:
            ValueError: when no stage of the search found the chunk.
            UnknownDocumentError: when its document has been removed since.
        """
        placed = placing(result, chunk_id, options)
        if not self.home.catalog.known(self.collection, [chunk_id]):
            raise UnknownDocumentError(
                "This chunk is not indexed any more.",
                hint="Its document was deleted or replaced since the search: search again.",
            )
        by_vector, by_keyword = options.mode != "keyword", options.mode != "vector"
        terms = self.keywords().explain(result.query, chunk_id) if by_keyword else None
        return Explanation(
            placed,
            self._cosine_story(result.query, placed.chunk) if by_vector else None,
            None if terms is None else tuple(terms),
        )

    def _cosine_story(self, query: str, chunk: Chunk) -> CosineStory:
        asked = self.embedder.embed_query(query)
        cosine = float(self.vectors([chunk])[0] @ asked)
        shows = isinstance(self.embedder, TokenEmbedder)
        read = self.tokens().vectors([query, chunk.text]) if shows else []
        return cosine_story(cosine, query, chunk, asked, read)

    def vectors(self, chunks: Sequence[Chunk]) -> FloatArray:
        """Return the chunks' unit vectors, in order: the store's own, else embedded now."""
        return self._at[1].vectors(chunks)

    def index_vectors(self, ids: Sequence[str]) -> dict[str, FloatArray]:
        """Return the vectors that the index itself has of these chunks; none is embedded."""
        return self._queried_store().vectors(ids)

    def _relevant(self, result: SearchResult) -> bool:
        """Return whether any hit comes near the question; always, without token vectors."""
        if not result.hits or not isinstance(self.embedder, TokenEmbedder):
            return bool(result.hits)
        texts = [hit.chunk.text for hit in result.hits]
        tokens = self.tokens()
        asked, read = tokens.vectors([result.query])[0], tokens.passages(texts)
        return max(support(result.query, asked, text) for text in read) >= RELEVANT

    def warm_up(self) -> None:
        """Load the models, the store and both indexes now, ahead of the first question."""
        if isinstance(self.embedder, TokenEmbedder):
            self.embedder.embed_tokens(["warm up"])  # a query could come out of the cache
            shared_reader().load()
        store, model = self._queried_store(), self.home.catalog.model(self.collection)
        if model is not None:
            # Chroma reads an index when it is first searched: a second, of 10,000 chunks
            store.query(np.eye(1, model.dimension, dtype=np.float32)[0], 1)
        self.keywords()

    @property
    def generator(self) -> Generator:
        """What writes the answers."""
        if self._generator is None:
            self._generator = chat_from_env() or ExtractiveGenerator(self.tokens())
        return self._generator
