"""The engines in words: what each is for, how its url looks, and what it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine as the dialog offers it. `package` is imported by `requirements`, if not empty."""

    name: str
    about: str
    examples: tuple[str, ...]
    package: str = ""
    requirements: str = ""
    secret: str = ""  # what its password field is called; none where the environment has it

    @property
    def installed(self) -> bool:
        """Whether the package it needs is there; nothing is imported to know it."""
        return not self.package or find_spec(self.package) is not None


ENGINES: Mapping[str, Engine] = {
    "home": Engine(
        "Data folder",
        "Chroma in the data folder: nothing to set up, one process at a time.",
        (),
    ),
    "chroma": Engine(
        "Chroma",
        "A Chroma server, its cloud, or a folder of your own.",
        (
            "chroma+http://127.0.0.1:8000",
            "chroma+https://api.trychroma.com?tenant=mine&database=library",
            "chroma:///var/lib/ragscope/chroma",
        ),
        secret="Token",
    ),
    "postgresql": Engine(
        "PostgreSQL",
        "PostgreSQL with pgvector: beside other data, with backups and users of its own.",
        (
            "postgresql://user@127.0.0.1:5432/ragscope",
            "postgresql://user@db.example/ragscope?index=hnsw&m=16&ef_search=100",
            "postgresql://user@db.example/ragscope?index=ivfflat&lists=100&probes=10",
        ),
        "psycopg",
        "requirements-pgvector.txt",
        "Password",
    ),
    "qdrant": Engine(
        "Qdrant",
        "A Qdrant server or cluster, or a folder for small collections. A server's key is "
        "QDRANT_API_KEY in the environment.",
        (
            "qdrant+http://127.0.0.1:6333",
            "qdrant+http://127.0.0.1:6333?shards=6&replicas=2",
            "qdrant:///var/lib/ragscope/qdrant",
        ),
        "qdrant_client",
        "requirements-qdrant.txt",
    ),
    "pinecone": Engine(
        "Pinecone",
        "A hosted index. Its key is PINECONE_API_KEY in the environment.",
        ("pinecone://ragscope?namespace=library",),
        "pinecone",
        "requirements-pinecone.txt",
    ),
    "faiss": Engine(
        "FAISS",
        "In memory over a file: the quickest to search, as far as memory goes.",
        (
            "faiss:///var/lib/ragscope/faiss",
            "faiss:///var/lib/ragscope/faiss?index=hnsw",
        ),
    ),
}
