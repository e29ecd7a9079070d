"""Conversations on disk: turns, thumbs, search, and what the evaluation can read of them.

They lie in a SQLite file of their own in the data folder, so that a damaged conversation harms no
index. A turn is on the disk when `add` returns. What a turn has no field for is not kept: above
all, no key and no address of a server.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rag_core.access import require
from rag_core.database import Database, Layout
from rag_core.datatypes import Message
from rag_core.errors import UnknownConversationError
from rag_core.making import Making
from rag_core.turns import CitedPlace, Conversation, NewTurn, Turn

if TYPE_CHECKING:
    import sqlite3

FILE = "conversations.sqlite3"
FEEDBACK_FILE = "feedback.jsonl"
TITLE_LENGTH = 60  # characters; what fits beside a list without a second line
_LAYOUT = Layout(
    name="conversations",
    format=1,
    schema="""
CREATE TABLE IF NOT EXISTS conversations (
    id TEXT PRIMARY KEY, collection TEXT NOT NULL, title TEXT NOT NULL, changed_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS turns (
    id INTEGER PRIMARY KEY AUTOINCREMENT, conversation TEXT NOT NULL, question TEXT NOT NULL,
    standalone TEXT NOT NULL, text TEXT NOT NULL, found INTEGER NOT NULL, citations TEXT NOT NULL,
    model TEXT NOT NULL, seconds REAL NOT NULL, asked_at REAL NOT NULL, error TEXT NOT NULL,
    thumb INTEGER NOT NULL DEFAULT 0, note TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS turns_conversation ON turns (conversation, id);
CREATE TABLE IF NOT EXISTS makings (turn INTEGER PRIMARY KEY, made TEXT NOT NULL);
""",
)
_CONVERSATIONS = (
    "SELECT c.*, (SELECT count(*) FROM turns t WHERE t.conversation = c.id) AS turns"
    " FROM conversations c"
)
_TURNS = "SELECT *, (SELECT made FROM makings WHERE turn = turns.id) AS made FROM turns"


class Conversations:
    """The conversations of one data folder. Thread-safe; close it when done.

    Raises:
        HomeError: when the file is damaged or cannot be read or written.
        AccessError: when a viewer would change something.
    """

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._folder = home
        self._database = Database(home / FILE, layout=_LAYOUT)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def start(self, collection: str, title: str = "") -> str:
        """Begin a conversation about a collection and return its id."""
        _must_be_editor()
        conversation = uuid.uuid4().hex
        with self._database.transaction() as db:
            db.execute(
                "INSERT INTO conversations VALUES (?, ?, ?, ?)",
                (conversation, collection, _title(title), time.time()),
            )
        return conversation

    def add(self, conversation: str, turn: NewTurn) -> Turn:
        """Keep a turn; the first gives a conversation without a title its question.

        Raises:
            UnknownConversationError: when it has been deleted.
        """
        _must_be_editor()
        now = time.time()
        citations = json.dumps([asdict(place) for place in turn.citations], ensure_ascii=False)
        with self._database.transaction() as db:
            changed = db.execute(
                "UPDATE conversations SET changed_at = ?,"
                " title = CASE title WHEN '' THEN ? ELSE title END WHERE id = ?",
                (now, _title(turn.question), conversation),
            )
            _must_change(changed)
            values = (turn.question, turn.standalone, turn.text, turn.found, citations)
            row = db.execute(
                "INSERT INTO turns (conversation, question, standalone, text, found, citations,"
                " model, seconds, asked_at, error) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (conversation, *values, turn.model, turn.seconds, now, turn.error),
            )
            _keep_making(db, row.lastrowid or 0, turn.making)
        return Turn(row.lastrowid or 0, turn, now)

    def complete(self, turn: int, said: NewTurn) -> None:
        """Put what came of a question in the place of the turn that was kept when it was asked.

        Raises:
            UnknownConversationError: when the turn has been deleted.
        """
        _must_be_editor()
        citations = json.dumps([asdict(place) for place in said.citations], ensure_ascii=False)
        with self._database.transaction() as db:
            _must_change(
                db.execute(
                    "UPDATE turns SET standalone = ?, text = ?, found = ?, citations = ?,"
                    " model = ?, seconds = ?, error = ? WHERE id = ?",
                    (said.standalone, said.text, said.found, citations,
                     said.model, said.seconds, said.error, turn),
                )
            )  # fmt: skip
            _keep_making(db, turn, said.making)

    def list(self, collection: str | None = None, *, search: str = "") -> Sequence[Conversation]:
        """Return conversations, last changed first.

        Args:
            collection: only those about it; all when None.
            search: only those whose title, questions or answers hold this text, whatever its case
                (for letters beyond ASCII the case must agree).
        """
        rows = self._database.rows(
            f"{_CONVERSATIONS} WHERE (?1 IS NULL OR c.collection = ?1)"
            r" AND (c.title LIKE ?2 ESCAPE '\' OR EXISTS (SELECT 1 FROM turns t"
            r" WHERE t.conversation = c.id AND (t.question LIKE ?2 ESCAPE '\'"
            r" OR t.text LIKE ?2 ESCAPE '\'))) ORDER BY c.changed_at DESC, c.id",
            collection,
            _like(search),
        )
        return [Conversation(**row) for row in rows]

    def conversation(self, conversation: str) -> Conversation:
        """Return one conversation.

        Raises:
            UnknownConversationError: when it has been deleted.
        """
        for row in self._database.rows(f"{_CONVERSATIONS} WHERE c.id = ?", conversation):
            return Conversation(**row)
        raise _unknown()

    def turns(self, conversation: str) -> Sequence[Turn]:
        """Return a conversation's turns, oldest first; none for an unknown one."""
        rows = self._database.rows(f"{_TURNS} WHERE conversation = ? ORDER BY id", conversation)
        return [_turn(row) for row in rows]

    def history(self, conversation: str, *, last: int = 3) -> tuple[Message, ...]:
        """Return the last turns as messages, for `RagPipeline.stream(history=...)`."""
        turns = self.turns(conversation)[-last:] if last > 0 else []
        return tuple(
            message
            for turn in turns
            if turn.said.text
            for message in (
                Message("user", turn.said.question),
                Message("assistant", turn.said.text),
            )
        )

    def rename(self, conversation: str, title: str) -> None:
        """Give a conversation another title, cut at TITLE_LENGTH characters.

        Raises:
            UnknownConversationError: when it has been deleted.
        """
        _must_be_editor()
        with self._database.transaction() as db:
            _must_change(
                db.execute(
                    "UPDATE conversations SET title = ? WHERE id = ?", (_title(title), conversation)
                )
            )

    def delete(self, conversation: str) -> None:
        """Forget a conversation, its turns and its thumbs; an unknown one is no error."""
        _must_be_editor()
        with self._database.transaction() as db:
            _forget(db, "conversation = ?", conversation)
            db.execute("DELETE FROM conversations WHERE id = ?", (conversation,))

    def forget_from(self, conversation: str, turn: int) -> None:
        """Forget a turn and all after it: for regenerating, or editing and sending again."""
        _must_be_editor()
        with self._database.transaction() as db:
            _forget(db, "conversation = ? AND id >= ?", conversation, turn)

    def rate(self, turn: int, thumb: int, note: str = "") -> None:
        """Keep a thumb (1 up, -1 down, 0 taken back) and a note.

        Raises:
            ValueError: for another number.
            UnknownConversationError: when the turn has been deleted.
        """
        _must_be_editor()
        if thumb not in (-1, 0, 1):
            raise ValueError(f"a thumb is -1, 0 or 1, not {thumb}")
        with self._database.transaction() as db:
            _must_change(
                db.execute("UPDATE turns SET thumb = ?, note = ? WHERE id = ?", (thumb, note, turn))
            )

    def rated(self) -> Sequence[tuple[Conversation, Turn]]:
        """Return every turn with a thumb or a note, oldest first, with its conversation."""
        kept = {found.id: found for found in self.list()}
        rows = self._database.rows(f"{_TURNS} WHERE thumb OR note != '' ORDER BY id")
        return [(kept[row["conversation"]], _turn(row)) for row in rows]


def _turn(row: sqlite3.Row) -> Turn:
    citations = tuple(CitedPlace(**place) for place in json.loads(row["citations"]))
    said = NewTurn(
        row["question"],
        row["text"],
        citations,
        row["model"],
        row["seconds"],
        row["standalone"],
        bool(row["found"]),
        row["error"],
        Making.from_values(json.loads(row["made"])) if row["made"] else None,
    )
    return Turn(row["id"], said, row["asked_at"], row["thumb"], row["note"])


def _keep_making(db: sqlite3.Connection, turn: int, making: Making | None) -> None:
    if making is None:
        db.execute("DELETE FROM makings WHERE turn = ?", (turn,))
    else:
        # In a table of its own: the list and the search of conversations never read it.
        made = json.dumps(asdict(making))
        db.execute("INSERT OR REPLACE INTO makings VALUES (?, ?)", (turn, made))


def _forget(db: sqlite3.Connection, which: str, *values: object) -> None:
    """Forget turns, and how their answers were made; `which` is ours, never a person's."""
    db.execute(f"DELETE FROM makings WHERE turn IN (SELECT id FROM turns WHERE {which})", values)
    db.execute(f"DELETE FROM turns WHERE {which}", values)


def _title(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= TITLE_LENGTH else plain[: TITLE_LENGTH - 1].rstrip() + "…"


def _like(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{escaped}%"


def _must_be_editor() -> None:
    require("editor", "change kept conversations")


def _must_change(cursor: sqlite3.Cursor) -> None:
    if cursor.rowcount == 0:
        raise _unknown()


def _unknown() -> UnknownConversationError:
    return UnknownConversationError(
        "This conversation is not there any more.", hint="It was deleted: start a new one."
    )
