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
from rag_core.generators.evidence import Evidence, by_score, telling
from rag_core.generators.quotable import quotable
from rag_core.reader import Reader
from rag_core.terms import terms

# The log-odds that the sources answer: the sum of what each sign is worth, and THRESHOLD is the
# value below which a question is declined.
SIGNS = {
    "score": 0.16,  # of the likeliest sentence, see evidence.py
    "length": 0.95,  # log of the question's tokens: of a long question less can be matched
    "no_kind": 0.09,  # 1 when a kind of answer is asked for, and that sentence holds none
    "loose": 0.99,  # 1 for questions after a reason, a permission, a frequency
    "open": 0.87,  # 1 for questions of no kind
    "no_code": -0.04,  # 1 when the question names a code or number that no source holds
    "no_name": -1.60,  # share of the question's names that its document lacks
    "reading": 0.24,  # the reader's log-odds that it answers
    "best_reading": 0.24,  # the best log-odds of any sentence that was read
}
THRESHOLD = 4.93
CLOSELY = 4  # sentences, the best, are read together with the question
READING = 0.48  # what the reader's log-odds count beside a score, to say which of them answers
_NUMBER_OR_CODE = re.compile(r"[\w-]*\d[\w-]*")


def is_answered(
    asked: Asked, sentences: Sequence[Evidence], sources: Sequence[SearchHit], reader: Reader
) -> bool:
    """Return whether the sources answer a question rather than come near it.

    Whoever names a part number wants to see what is said of it: a best sentence that holds a code
    of the question answers, whatever the signs say.

    Raises:
        ModelError: when the reader's base model is missing or damaged.
    """
    if by_score(telling(sentences))[0].feature("code"):
        return True
    values = signs(asked, sentences, sources, reader)
    return float(values @ np.array(list(SIGNS.values()))) >= THRESHOLD


def signs(
    asked: Asked, sentences: Sequence[Evidence], sources: Sequence[SearchHit], reader: Reader
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return float64 of shape (len(SIGNS),), in the order of SIGNS, for one sentence or more."""
    best, reading, best_reading = likeliest(asked, sentences, sources, reader)
    held = {
        "score": best.score,
        "length": math.log(max(1, len(asked.vectors))),
        "no_kind": best.feature("no_kind"),
        "loose": asked.kind is not None and asked.kind.loose,
        "open": asked.kind is None,
        "no_code": _lacks_code(asked.text, sources),
        "no_name": _lacks_names(asked, best, sources),
        "reading": reading,
        "best_reading": best_reading,
    }
    return np.array([held[name] for name in SIGNS], dtype=np.float64)


def likeliest(
    asked: Asked, sentences: Sequence[Evidence], sources: Sequence[SearchHit], reader: Reader
) -> tuple[Evidence, float, float]:
    """Return the sentence that is the likeliest to answer, its log-odds, and the best of any.

    Of one sentence or more. It need not be the one that is quoted first.
    """
    closest = by_score(telling(sentences))[:CLOSELY]
    odds = reader.read(asked.text, [_around(one, sources[one.number - 1]) for one in closest])
    at = int(np.argmax([one.score for one in closest] + READING * odds))
    return closest[at], float(odds[at]), float(odds.max())


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


def _lacks_names(asked: Asked, best: Evidence, sources: Sequence[SearchHit]) -> float:
    """Return the share of the question's names that the best sentence's document does not hold."""
    document = sources[best.number - 1].chunk.document_id
    texts = [hit for hit in sources if hit.chunk.document_id == document]
    held = set(terms(title_of(texts[0])))
    held.update(term for hit in texts for term in terms(hit.chunk.text))
    lacking = [not name <= held for name in asked.names]
    return sum(lacking) / max(1, len(lacking))
