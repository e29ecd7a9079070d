"""A question, read: its words, what each is for, and what the question is about.

"How deep is the inner basin at Skelmouth?" asks by "how deep" for a depth, names Skelmouth, and
wants to know something of the inner basin. A sentence that answers says something of that, and
names Skelmouth or stands where everything is about it: which of the words it shares tells more
than how many.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rag_core.datatypes import SearchHit
from rag_core.generators.kinds import AnswerKind, kind_of
from rag_core.late_interaction import TokenCache
from rag_core.protocols import FloatArray, IntArray
from rag_core.terms import terms

Tokens = np.ndarray[tuple[int], np.dtype[np.bool_]]

# Words that say what kind of thing is asked for; see kinds.py, which tells the kind.
ASKING = frozenset(
    "who whose whom what which when where why how many much long far high old often early late "
    "large kind type name number called year month day date time may can could must should "
    "wer wen wem wann wo wohin warum wie qui quand où pourquoi combien quién cuándo cuánto cuántos "
    "dónde chi quando dove perché quanto quanti wanneer hoeveel".split()
)
_IN_SO_MANY_CHUNKS = 3  # a word of the question that so many chunks hold is what they are about
_WORD = re.compile(r"[^\W_]+")
_NAME_OR_CODE = re.compile(r"(?<=\s)(?:[^\W\d_a-zß-ÿ]\w[\w-]*|[\w-]*\d[\w-]*)")
_CODE = re.compile(r"\b(?=[\w-]*\d)(?=[\w-]*[^\W\d_])[\w-]{2,}")  # letters and digits: "HN-2509"
_PARTS_OF_NAMES = re.compile(r"[\s_-]+")


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A question, read.

    Attributes:
        text: as it was asked.
        vectors: of its tokens, (tokens, dimension), rows of unit length.
        words: its index terms.
        names: the index terms of each of its names and codes, those of no term left out.
        codes: the part numbers and such that it names, see `codes_in`.
        kind: of answer that it asks for, None when any may answer.
        asking: which tokens are of words such as "who", "how many", "which year".
        small: which are of other function words.
        meant: of each token the index terms of its word; none for the two above and for marks.
    """

    text: str
    vectors: FloatArray
    words: frozenset[str]
    names: tuple[frozenset[str], ...]
    codes: frozenset[str]
    kind: AnswerKind | None
    asking: Tokens
    small: Tokens
    meant: tuple[frozenset[str], ...]

    @classmethod
    def read(cls, question: str, tokens: TokenCache) -> Asked:
        """Read a question."""
        read = tokens.vectors([question])[0]
        words = [word.lower() for word in _words_of(question, read.offsets)]
        asking = np.array([word in ASKING for word in words], dtype=np.bool_)
        index = [frozenset(terms(word)) for word in words]
        small = [bool(word) and not found for word, found in zip(words, index, strict=True)]
        names = (frozenset(terms(name)) for name in _NAME_OR_CODE.findall(question))
        meant = (frozenset() if asks else found for asks, found in zip(asking, index, strict=True))
        return cls(
            question,
            read.vectors,
            frozenset(terms(question)),
            tuple(filter(None, names)),
            codes_in(question),
            kind_of(question),
            asking,
            np.array(small, dtype=np.bool_) & ~asking,
            tuple(meant),
        )

    def beside(self, subject: frozenset[str]) -> Tokens:
        """Return which tokens say what is asked of a subject.

        All that mean something where no other is left, and all tokens where none means something.
        """
        content = np.array([bool(found) for found in self.meant], dtype=np.bool_)
        besides = np.array([bool(found and not found & subject) for found in self.meant])
        kept = next((some for some in (besides, content) if some.any()), np.ones_like(content))
        return kept.astype(np.bool_)


def _words_of(text: str, offsets: IntArray) -> Iterator[str]:
    """Yield for each token the word that it is a part of; nothing for marks."""
    spans = [match.span() for match in _WORD.finditer(text)]
    for start, end in offsets.tolist():
        yield next((text[a:b] for a, b in spans if a <= start and end <= b), "")


def subject_of(asked: Asked, hit: SearchHit, sources: Sequence[SearchHit]) -> frozenset[str]:
    """Return the index terms for what a question and a source are both about.

    Those are the words of the document's name, the question's names and codes, and those of its
    words that many of the document's chunks hold.
    """
    subject = set(terms(title_of(hit)))
    subject.update(*asked.names)
    chunks = [
        frozenset(terms(other.chunk.text))
        for other in sources
        if other.chunk.document_id == hit.chunk.document_id
    ]
    subject.update(
        word for word in asked.words if sum(word in held for held in chunks) >= _IN_SO_MANY_CHUNKS
    )
    return frozenset(subject)


def lacking_names(asked: Asked, hit: SearchHit, sources: Sequence[SearchHit]) -> float:
    """Return the share of the question's names that a source's document does not hold, 0 to 1.

    The document is what the sources show of it, and its name.
    """
    held = set(terms(title_of(hit)))
    for other in sources:
        if other.chunk.document_id == hit.chunk.document_id:
            held.update(terms(other.chunk.text))
    return sum(not name <= held for name in asked.names) / max(1, len(asked.names))


def codes_in(text: str) -> frozenset[str]:
    """Return the words of letters and digits in a text, whole and in small letters: "hn-2509"."""
    return frozenset(_CODE.findall(text.lower()))


def title_of(hit: SearchHit) -> str:
    """Return a document's name as words: "tram-times.csv" is "tram times"."""
    return _PARTS_OF_NAMES.sub(" ", Path(str(hit.chunk.metadata.get("name", ""))).stem).strip()
