"""What every panel of the page is given."""

from __future__ import annotations

from dataclasses import dataclass, field

from rag_core.protocols import FloatArray
from ui.text import chart


@dataclass(frozen=True, slots=True)
class View:
    """Some texts and what a model makes of them.

    `vectors` is (n, d), as the model gave them; `matrix` (n, n), their cosines.
    """

    collection: str
    model: str
    texts: tuple[str, ...]
    vectors: FloatArray = field(repr=False)
    matrix: FloatArray = field(repr=False)

    def label(self, place: int, *, limit: int = 24) -> str:
        """Return a text's number, from 1, and its beginning, for a chart."""
        return chart(f"{place + 1} {self.texts[place]}", limit=limit)

    def hover(self, place: int) -> str:
        """Return a text for a pointer's label: wrapped, not endless."""
        return chart(f"{place + 1} {self.texts[place]}", limit=240, width=60)


def numbered(place: int, text: str) -> str:
    """Return a text's number and its beginning, for a list to choose from."""
    short = " ".join(text.split())
    return f"{place + 1} · {short if len(short) <= 70 else short[:69] + '…'}"
