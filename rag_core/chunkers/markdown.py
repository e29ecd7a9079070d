"""Cutting at headings; every chunk knows the headings it stands under."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from rag_core.chunkers.base import TOOL, Strategy, check_size, walk
from rag_core.chunkers.separators import SEPARATORS
from rag_core.chunkers.units import Tokenizer
from rag_core.datatypes import Chunk, Document
from rag_core.sentences import plain_lines

LONGEST_TITLE = 200  # characters kept in metadata; a longer "heading" is an accident
_LINE = re.compile(
    r"^ {0,3}(?:(?P<hashes>#{1,6})(?=[ \t\n]|\Z)|(?P<fence>`{3,}|~{3,})"
    r"|(?P<under>={3,}|-{3,})[ \t]*+$)",
    re.MULTILINE,
)
_NO_TITLE = re.compile(r"\s*(?:[-*+>|=]|#{1,6}\s|\d+[.)]\s|\Z)")  # lines no underline makes a title


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading: where its first line starts, where its last ends, its level (1-6) and title."""

    start: int
    end: int
    level: int
    title: str


@dataclass(frozen=True, kw_only=True)
class MarkdownChunker(Strategy):
    """Cuts a section a chunk, and a section of more than `size` as the recursive strategy does.

    `metadata` of a chunk: "heading" (the nearest), "heading_path" ("Part > Chapter > Section")
    and "heading_level" (1-6); none before the first heading. Headings inside code fences and front
    matter are none. A heading with nothing but a lower heading below it opens that one's chunk.
    """

    name: ClassVar[str] = "markdown"
    size: int = 1200
    overlap: int = 0
    unit: str = "characters"
    tokenizer: Tokenizer | None = field(default=None, metadata=TOOL, compare=False, repr=False)

    def __post_init__(self) -> None:
        check_size(self.size, self.overlap, self.unit)

    def chunk(self, document: Document) -> list[Chunk]:
        """Return the chunks in reading order; none for a document of white space."""
        finders = tuple(SEPARATORS.values())
        path = walk(document, self.unit, self.tokenizer, self.size, self.overlap, finders)
        chunks: list[Chunk] = []
        for start, end, metadata in _sections(path.plain):
            for window in path.windows(start, end):
                chunks.append(Chunk.cut(document, len(chunks), *window, metadata))
        return chunks


def headings(text: str) -> list[Heading]:
    """Return the headings of a Markdown text, of both kinds, in order."""
    text = plain_lines(text)
    found: list[Heading] = []
    fence = ""
    for match in _LINE.finditer(text, _front_matter(text)):
        mark = match["fence"]
        if mark and (not fence or _closes(text, match, fence)):
            fence = "" if fence else mark
        elif fence or mark:
            continue
        elif match["hashes"]:
            found.append(_hashed(text, match))
        elif heading := _underlined(text, match):
            found.append(heading)
    return found


def _closes(text: str, match: re.Match[str], fence: str) -> bool:
    """Return whether the fence in `match` closes the open one: as long, and nothing after it."""
    return (
        match["fence"].startswith(fence)
        and not text[match.end() : _line_end(text, match.end())].strip()
    )


def _hashed(text: str, match: re.Match[str]) -> Heading:
    end = _line_end(text, match.end())
    title = text[match.end() : end].strip()
    bare = title.rstrip("#")
    if bare != title and (not bare or bare[-1].isspace()):
        title = bare.rstrip()
    return Heading(match.start(), end, len(match["hashes"]), title[:LONGEST_TITLE])


def _underlined(text: str, match: re.Match[str]) -> Heading | None:
    begin = text.rfind("\n", 0, max(0, match.start() - 1)) + 1
    title = text[begin : match.start()].strip()
    if match.start() == 0 or _NO_TITLE.match(title):
        return None
    level = 1 if match["under"][0] == "=" else 2
    return Heading(begin, match.end(), level, title[:LONGEST_TITLE])


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _front_matter(text: str) -> int:
    """Return where the YAML block at the top of the text ends, 0 if there is none."""
    if not text.startswith("---\n"):
        return 0
    end = text.find("\n---\n", 3)
    return 0 if end < 0 else end + 5


def _sections(text: str) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Yield (start, end, metadata) of the sections, which together are the whole text."""
    found = headings(text)
    start = 0
    path: list[Heading] = []
    first = found[0].start if found else len(text)
    if text[:first].strip():
        yield 0, first, {}
        start = first
    for heading, following in zip(found, [*found[1:], None], strict=False):
        path = [above for above in path if above.level < heading.level] + [heading]
        end = following.start if following else len(text)
        lower = following is not None and following.level > heading.level
        if lower and not text[heading.end : end].strip():
            continue
        yield start, end, _described(path)
        start = end


def _described(path: list[Heading]) -> dict[str, Any]:
    titles = [heading.title for heading in path if heading.title]
    return {
        "heading": path[-1].title,
        "heading_path": " > ".join(titles),
        "heading_level": path[-1].level,
    }
