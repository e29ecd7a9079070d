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
from dataclasses import replace

import numpy as np

from rag_core.datatypes import SearchHit
from rag_core.generators.asked import Asked, title_of
from rag_core.generators.evidence import Evidence, by_match, by_score, telling
from rag_core.generators.quotable import quotable
from rag_core.reader import Reader

# The log-odds that the sources answer: the sum of what each sign is worth, and THRESHOLD is the
# value below which a question is declined.
SIGNS = {
    "match": 0.24,  # of the best sentence, see evidence.py
    "length": 0.93,  # log of the question's tokens: of a long question less can be matched
    "no_kind": -0.03,  # 1 when a kind of answer is asked for, and it holds none
    "loose": 0.76,  # 1 for questions after a reason, a permission, a frequency
    "open": 0.76,  # 1 for questions of no kind
    "no_code": -0.20,  # 1 when the question names a code or number that no source holds
    "no_name": -1.87,  # share of the question's names that its document lacks
    "reading": 0.26,  # the reader's log-odds that it answers
    "best_reading": 0.22,  # the best log-odds of any sentence that was read
}
THRESHOLD = 5.21
CLOSELY = 5  # sentences, those that match best, are read together with the question
_NUMBER_OR_CODE = re.compile(r"[\w-]*\d[\w-]*")


def read_closely(
    asked: Asked, sentences: Sequence[Evidence], sources: Sequence[SearchHit], reader: Reader
) -> list[Evidence]:
    """Return the sentences with what the reader says of the CLOSELY that match best.

    The others get the least that it says of any of these.

    Raises:
        ModelError: when the reader's base model is missing or damaged.
    """
    if not sentences:
        return []
    closest = by_match(telling(sentences))[:CLOSELY]
    read = reader.read(asked.text, [_around(one, sources[one.number - 1]) for one in closest])
    odds = {(one.number, one.place): float(said) for one, said in zip(closest, read, strict=True)}
    least = min(odds.values())
    return [replace(one, odds=odds.get((one.number, one.place), least)) for one in sentences]


def is_answered(asked: Asked, sentences: Sequence[Evidence], sources: Sequence[SearchHit]) -> bool:
    """Return whether the sources answer a question rather than come near it.

    Whoever names a part number wants to see what is said of it: a best sentence that holds a code
    of the question answers, whatever the signs say.
    """
    if by_score(telling(sentences))[0].feature("code"):
        return True
    return float(signs(asked, sentences, sources) @ np.array(list(SIGNS.values()))) >= THRESHOLD


def signs(
    asked: Asked, sentences: Sequence[Evidence], sources: Sequence[SearchHit]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return float64 of shape (len(SIGNS),), in the order of SIGNS, for one sentence or more.

    The sentences were read closely.
    """
    best = by_score(telling(sentences))[0]
    held = {
        "match": best.match,
        "length": math.log(max(1, len(asked.vectors))),
        "no_kind": best.feature("no_kind"),
        "loose": asked.kind is not None and asked.kind.loose,
        "open": asked.kind is None,
        "no_code": _lacks_code(asked.text, sources),
        "no_name": best.feature("no_name"),
        "reading": best.odds,
        "best_reading": max(one.odds for one in sentences),
    }
    return np.array([held[name] for name in SIGNS], dtype=np.float64)


def _around(one: Evidence, hit: SearchHit) -> tuple[str, str]:
    """Return the document's name, and a sentence with the one before and the one after.

    So the reader was trained.
    """
    near = list(quotable(hit.chunk.text))[max(0, one.place - 1) : one.place + 2]
    return title_of(hit), hit.chunk.text[near[0][0] : near[-1][1]]


def _lacks_code(question: str, sources: Sequence[SearchHit]) -> bool:
    texts = [hit.chunk.text.lower() for hit in sources]
    codes = _NUMBER_OR_CODE.findall(question.lower())
    return any(all(code not in text for text in texts) for code in codes)
