"""Whether the best evidence answers a question, or only speaks of the same things.

A question about something that the documents leave out ("How many seats has the ferry?", of a ferry
whose timetable is there) is as near to the texts as one that they answer. What tells the two apart
is what the reader says, who sees question and sentence together; then how well the best sentence
does for a question of its length and kind, and whether what the question names is there at all.

The weights come from benchmarks/thresholds.py, which fits them on questions of its own. It is a
judgement and will err; how often, the README says. So what is declined still shows the nearest
sentences.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np

from rag_core.datatypes import SearchHit
from rag_core.generators.asked import Asked, title_of
from rag_core.generators.evidence import Evidence
from rag_core.terms import terms

# The log-odds that the sources answer: the sum of what each sign is worth, and THRESHOLD is the
# value below which a question is declined.
SIGNS = {
    "score": 0.19,  # of the best sentence, see evidence.py
    "length": 1.04,  # log of the question's tokens: of a long question less can be matched
    "no_kind": -0.12,  # 1 when a kind of answer is asked for, and the best sentence holds none
    "loose": 1.41,  # 1 for questions after a reason, a permission, a frequency
    "open": 1.03,  # 1 for questions of no kind
    "no_code": -0.26,  # 1 when the question names a code or number that no source holds
    "no_name": -1.41,  # share of the question's names that the best sentence's document lacks
    "reading": 0.16,  # the reader's log-odds that the best sentence answers
    "best_reading": 0.25,  # the best log-odds of any sentence that was read
}
THRESHOLD = 4.65
_NUMBER_OR_CODE = re.compile(r"[\w-]*\d[\w-]*")


def is_answered(
    asked: Asked, best: Evidence, found: Sequence[Evidence], sources: Sequence[SearchHit]
) -> bool:
    """Return whether the sources answer a question rather than come near it.

    `best` is the sentence that is quoted first, `found` are all, closely read.

    Whoever names a part number wants to see what is said of it: a best sentence that holds a code
    of the question answers, whatever the signs say.
    """
    if best.feature("code"):
        return True
    values = signs(asked, best, found, sources)
    return float(values @ np.array(list(SIGNS.values()))) >= THRESHOLD


def signs(
    asked: Asked, best: Evidence, found: Sequence[Evidence], sources: Sequence[SearchHit]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return float64 of shape (len(SIGNS),), in the order of SIGNS."""
    held = {
        "score": best.score,
        "length": math.log(max(1, len(asked.vectors))),
        "no_kind": best.feature("no_kind"),
        "loose": asked.kind is not None and asked.kind.loose,
        "open": asked.kind is None,
        "no_code": _lacks_code(asked.text, sources),
        "no_name": _lacks_names(asked, best, sources),
        "reading": best.feature("reading"),
        "best_reading": max(one.feature("reading") for one in found),
    }
    return np.array([held[name] for name in SIGNS], dtype=np.float64)


def _lacks_code(question: str, sources: Sequence[SearchHit]) -> bool:
    texts = [hit.chunk.text.lower() for hit in sources]
    codes = _NUMBER_OR_CODE.findall(question.lower())
    return any(all(code not in text for text in texts) for code in codes)


def _lacks_names(asked: Asked, best: Evidence, sources: Sequence[SearchHit]) -> float:
    """Return the share of the question's names that the best sentence's document does not hold."""
    document = sources[best.number - 1].chunk.document_id
    texts = [hit for hit in sources if hit.chunk.document_id == document]
    held = set(terms(title_of(texts[0])))
    held.update(term for hit in texts for term in terms(hit.chunk.text))
    lacking = [not name <= held for name in asked.names]
    return sum(lacking) / max(1, len(lacking))
