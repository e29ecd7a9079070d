"""Taking similarities along: CSV of the matrix, the pairs and the map, and a script."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from rag_core.protocols import FloatArray
from rag_core.similarity_lab.pairs import Pair
from rag_core.spreadsheets import neutral


def matrix_csv(texts: Sequence[str], matrix: FloatArray) -> bytes:
    """Return the matrix with the texts as its heading and first column."""
    rows = [[text, *values] for text, values in zip(texts, _written(matrix), strict=True)]
    return _table(["", *texts], rows)


def pairs_csv(texts: Sequence[str], pairs: Iterable[Pair]) -> bytes:
    """Return one row a pair."""
    rows = [
        [
            texts[pair.first], texts[pair.second], f"{pair.similarity:.6f}",
            f"{pair.overlap:.6f}", f"{pair.surprise:.6f}",
        ]
        for pair in pairs
    ]  # fmt: skip
    return _table(["first", "second", "cosine", "word overlap", "surprise"], rows)


def map_csv(
    ids: Sequence[str], names: Sequence[str], groups: Sequence[str], points: FloatArray
) -> bytes:
    """Return one row a point: its chunk's id, document and group, and its place."""
    axes = ["x", "y", "z"][: points.shape[1]]
    rows = [
        [id_, name, group, *place]
        for id_, name, group, place in zip(ids, names, groups, _written(points), strict=True)
    ]
    return _table(["chunk", "document", "group", *axes], rows)


def as_python(texts: Sequence[str], model: str, metric: str) -> str:
    """Return a script on rag_core that prints this matrix."""
    lines = ['"""Compares texts as Ragscope\'s similarity page did."""', ""]
    lines += [
        "from rag_core import open_embedder",
        "from rag_core.similarity import similarity_matrix",
    ]
    lines += ["", "texts = ["]
    lines += [f"    {text!r}," for text in texts]
    lines += ["]", f"vectors = open_embedder({model!r}).embed_documents(texts)"]
    lines += [f"matrix = similarity_matrix(vectors, metric={metric!r})"]
    lines += ["for row, text in zip(matrix, texts):"]
    lines += ['    print(" ".join(f"{value:6.3f}" for value in row), text)', ""]
    return "\n".join(lines)


def _written(matrix: FloatArray) -> list[list[str]]:
    return [[f"{value:.6f}" for value in row] for row in matrix.tolist()]


def _table(heading: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    # With a BOM, and no cell a spreadsheet could take for a formula; numbers stay numbers.
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([neutral(cell) for cell in heading])
    for row in rows:
        writer.writerow([cell if _is_number(cell) else neutral(cell) for cell in row])
    return text.getvalue().encode("utf-8-sig", "backslashreplace")


def _is_number(cell: object) -> bool:
    try:
        float(str(cell))
    except ValueError:
        return False
    return True
