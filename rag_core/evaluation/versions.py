"""Which code made a figure: results of other code are never taken for these."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from rag_core.datatypes import content_id

# What decides a result besides the data and the model's fingerprint.
_DECIDING = (
    "bm25", "chunkers", "diversity", "evaluation", "fusion", "graphemes", "keyword",
    "late_interaction", "rerankers", "retrieval", "sentences", "similarity", "terms",
)  # fmt: skip
# These read or show results, and change none.
_SHOWING = ("datasets", "report", "html", "table", "paper", "saved", "cuts", "applying", "contrast")


# And these decide what is answered.
_ANSWERING = ("answers", "generators", "prompts", "relevance")


def code_version() -> str:
    """Return a short id of the code that decides what is found and how it is judged."""
    return _version(_DECIDING)


def answer_version() -> str:
    """Return a short id of the code that decides what is answered from what was found."""
    return _version(_ANSWERING)


@lru_cache(maxsize=2)
def _version(rooms: tuple[str, ...]) -> str:
    core = Path(__file__).resolve().parents[1]
    files = [
        file
        for room in rooms
        for file in (
            [core / f"{room}.py"] if (core / f"{room}.py").is_file() else _files(core / room)
        )
    ]
    return content_id(*(part for file in files for part in (file.name, file.read_text("utf-8"))))


def _files(folder: Path) -> list[Path]:
    return [
        file
        for file in sorted(folder.rglob("*.py"))
        if not {part.removesuffix(".py") for part in file.relative_to(folder).parts} & {*_SHOWING}
    ]
