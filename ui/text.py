"""Text that came from outside, made safe for the places that read Markdown."""

from __future__ import annotations

import html
import re
import textwrap
import unicodedata

_MARKS = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:&=^\"'/@])")
_WORD_JOINER = "\u2060"  # invisible; keeps an address from being turned into a link


def plain(text: str, *, limit: int = 120) -> str:
    """Return the text as Markdown that shows it as it is: no markup, link, formula or icon.

    Control characters, line ends and marks that turn the direction of writing are left out; what is
    longer than `limit` characters ends in "…".
    """
    kept = "".join(
        " " if char.isspace() else char
        for char in text
        if char.isspace() or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co")
    )
    short = kept if len(kept) <= limit else kept[: limit - 1] + "…"
    escaped = _MARKS.sub(r"\\\1", short)
    # Markdown's second pass makes links of bare addresses even where every mark is escaped.
    return re.sub(r"(?i)(www|https?|ftp|mailto|xmpp)(?=\\)|(?=\\@)", rf"\1{_WORD_JOINER}", escaped)


def chart(text: str, *, limit: int = 120, width: int | None = None) -> str:
    """Return the text for Plotly, which reads a little HTML: no markup, link or formula is left.

    With `width`, lines are broken at spaces after so many characters.
    """
    kept = "".join(
        " " if char.isspace() else char
        for char in text
        if char.isspace() or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co")
    )
    short = " ".join((kept if len(kept) <= limit else kept[: limit - 1] + "…").split())
    lines = textwrap.wrap(short, width) if width else [short]
    return "<br>".join(html.escape(line).replace("$", "&#36;") for line in lines)


def reachable(markup: str) -> str:
    """Return markup, made of escaped text, that the keyboard can reach: for places that scroll.

    What only a mouse wheel moves is not read by those who have none.
    """
    return f'<div tabindex="0">{markup}</div>'


def number(count: int, noun: str) -> str:
    """Return "1 chunk", "2 chunks", "1,200 chunks"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
