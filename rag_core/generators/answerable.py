"""Whether the best evidence answers a question, or only speaks of the same things.

A question about something that the documents leave out ("How many seats has the ferry?", of a ferry
whose timetable is there) is as near to the texts as one that they answer. What tells the two apart,
a little, is whether the words beside the subject matter: the question without its subject is
compared with the best sentence, and so is the question without each of its words in turn. A word
that could be left out without loss is one that the sentence says nothing about.

The weights come from benchmarks/thresholds.py, which fits them on questions of its own. It is a
judgement by likeness and will err: of questions whose answer is left out it declines less than
half, of those on other subjects most.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from rag_core.datatypes import SearchHit
from rag_core.generators.evidence import Asked, Evidence, pooled, title_of
from rag_core.late_interaction import TokenCache
from rag_core.protocols import FloatArray
from rag_core.relevance import support
from rag_core.terms import terms

# The log-odds that the sources answer: the sum of what each sign is worth, and THRESHOLD is the
# value below which a question is declined.
SIGNS = {
    "near": 6.20,  # how near the nearest source comes to the question: MaxSim, see `support`
    "no_kind": -0.75,  # 1 when a kind of answer is asked for, and the best sentence holds none
    "loose": 1.67,  # 1 for questions after a reason, a permission, a frequency
    "open": 0.70,  # 1 for questions of no kind
    "relation": 3.35,  # cosine of the best sentence to the question without its subject
    "standing": 0.27,  # how far that is above the other sentences' cosines, in deviations
    "word_after": 7.36,  # the least that leaving out a word costs the cosine to the best sentence,
    "word_chunk": 6.33,  # read behind the one before it, and to its chunk
    "no_code": -1.39,  # 1 when the question names a code or number that no source holds
}
THRESHOLD = 3.89
_IN_SO_MANY_CHUNKS = 3  # a word of the question that so many chunks hold is what they are about
_WORD = re.compile(r"[^\W_]+")
_NAME_OR_CODE = re.compile(r"(?<=\s)(?:[^\W\d_a-zß-ÿ]\w[\w-]*|[\w-]*\d[\w-]*)")
_CODE = re.compile(r"\b(?=[\w-]*\d)(?=[\w-]*[^\W\d_])[\w-]{2,}")  # letters and digits: "HN-2509"
_NUMBER_OR_CODE = re.compile(r"[\w-]*\d[\w-]*")
_MEASURING = frozenset(
    "many much long far high old often early late large kind type name year day month time number "
    "called".split()
)


def is_answered(
    asked: Asked,
    sentences: Sequence[Evidence],
    best: Evidence,
    sources: Sequence[SearchHit],
    tokens: TokenCache,
) -> bool:
    """Return whether the sources answer a question rather than come near it.

    Whoever names a part number wants to see what is said of it: a best sentence that holds a code
    of the question is quoted, whatever the signs say.
    """
    if not len(asked.vectors):
        return False
    if any(code in best.text.lower() for code in _CODE.findall(asked.text.lower())):
        return True
    found = signs(asked, sentences, best, sources, tokens)
    return float(found @ np.array(list(SIGNS.values()))) >= THRESHOLD


def signs(
    asked: Asked,
    sentences: Sequence[Evidence],
    best: Evidence,
    sources: Sequence[SearchHit],
    tokens: TokenCache,
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return float64 of shape (len(SIGNS),), in the order of SIGNS."""
    hit = sources[best.number - 1]
    relation = without_subject(asked, hit, sources)
    shorter = _shorter(asked.text)
    whole, *chunks = tokens.vectors([asked.text, *(source.chunk.text for source in sources)])
    asked_of, *read = (one.vectors for one in tokens.vectors([relation, *shorter]))
    chunk = chunks[best.number - 1].vectors
    cosines = np.array([sentence.meaning for sentence in sentences]) @ pooled(asked_of)
    at_best = float(pooled(asked_of) @ best.meaning)
    found = {
        "near": max(support(asked.text, whole, text) for text in chunks),
        "no_kind": best.feature("no_kind"),
        "loose": asked.kind is not None and asked.kind.loose,
        "open": asked.kind is None,
        "relation": at_best,
        "standing": (at_best - float(cosines.mean())) / (float(cosines.std()) + 1e-6),
        "word_after": _least(asked.vectors, read, best.meaning_after),
        "word_chunk": _least(asked.vectors, read, pooled(chunk)),
        "no_code": _lacks_code(asked.text, sources),
    }
    return np.array([found[name] for name in SIGNS], dtype=np.float64)


def without_subject(asked: Asked, hit: SearchHit, sources: Sequence[SearchHit]) -> str:
    """Return the question without the words for what its best source is about.

    Those are the words of the document's name, names and codes, and those that many of its
    chunks hold.
    """
    about = set(terms(title_of(hit)))
    about.update(term for word in _NAME_OR_CODE.findall(asked.text) for term in terms(word))
    chunks = [
        frozenset(terms(other.chunk.text))
        for other in sources
        if other.chunk.document_id == hit.chunk.document_id
    ]
    about.update(
        word for word in asked.words if sum(word in held for held in chunks) >= _IN_SO_MANY_CHUNKS
    )
    kept = [word for word in _WORD.findall(asked.text) if not about.intersection(terms(word))]
    return " ".join((*kept, "?"))


def _lacks_code(question: str, sources: Sequence[SearchHit]) -> bool:
    texts = [hit.chunk.text.lower() for hit in sources]
    codes = _NUMBER_OR_CODE.findall(question.lower())
    return any(all(code not in text for text in texts) for code in codes)


def _shorter(question: str) -> list[str]:
    """Return the question without each of its content words in turn."""
    return [
        question[: word.start()] + question[word.end() :]
        for word in _WORD.finditer(question)
        if terms(word.group()) and word.group().lower() not in _MEASURING
    ]


def _least(whole: FloatArray, shorter: Sequence[FloatArray], text: FloatArray) -> float:
    full = float(pooled(whole) @ text)
    return min((full - float(pooled(one) @ text) for one in shorter), default=0.0)
