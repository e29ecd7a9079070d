"""The embedder that looks into the cache first."""

import numpy as np
import pytest
from hash_embedder import HashEmbedder

from rag_core import Cancelled, ModelError
from rag_core.embedders.cache import PassageCache, VectorCache
from rag_core.embedders.cached import CachedEmbedder
from rag_core.protocols import Progress, TokenEmbedder
from rag_core.quantized import quantized

D = 64


class PlainEmbedder:
    """One that shows no tokens, fails at the text "bad", and counts what it embedded."""

    name, dimension = "plain", D

    def __init__(self, fingerprint="plain"):
        self.fingerprint = fingerprint
        self.embedded = []
        self._inner = HashEmbedder(D)

    def embed_documents(self, texts, *, on_progress=None):
        if "bad" in texts:
            raise ModelError("The model failed.")
        self.embedded += texts
        return self._inner.embed_documents(texts)

    def embed_query(self, text):
        self.embedded.append(("query", text))
        return self._inner.embed_query(text)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "embeddings.sqlite3"


@pytest.fixture
def inner():
    return PlainEmbedder()


def vectors(*texts):
    return HashEmbedder(D).embed_documents(texts)


def test_each_distinct_text_is_embedded_once_ever(path, inner):
    embedder = CachedEmbedder(inner, VectorCache(path))
    texts = ["b", "a", "b", "c", "a", "b"]
    assert np.array_equal(embedder.embed_documents(texts), vectors(*texts))
    assert sorted(inner.embedded) == ["a", "b", "c"]
    assert np.array_equal(embedder.embed_documents(["c", "d", "a"]), vectors("c", "d", "a"))
    assert sorted(inner.embedded) == ["a", "b", "c", "d"]
    assert embedder.embed_documents([]).shape == (0, D)


def test_queries_are_kept_apart_from_documents(path, inner):
    embedder = CachedEmbedder(inner, VectorCache(path))
    embedder.embed_documents(["a"])
    assert np.array_equal(embedder.embed_query("a"), embedder.embed_query("a"))
    assert inner.embedded == ["a", ("query", "a")]


def test_another_model_finds_nothing_of_the_first(path, inner):
    other = PlainEmbedder("other")
    cache = VectorCache(path)
    CachedEmbedder(inner, cache).embed_documents(["a"])
    CachedEmbedder(other, cache).embed_documents(["a"])
    assert other.embedded == ["a"]


def test_what_was_embedded_before_a_failure_is_kept(path, inner):
    embedder = CachedEmbedder(inner, VectorCache(path))
    texts = [f"text {n}" for n in range(100)]
    with pytest.raises(ModelError):
        embedder.embed_documents([*texts, "bad"])
    kept = len(inner.embedded)
    assert kept >= 64
    embedder.embed_documents(texts)
    assert inner.embedded == texts


def test_progress_counts_every_text_and_can_stop(path, inner):
    embedder = CachedEmbedder(inner, VectorCache(path))
    embedder.embed_documents(["a", "b"])
    seen = []
    embedder.embed_documents(["a", "b", "c", "c", "a"], on_progress=seen.append)
    assert seen[0] == Progress("embedding", 0, 5)
    assert [step.done for step in seen] == sorted(step.done for step in seen)
    assert seen[-1] == Progress("embedding", 5, 5)
    seen.clear()
    embedder.embed_documents(["a"], on_progress=seen.append)  # all known
    assert (seen[0].done, seen[-1].done, seen[-1].total) == (0, 1, 1)

    def stop(progress):
        raise Cancelled

    with pytest.raises(Cancelled):
        embedder.embed_documents(["new"], on_progress=stop)


def test_it_shows_tokens_exactly_when_the_inner_one_does(path, inner):
    cache = VectorCache(path)
    plain, showing = CachedEmbedder(inner, cache), CachedEmbedder(HashEmbedder(D), cache)
    assert not isinstance(plain, TokenEmbedder)
    assert isinstance(showing, TokenEmbedder)
    assert isinstance(showing, CachedEmbedder)
    assert showing.max_tokens == 256
    assert showing.count_tokens(["two words"]) == [2]
    assert showing.embed_tokens(["two words"])[0].vectors.shape == (2, D)
    assert plain.estimate(["a"]) is None
    assert (plain.name, plain.fingerprint, plain.dimension) == ("plain", "plain", D)


def test_wrapping_loads_no_model(path):
    class Heavy(HashEmbedder):
        @property
        def max_tokens(self):
            raise AssertionError("the model was loaded")

    assert CachedEmbedder(Heavy(D), VectorCache(path)).name == "hash-64"
    assert not path.exists()


class Reading(HashEmbedder):
    """One that shows the tokens of what it embeds, and counts how often it is asked for tokens."""

    asked = 0

    def embed_passages(self, texts):
        for row, text in enumerate(texts):
            yield [row], self.embed_documents([text]), super().embed_tokens([text])

    def embed_tokens(self, texts):
        self.asked += len(texts)
        return super().embed_tokens(texts)


def test_tokens_of_passages_are_kept_with_their_vectors_and_read_no_more(path):
    inner = Reading(D)
    passages = PassageCache(path.parent / "passages.sqlite3")
    texts = ["two words", "three more words", "two words"]
    embedder = CachedEmbedder(inner, VectorCache(path), passages)
    assert np.array_equal(embedder.embed_passages(texts), vectors(*texts))
    for opened in (embedder, CachedEmbedder(inner, VectorCache(path), passages)):
        for text, found in zip(texts, opened.passages(texts), strict=True):
            exact = quantized(HashEmbedder(D).embed_tokens([text])[0])
            assert np.array_equal(found.vectors, exact.vectors)
            assert np.array_equal(found.offsets, exact.offsets)
    assert inner.asked == 0
    assert passages.report().entries == 2


def test_tokens_of_passages_that_are_not_kept_are_read_once(path):
    inner = Reading(D)
    embedder = CachedEmbedder(inner, VectorCache(path), PassageCache(path.parent / "passages"))
    embedder.embed_documents(["two words"])  # of what is not searched, none are kept
    first, again = embedder.passages(["two words"]), embedder.passages(["two words", "two words"])
    assert inner.asked == 1
    assert all(np.array_equal(one.vectors, first[0].vectors) for one in again)
    without = CachedEmbedder(inner, VectorCache(path))
    without.embed_passages(["other"])
    assert np.array_equal(without.passages(["two words"])[0].vectors, first[0].vectors)


def test_a_model_that_shows_no_tokens_of_passages_embeds_them_all_the_same(path):
    class Silent(Reading):
        def embed_passages(self, texts):
            yield range(len(texts)), self.embed_documents(texts), None

    passages = PassageCache(path.parent / "passages.sqlite3")
    embedder = CachedEmbedder(Silent(D), VectorCache(path), passages)
    assert np.array_equal(embedder.embed_passages(["a", "b"]), vectors("a", "b"))
    assert passages.report().entries == 0
    plain = CachedEmbedder(PlainEmbedder(), VectorCache(path), passages)
    assert np.array_equal(plain.embed_passages(["a", "b"]), vectors("a", "b"))
