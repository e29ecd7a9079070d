"""Ragscope's library: load, chunk, embed, store, search, answer, measure.

Importing it is quick: whatever loads a model or an engine is imported when it is first used.
"""

from __future__ import annotations

from rag_core.answers import AnswerStream
from rag_core.chunkers import CHUNKERS, make_chunker
from rag_core.datatypes import (
    Answer,
    Chunk,
    Citation,
    Document,
    Message,
    Prompt,
    SearchHit,
    SearchResult,
    Span,
    Stage,
)
from rag_core.embedders import open_embedder
from rag_core.errors import (
    AccessError,
    Cancelled,
    FilterError,
    FingerprintError,
    HomeError,
    HomeInUseError,
    LoadError,
    MissingDependencyError,
    ModelError,
    RagError,
    SettingsError,
    StoreError,
    UnknownDocumentError,
)
from rag_core.evaluation import EvaluationReport, evaluate, load_beir, load_squad
from rag_core.fusion import reciprocal_rank_fusion
from rag_core.index_manager import IndexManager
from rag_core.jobs import FileProgress, IngestQueue
from rag_core.keyword import KeywordIndex
from rag_core.loaders import LOADERS, Limits, load
from rag_core.pipeline import RagPipeline
from rag_core.reports import FileReport, IngestReport
from rag_core.stores import STORES, open_store

__all__ = [
    "CHUNKERS",
    "LOADERS",
    "STORES",
    "AccessError",
    "Answer",
    "AnswerStream",
    "Cancelled",
    "Chunk",
    "Citation",
    "Document",
    "EvaluationReport",
    "FileProgress",
    "FileReport",
    "FilterError",
    "FingerprintError",
    "HomeError",
    "HomeInUseError",
    "IndexManager",
    "IngestQueue",
    "IngestReport",
    "KeywordIndex",
    "Limits",
    "LoadError",
    "Message",
    "MissingDependencyError",
    "ModelError",
    "Prompt",
    "RagError",
    "RagPipeline",
    "SearchHit",
    "SearchResult",
    "SettingsError",
    "Span",
    "Stage",
    "StoreError",
    "UnknownDocumentError",
    "evaluate",
    "load",
    "load_beir",
    "load_squad",
    "make_chunker",
    "open_embedder",
    "open_store",
    "reciprocal_rank_fusion",
]
