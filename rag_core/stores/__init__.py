"""Vector stores: one file an engine, picked by url."""

from __future__ import annotations

import difflib
import os
from importlib import import_module
from urllib.parse import urlsplit

from rag_core.errors import SettingsError
from rag_core.protocols import VectorStore
from rag_core.stores.records import DocumentRecords

STORES = {
    "chroma": "rag_core.stores.chroma:ChromaStore",
    "chroma+http": "rag_core.stores.chroma:ChromaStore",
    "chroma+https": "rag_core.stores.chroma:ChromaStore",
    "faiss": "rag_core.stores.faiss:FaissStore",
    "pinecone": "rag_core.stores.pinecone:PineconeStore",
    "postgresql": "rag_core.stores.pgvector:PgvectorStore",
    "qdrant": "rag_core.stores.qdrant:QdrantStore",
    "qdrant+http": "rag_core.stores.qdrant:QdrantStore",
    "qdrant+https": "rag_core.stores.qdrant:QdrantStore",
}
"""The url's scheme, and where the engine's class is; nothing is imported before it is chosen."""

RECORDS = {
    "chroma+http": "rag_core.stores.chroma_records:ChromaShelf",
    "chroma+https": "rag_core.stores.chroma_records:ChromaShelf",
    "postgresql": "rag_core.stores.pg_records:PgShelf",
    "qdrant+http": "rag_core.stores.qdrant_records:QdrantShelf",
    "qdrant+https": "rag_core.stores.qdrant_records:QdrantShelf",
}
"""Of the engines that several instances can share: where the class of their documents' records is.

Pinecone is none of them: what it was given can be read only some time after it said so.
"""


def is_shared(url: str) -> bool:
    """Return whether instances with data folders of their own may meet in the store of this url."""
    return urlsplit(url).scheme in RECORDS


def open_records(url: str, *, collection: str) -> DocumentRecords:
    """Open the records of the documents in a collection of a store that `is_shared`.

    Raises:
        StoreError: when the engine cannot be reached or refuses.
    """
    module, name = RECORDS[urlsplit(url).scheme].split(":")
    return DocumentRecords(getattr(import_module(module), name)(url, collection=collection))


def open_store(url: str, *, collection: str, dimension: int, fingerprint: str = "") -> VectorStore:
    """Open a collection of a vector store, creating it if need be.

    Args:
        url: its scheme is a key of STORES, such as chroma:///folder or faiss:///folder.
        collection: 3 to 512 characters of a-z, A-Z, 0-9, dot, dash and underscore.
        dimension: the length of the vectors.
        fingerprint: of the model they come from; "" leaves law 7 to the caller.

    Raises:
        ValueError: for an unknown scheme.
        FingerprintError: when the collection holds vectors of another model or length.
        StoreError: when the engine cannot be reached or refuses.
    """
    module, name = STORES[_scheme(url)].split(":")
    store: VectorStore = getattr(import_module(module), name)(
        url, collection=collection, dimension=dimension, fingerprint=fingerprint
    )
    return store


def store_url_from_env() -> str | None:
    """Return RAGSCOPE_STORE, or None when it is unset or empty.

    Raises:
        SettingsError: when it names no store we know.
    """
    url = os.environ.get("RAGSCOPE_STORE")
    if not url:
        return None
    try:
        _scheme(url)
    except ValueError as error:
        raise SettingsError(
            f"RAGSCOPE_STORE names no store: {error}.",
            hint="Unset it to use the data folder, or set it to a url such as "
            "postgresql://user@host/database.",
        ) from error
    return url


def _scheme(url: str) -> str:
    scheme = urlsplit(url).scheme
    if scheme not in STORES:
        near = difflib.get_close_matches(scheme, STORES, n=1)
        guess = f" (did you mean {near[0]}://?)" if near else ""
        raise ValueError(f"unknown store {scheme!r}{guess}; known are {', '.join(sorted(STORES))}")
    return scheme
