"""Cells that no spreadsheet takes for a formula: what a CSV export has to make sure of."""

from __future__ import annotations

import unicodedata

_FORMULA = tuple("=+-@＝＋－＠\t\r\n")  # what spreadsheets may take for a formula
_UNSEEN = ("Cc", "Cf", "Zs", "Zl", "Zp")  # some drop these before they look


def neutral(cell: object) -> object:
    """Return the cell with an apostrophe in front if a spreadsheet could take it for a formula.

    Spaces and signs without a shape do not hide one. What is not text comes back as it is.
    """
    if not isinstance(cell, str):
        return cell
    first = next((char for char in cell if unicodedata.category(char) not in _UNSEEN), "")
    return f"'{cell}" if cell.startswith(_FORMULA) or first in _FORMULA else cell
