"""A source's chunk as sentences, and how near each comes to a question."""

from itertools import pairwise

import numpy as np
import pytest

from rag_core import Chunk, Document, SearchHit
from rag_core.embedders import open_embedder
from rag_core.generators.asked import Asked
from rag_core.generators.evidence import passages_of
from rag_core.generators.passage import best_of, pooled
from rag_core.late_interaction import TokenCache, within
from rag_core.quantized import quantized

TEXT = "The harbour has two basins. It was dug in 1831 by Ezra Pool. Ropes are sold there."
QUESTION = "Who dug the harbour of Skelmouth?"


@pytest.fixture(scope="module")
def tokens():
    return TokenCache(open_embedder())


def passage_of(tokens, text=TEXT):
    document = Document.from_text("skelmouth-harbour.txt", text)
    chunk = Chunk.cut(document, 0, 0, len(text), {"name": document.name})
    asked = Asked.read(QUESTION, tokens)
    return asked, *passages_of(asked, [SearchHit(chunk, 1, 1.0)], tokens)


def test_a_look_reads_no_sentence(tokens):
    asked, passage = passage_of(tokens)
    chunk = quantized(tokens.vectors([TEXT])[0])
    name = quantized(tokens.vectors(["skelmouth harbour:"])[0]).vectors
    spans = [TEXT.index("The"), TEXT.index("It"), TEXT.index("Ropes"), len(TEXT) + 1]
    parts = [within(chunk, start, end) for start, end in pairwise(spans)]
    for place, own in enumerate(parts):
        near = passage.looked_at(asked, place)
        before = parts[place - 1] if place else own[:0]
        assert np.allclose(near.alone, best_of(asked.vectors, own), atol=1e-6)
        behind = np.concatenate([name, own])
        assert np.allclose(near.titled, best_of(asked.vectors, behind), atol=1e-6)
        after = np.concatenate([name, before, own])
        assert np.allclose(near.after, best_of(asked.vectors, after), atol=1e-6)
        meant = pooled(asked.vectors)
        assert near.meaning == pytest.approx(float(meant @ pooled(behind)), abs=1e-5)
        assert near.meaning_after == pytest.approx(float(meant @ pooled(after)), abs=1e-5)
    assert passage.looked_at(asked, 0).before is None
    first = best_of(asked.vectors, np.concatenate([name, parts[0]])).mean()
    assert passage.looked_at(asked, 1).before == pytest.approx(float(first), abs=1e-6)


def test_a_sentence_read_apart_is_read_behind_the_name_of_its_document(tokens):
    asked, passage = passage_of(tokens)
    texts = passage.titled[:2]
    assert texts[1] == "skelmouth harbour: It was dug in 1831 by Ezra Pool."
    first, own = (read.vectors for read in tokens.vectors(texts))
    near = passage.read(asked, 1, dict(zip(texts, tokens.vectors(texts), strict=True)))
    assert np.allclose(near.titled, best_of(asked.vectors, own))
    assert near.meaning == pytest.approx(float(pooled(asked.vectors) @ pooled(own)))
    assert near.before == pytest.approx(float(best_of(asked.vectors, first).mean()))
    seen = passage.looked_at(asked, 1)
    assert np.array_equal(near.alone, seen.alone)
    assert np.array_equal(near.after, seen.after)
    assert near.meaning_after == seen.meaning_after


def test_what_the_model_has_not_read_is_told_by_its_words(tokens):
    many = " ".join(f"Boat {number} of the fleet is painted grey." for number in range(90))
    asked, passage = passage_of(tokens, f"{many} Ezra dug the harbour of Skelmouth.")
    near = passage.looked_at(asked, 90)
    share = passage.shared_words(asked, 90)
    assert share > 0.9
    assert near.alone.tolist() == pytest.approx([share] * len(asked.vectors))
    assert passage.looked_at(asked, 50).alone.max() == pytest.approx(0)
