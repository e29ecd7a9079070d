"""An index over time: updates, versions, rebuilds beside it, health, backups."""

from __future__ import annotations

from rag_core.index_manager.backup import BackupReport, RestoreReport, backup, restore
from rag_core.index_manager.drift import DriftCheck
from rag_core.index_manager.manager import IndexManager, UpdateReport
from rag_core.index_manager.models import FunctionEmbedder, embedder_of
from rag_core.index_manager.rebuild import Rebuild, RebuildProgress
from rag_core.index_manager.repair import RepairReport
from rag_core.index_manager.sync import SyncPlan, SyncReport
from rag_core.index_manager.verify import Problem, VerifyReport
from rag_core.index_manager.versions import DocumentVersion, RebuildCost
from rag_core.index_manager.xray import XRay

__all__ = [
    "BackupReport",
    "DocumentVersion",
    "DriftCheck",
    "FunctionEmbedder",
    "IndexManager",
    "Problem",
    "Rebuild",
    "RebuildCost",
    "RebuildProgress",
    "RepairReport",
    "RestoreReport",
    "SyncPlan",
    "SyncReport",
    "UpdateReport",
    "VerifyReport",
    "XRay",
    "backup",
    "embedder_of",
    "restore",
]
