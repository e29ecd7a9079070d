"""Whether the best evidence answers a question, or only speaks of the same things.

A question about something that the documents leave out ("How many seats has the ferry?", of a ferry
whose timetable is there) is as near to the texts as one that they answer. What tells the two apart,
a little, is how well the best sentence does for a question of its length and kind. More signs were
tried (the question without its subject, without each of its words in turn, how far the best stands
out) and told no more apart on documents that the fit had not seen.

The weights come from benchmarks/thresholds.py, which fits them on questions of its own. It is a
judgement by likeness and will err: of questions whose answer is left out it declines one in five,
of those on other subjects more. So what is declined still shows the nearest sentences.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np

from rag_core.datatypes import SearchHit
from rag_core.generators.asked import Asked
from rag_core.generators.evidence import Evidence

# The log-odds that the sources answer: the sum of what each sign is worth, and THRESHOLD is the
# value below which a question is declined.
SIGNS = {
    "score": 0.28,  # of the best sentence, see evidence.py
    "length": 0.97,  # log of the question's tokens: of a long question less can be matched
    "no_kind": -0.59,  # 1 when a kind of answer is asked for, and the best sentence holds none
    "loose": 1.85,  # 1 for questions after a reason, a permission, a frequency
    "open": 1.12,  # 1 for questions of no kind
    "no_code": -1.00,  # 1 when the question names a code or number that no source holds
}
THRESHOLD = 6.29
_NUMBER_OR_CODE = re.compile(r"[\w-]*\d[\w-]*")


def is_answered(asked: Asked, best: Evidence, sources: Sequence[SearchHit]) -> bool:
    """Return whether the sources answer a question rather than come near it.

    Whoever names a part number wants to see what is said of it: a best sentence that holds a code
    of the question answers, whatever the signs say.
    """
    if best.feature("code"):
        return True
    found = signs(asked, best, sources)
    return float(found @ np.array(list(SIGNS.values()))) >= THRESHOLD


def signs(
    asked: Asked, best: Evidence, sources: Sequence[SearchHit]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return float64 of shape (len(SIGNS),), in the order of SIGNS."""
    found = {
        "score": best.score,
        "length": math.log(max(1, len(asked.vectors))),
        "no_kind": best.feature("no_kind"),
        "loose": asked.kind is not None and asked.kind.loose,
        "open": asked.kind is None,
        "no_code": _lacks_code(asked.text, sources),
    }
    return np.array([found[name] for name in SIGNS], dtype=np.float64)


def _lacks_code(question: str, sources: Sequence[SearchHit]) -> bool:
    texts = [hit.chunk.text.lower() for hit in sources]
    codes = _NUMBER_OR_CODE.findall(question.lower())
    return any(all(code not in text for text in texts) for code in codes)
