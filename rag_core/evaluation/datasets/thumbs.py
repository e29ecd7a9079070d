"""Thumbs become questions: of a hit on the Search page, and of an answer in Chat."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rag_core.conversations import FILE, Conversations
from rag_core.datatypes import SearchHit, content_id
from rag_core.evaluation.questions import Gold, Question
from rag_core.transcripts import feedback_lines


def from_hit(query: str, hit: SearchHit) -> Question:
    """Return the question that a thumb up makes: this query is answered by this chunk.

    The same thumb twice is the same question; two good hits of one query are two questions, since
    each answers by itself.
    """
    chunk = hit.chunk
    name = str(chunk.metadata.get("name", chunk.document_id))
    gold = Gold(name, chunk.start, chunk.end, chunk.text)
    return Question(_id(query, (gold,)), query, (gold,), kind="thumb")


def from_feedback(lines: str, collection: str) -> list[Question]:
    """Return a question for every answer of a collection with a thumb up and a citation.

    Its passages are the places that the answer cites. The answer's own words are not taken for
    what is expected: a thumb says that it is good, not that another would be wrong.

    Args:
        lines: as `feedback_lines` makes them; others are left out.
        collection: whose thumbs.
    """
    found: dict[str, Question] = {}
    for line in lines.split("\n"):
        question = _rated(line, collection)
        if question is not None:
            found[question.id] = question
    return list(found.values())


def chat_questions(home: Path, collection: str) -> list[Question]:
    """Return the questions that thumbs in Chat make, as they are kept in a data folder.

    Raises:
        HomeError: when the conversations cannot be read.
    """
    if not (home / FILE).is_file():
        return []
    conversations = Conversations(home)
    try:
        return from_feedback(feedback_lines(conversations), collection)
    finally:
        conversations.close()


def _rated(line: str, collection: str) -> Question | None:
    try:
        value: Mapping[str, Any] = json.loads(line)
        if value["thumb"] != 1 or value["collection"] != collection:
            return None
        golds = tuple(
            Gold(str(at["document"]), int(at["start"]), int(at["end"]), str(at["text"]))
            for at in value["citations"]
        )
        text = str(value["question"]).strip()
    except (ValueError, KeyError, TypeError):
        return None
    return Question(_id(text, golds), text, golds, kind="thumb") if text and golds else None


def _id(text: str, golds: tuple[Gold, ...]) -> str:
    places = [f"{gold.document}|{gold.start}|{gold.end}" for gold in golds]
    return f"thumb-{content_id(text, *places)[:10]}"
