"""OpenAI and Cohere through their real packages, against a server that checks and misbehaves."""

import time

import numpy as np
import pytest
from embedding_server import (
    AT_ONCE,
    KEY,
    NAMES,
    QUICK,
    Fault,
    embedding_server,
    expected,
    opened,
)

from rag_core import Cancelled, ModelError
from rag_core.embedders import open_embedder
from rag_core.embedders.batching import Backoff
from rag_core.embedders.cache import VectorCache
from rag_core.embedders.cached import CachedEmbedder


@pytest.fixture(params=sorted(NAMES))
def provider(request):
    return request.param


# -- what an embedder promises --------------------------------------------------------------


def test_vectors_are_unit_float32_in_order(provider):
    texts = [f"text {n}" for n in range(200)]
    with embedding_server() as server:
        vectors = opened(provider, server).embed_documents(texts)
    assert vectors.shape == (200, 256)
    assert vectors.dtype == np.float32
    wanted = np.array([expected(provider, text) for text in texts])
    assert np.allclose(vectors, wanted, atol=1e-6)  # the server sends them three times as long
    assert server.violations == []


def test_no_request_holds_more_than_the_provider_takes(provider):
    texts = [f"t{n}" for n in range(AT_ONCE[provider] * 2 + 5)]
    with embedding_server() as server:
        vectors = opened(provider, server, dimensions=256).embed_documents(texts)
    assert server.sizes == [AT_ONCE[provider], AT_ONCE[provider], 5]
    assert server.violations == []
    assert np.allclose(vectors[-1], expected(provider, texts[-1]), atol=1e-6)


def test_queries_and_documents_are_told_apart_where_the_model_does():
    with embedding_server() as server:
        cohere = opened("cohere", server)
        document, query = cohere.embed_documents(["a"])[0], cohere.embed_query("a")
        assert np.allclose(document, expected("cohere", "a"), atol=1e-6)
        assert np.allclose(query, expected("cohere", "a", "query"), atol=1e-6)
        openai = opened("openai", server)
        assert np.array_equal(openai.embed_documents(["a"])[0], openai.embed_query("a"))


def test_awkward_texts_pass_the_providers_rules(provider):
    with embedding_server() as server:
        vectors = opened(provider, server).embed_documents(["", "a\ud800b", "Привет 🎉", "\0"])
    assert server.violations == []
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_nothing_to_embed_asks_nobody(provider):
    with embedding_server() as server:
        assert opened(provider, server).embed_documents([]).shape == (0, 256)
    assert server.requests == []


@pytest.mark.parametrize(
    ("name", "dimension"),
    [
        ("openai:text-embedding-3-small", 1536),
        ("openai:text-embedding-3-large", 3072),
        ("cohere:embed-v4.0", 1536),
        ("cohere:embed-english-v3.0", 1024),
    ],
)
def test_without_dimensions_the_models_own_come(name, dimension):
    with embedding_server() as server:
        path = "/v1" if name.startswith("openai") else ""
        embedder = open_embedder(name, base_url=server.url + path, api_key=KEY)
        assert embedder.dimension == dimension
        assert server.requests == []
        assert embedder.embed_query("a").shape == (dimension,)
    assert not {"dimensions", "output_dimension"} & set(server.requests[0])
    assert embedder.name == name


def test_a_model_we_do_not_know_is_asked_for_its_dimension():
    with embedding_server() as server:
        embedder = open_embedder("openai:nomic-embed-text:latest", base_url=server.url + "/v1",
                                 api_key=KEY)  # fmt: skip
        assert embedder.dimension == 8
        assert embedder.embed_documents(["a"]).shape == (1, 8)
        assert [body["model"] for body in server.requests] == ["nomic-embed-text:latest"] * 2


def test_servers_that_send_lists_or_another_order_are_understood():
    texts = ["a", "b", "c"]
    wanted = [expected("openai", text) for text in texts]
    with embedding_server(Fault("shuffle")) as server:
        assert np.allclose(opened("openai", server).embed_documents(texts), wanted, atol=1e-6)
    with embedding_server(answer_lists=True) as server:
        assert np.allclose(opened("openai", server).embed_documents(texts), wanted, atol=1e-6)


def test_the_fingerprint_tells_numbers_apart_and_asks_nobody(provider):
    name = NAMES[provider]

    def fingerprint(name=name, **options):
        return open_embedder(name, api_key="k", **options).fingerprint

    assert fingerprint() == fingerprint() == fingerprint(dimensions=1536)
    assert fingerprint() == fingerprint(base_url="http://proxy/v1", timeout=3)
    other = "openai:text-embedding-3-large" if provider == "openai" else "cohere:embed-english-v3.0"
    unknown = f"{provider}:some-model"
    all_different = [
        fingerprint(),
        fingerprint(dimensions=512),
        fingerprint(other),
        fingerprint(unknown),
        fingerprint(unknown, base_url="http://elsewhere/v1"),
    ]
    assert len(set(all_different)) == len(all_different)


# -- trying again ---------------------------------------------------------------------------


@pytest.mark.parametrize("what", [429, 500, 502, 503, 504, "drop"])
def test_what_may_pass_is_tried_again(provider, what):
    with embedding_server(Fault(what), Fault(what)) as server:
        vector = opened(provider, server).embed_query("a")
    assert np.allclose(vector, expected(provider, "a", "query"), atol=1e-6)
    assert len(server.requests) == 3


def test_a_silent_server_is_asked_again(provider):
    with embedding_server(Fault("hang")) as server:
        vector = opened(provider, server, timeout=0.3).embed_query("a")
    assert np.allclose(vector, expected(provider, "a", "query"), atol=1e-6)
    assert len(server.requests) == 2


def test_retry_after_is_obeyed(provider):
    begun = time.monotonic()
    with embedding_server(Fault(429, {"Retry-After": "1"})) as server:
        opened(provider, server).embed_query("a")
    assert time.monotonic() - begun >= 1
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("what", "said"),
    [(429, "too many requests"), (503, "status 503"), ("drop", "cannot be reached")],
)
def test_what_does_not_pass_is_said_with_a_way_out(provider, what, said):
    with (
        embedding_server(*[Fault(what)] * 9) as server,
        pytest.raises(ModelError, match=said) as caught,
    ):
        opened(provider, server).embed_query("a")
    assert caught.value.hint
    assert len(server.requests) == QUICK.attempts


def test_a_time_out_is_said(provider):
    with embedding_server(*[Fault("hang")] * 9) as server:
        embedder = opened(provider, server, timeout=0.1, backoff=Backoff(attempts=2, first=0.01))
        with pytest.raises(ModelError, match=r"did not answer within 0\.1 s"):
            embedder.embed_query("a")


def test_a_server_that_is_not_there(provider):
    with embedding_server() as server:
        pass
    with pytest.raises(ModelError, match="cannot be reached"):
        opened(provider, server).embed_query("a")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(400, message="dimensions is out of range"), "out of range"),
        (Fault(401), "refused the key"),
        (Fault(403), "refused the key"),
        (Fault(404), "does not know the model"),
        (Fault(429, message="you exceeded your quota", code="insufficient_quota"), "used up"),
        (Fault(429, {"Retry-After": "3600"}), "too many requests"),
        (Fault("count"), "vectors for 3 texts"),
        (Fault("dimension"), "255 numbers, not 256"),
        (Fault("nan"), "not numbers"),
        (Fault("json"), "sent"),
    ],
)
def test_what_cannot_pass_is_not_tried_again(provider, fault, said):
    with embedding_server(fault) as server, pytest.raises(ModelError, match=said) as caught:
        opened(provider, server).embed_documents(["a", "b", "c"])
    assert caught.value.hint
    assert len(server.requests) == 1


# -- texts that are too long ----------------------------------------------------------------


def test_a_text_that_is_surely_too_long_is_named_before_anything_is_sent():
    with (
        embedding_server() as server,
        pytest.raises(ModelError, match=r"Text 3 \(“word word .* reads 8,191 tokens"),
    ):
        opened("openai", server).embed_documents(["a", "b", "word " * 9000])
    assert server.requests == []


def test_a_text_the_server_finds_too_long_is_named(provider):
    texts = [f"text {n}" for n in range(20)]
    texts[13] = "one two three four five six"
    with (
        embedding_server(max_text_words=5) as server,
        pytest.raises(ModelError, match=r"Text 14 .*maximum input length is 5"),
    ):
        opened(provider, server).embed_documents(texts)


def test_a_request_the_server_finds_too_long_is_halved(provider):
    texts = [f"two words{n}" for n in range(20)]
    with embedding_server(max_request_words=12) as server:
        vectors = opened(provider, server).embed_documents(texts)
    assert np.allclose(vectors, [expected(provider, text) for text in texts], atol=1e-6)


def test_requests_stay_below_the_providers_tokens():
    texts = ["word " * 4000] * 50  # 5,000 estimated tokens each
    with embedding_server(max_request_words=300_000) as server:
        opened("openai", server, dimensions=8).embed_documents(texts)
    assert server.sizes == [40, 10]
    assert server.violations == []


def test_requests_stay_below_what_a_minute_allows():
    with embedding_server() as server:
        embedder = opened("openai", server, tokens_per_minute=1000)
        batches = embedder.embed_batches(["word " * 320] * 4)  # 400 estimated tokens each
        assert len(next(batches)[0]) == 2
    assert server.sizes == [2]


# -- progress, cancelling, and paying once --------------------------------------------------


def test_progress_counts_requests_and_can_stop_them(provider):
    texts = [f"t{n}" for n in range(AT_ONCE[provider] + 1)]
    seen = []
    with embedding_server() as server:
        opened(provider, server, dimensions=256).embed_documents(texts, on_progress=seen.append)
        assert {0, AT_ONCE[provider], len(texts)} == {step.done for step in seen}
        assert {step.total for step in seen} == {len(texts)}

        def stop(progress):
            if progress.done:
                raise Cancelled

        with pytest.raises(Cancelled):
            opened(provider, server).embed_documents(texts, on_progress=stop)
    assert len(server.requests) == 3


def test_cancelling_does_not_wait_for_a_silent_server(provider):
    begun = time.monotonic()

    def stop(progress):
        if server.requests:
            raise Cancelled

    with embedding_server(Fault("hang")) as server, pytest.raises(Cancelled):
        opened(provider, server).embed_documents(["a"], on_progress=stop)
    assert time.monotonic() - begun < 15  # the server is silent for 30
    assert len(server.requests) == 1


def test_after_a_failure_only_the_rest_is_paid_for(provider, tmp_path):
    size = AT_ONCE[provider]
    texts = [f"t{n}" for n in range(size * 2 + 10)]
    cache = VectorCache(tmp_path / "cache.sqlite3")
    with embedding_server(Fault(200), Fault(200), Fault(401)) as server:
        embedder = CachedEmbedder(opened(provider, server, dimensions=256), cache)
        assert embedder.estimate(texts) == embedder.inner.estimate(texts)
        with pytest.raises(ModelError):
            embedder.embed_documents(texts)
        assert embedder.estimate(texts) == embedder.inner.estimate(texts[-10:])
        vectors = embedder.embed_documents(texts)
    assert server.sizes == [size, size, 10, 10]
    assert np.allclose(vectors, [expected(provider, text) for text in texts], atol=1e-6)
