"""Conversations as files: Markdown to read, JSON to keep, JSONL of thumbs for the evaluation."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rag_core.conversations import FEEDBACK_FILE, Conversations
from rag_core.turns import Conversation, Turn

_ACTIVE = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~$&=:])")


def as_markdown(conversation: Conversation, turns: Sequence[Turn]) -> str:
    """Return a conversation as Markdown in which every text shows as it is.

    All marks of Markdown and HTML in questions, answers and documents are escaped: none of them
    can draw a link, an image or a heading.
    """
    lines = [f"# {_plain(conversation.title)}", ""]
    for turn in turns:
        said = turn.said
        lines += [f"## {_plain(said.question)}", "", *_paragraphs(said.text), ""]
        if said.error:
            lines += [f"*Broke off: {_plain(said.error)}*", ""]
        lines += [
            f"- \\[{place.number}\\] {_plain(place.document)}, characters {place.start} to "
            f"{place.end}: {_plain(place.text)}"
            for place in said.citations
        ]
        lines += ["", f"*{_plain(said.model)}, {_date(turn.asked_at)}, {said.seconds:.1f} s*", ""]
    return "\n".join(lines)


def as_json(conversation: Conversation, turns: Sequence[Turn]) -> str:
    """Return a conversation as JSON, with everything that is kept of it."""
    values = asdict(conversation) | {"turns": [_values(turn) for turn in turns]}
    return json.dumps(values, ensure_ascii=False, indent=2)


def feedback_lines(conversations: Conversations) -> str:
    """Return one JSON object a line for every turn with a thumb or a note, oldest first.

    Fields: `question` (to search for), `asked` (as typed), `answer`, `thumb` (1, 0, -1), `note`,
    `documents` (ids cited), `citations`, `model`, `collection`, `asked_at`.
    """
    return "".join(
        json.dumps(
            {
                "question": turn.said.standalone or turn.said.question,
                "asked": turn.said.question,
                "answer": turn.said.text,
                "thumb": turn.thumb,
                "note": turn.note,
                "documents": list(dict.fromkeys(p.document_id for p in turn.said.citations)),
                "citations": [asdict(place) for place in turn.said.citations],
                "model": turn.said.model,
                "collection": conversation.collection,
                "asked_at": turn.asked_at,
            },
            ensure_ascii=False,
        )
        + "\n"
        for conversation, turn in conversations.rated()
    )


def write_feedback(conversations: Conversations, home: Path) -> Path:
    """Write `feedback_lines` to feedback.jsonl in the data folder, whole or not at all."""
    path = home / FEEDBACK_FILE
    fresh = path.with_suffix(".new")
    fresh.write_text(feedback_lines(conversations), encoding="utf-8")
    os.replace(fresh, path)
    return path


def _values(turn: Turn) -> dict[str, Any]:
    rest = {"id": turn.id, "asked_at": turn.asked_at, "thumb": turn.thumb, "note": turn.note}
    return asdict(turn.said) | rest


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _plain(text: str) -> str:
    return _ACTIVE.sub(r"\\\1", " ".join(text.split()))


def _paragraphs(text: str) -> list[str]:
    # "1." is escaped by its dot; a blank line between paragraphs is all that is kept of layout.
    parts = [_plain(part) for part in re.split(r"\n\s*\n", text) if part.strip()]
    return "\n\n".join(parts).split("\n")
