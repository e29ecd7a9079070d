"""Two texts, token by token: what of one matches what of the other."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from rag_core.protocols import FloatArray, TokenEmbedder

MOST_TOKENS = 60  # a side; more cannot be read in a chart


@dataclass(frozen=True, slots=True)
class TokenMatch:
    """A token of the first text, and the most alike one of the second: places and cosine."""

    first: int
    second: int
    similarity: float


@dataclass(frozen=True, slots=True)
class TokenTable:
    """The cosines, (rows, columns), of every token of one text to every token of another.

    Tokens are as the text writes them. `cut` says whether a text had more than could be shown.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    matrix: FloatArray = field(repr=False)
    cut: bool

    def matches(self) -> list[TokenMatch]:
        """Return each row's best column, most alike first."""
        if not self.rows or not self.columns:
            return []
        best = self.matrix.argmax(axis=1)
        found = [
            TokenMatch(row, int(column), float(self.matrix[row, column]))
            for row, column in enumerate(best)
        ]
        return sorted(found, key=lambda match: (-match.similarity, match.first))


def token_table(first: str, second: str, embedder: TokenEmbedder) -> TokenTable:
    """Compare two texts by the vectors their tokens have in context.

    The same word gets another vector in another sentence: "Python" beside "snakes" is not
    "Python" beside "JavaScript".
    """
    one, two = embedder.embed_tokens([first, second])
    rows, columns = one.offsets[:MOST_TOKENS], two.offsets[:MOST_TOKENS]
    matrix = one.vectors[:MOST_TOKENS] @ two.vectors[:MOST_TOKENS].T
    return TokenTable(
        tuple(first[start:end] for start, end in rows),
        tuple(second[start:end] for start, end in columns),
        np.clip(matrix, -1.0, 1.0).astype(np.float32),
        max(len(one.offsets), len(two.offsets)) > MOST_TOKENS,
    )
