"""Evaluation: question sets, metrics, what they are worth, and sweeps over settings."""

from __future__ import annotations

from rag_core.evaluation.answering import Answering
from rag_core.evaluation.applying import use_settings
from rag_core.evaluation.datasets.beir import load_beir
from rag_core.evaluation.datasets.chunking_paper import load_chunking_paper
from rag_core.evaluation.datasets.cloze import cloze_questions
from rag_core.evaluation.datasets.collection import (
    CollectionQuestions,
    collection_dataset,
)
from rag_core.evaluation.datasets.generated import generate_questions
from rag_core.evaluation.datasets.squad import load_squad
from rag_core.evaluation.datasets.tables import load_folder, load_questions, load_samples
from rag_core.evaluation.datasets.thumbs import chat_questions, from_feedback, from_hit
from rag_core.evaluation.datasets.written import marked_question, written_question
from rag_core.evaluation.evaluate import KS, evaluate
from rag_core.evaluation.grid import Grid, Setting, default_grid, parse_grid, words
from rag_core.evaluation.judge import Judge
from rag_core.evaluation.questions import Dataset, DatasetError, Gold, Question
from rag_core.evaluation.reporting import EvaluationReport
from rag_core.evaluation.saved import SavedSweep, SavedSweeps, UnknownSweepError
from rag_core.evaluation.scoring import QuestionResult
from rag_core.evaluation.significance import Comparison, Interval
from rag_core.evaluation.sweep import SweepProgress, run_sweep
from rag_core.evaluation.table import Row, SweepTable

__all__ = [
    "KS",
    "Answering",
    "CollectionQuestions",
    "Comparison",
    "Dataset",
    "DatasetError",
    "EvaluationReport",
    "Gold",
    "Grid",
    "Interval",
    "Judge",
    "Question",
    "QuestionResult",
    "Row",
    "SavedSweep",
    "SavedSweeps",
    "Setting",
    "SweepProgress",
    "SweepTable",
    "UnknownSweepError",
    "chat_questions",
    "cloze_questions",
    "collection_dataset",
    "default_grid",
    "evaluate",
    "from_feedback",
    "from_hit",
    "generate_questions",
    "load_beir",
    "load_chunking_paper",
    "load_folder",
    "load_questions",
    "load_samples",
    "load_squad",
    "marked_question",
    "parse_grid",
    "run_sweep",
    "use_settings",
    "words",
    "written_question",
]
