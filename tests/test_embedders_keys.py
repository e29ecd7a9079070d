"""Keys, prices and names of hosted embedders."""

import builtins
import logging
import traceback

import pytest
from embedding_server import KEY, NAMES, Fault, embedding_server, opened

from rag_core import MissingDependencyError, ModelError, SettingsError
from rag_core.embedders import EMBEDDERS, open_embedder
from rag_core.embedders.batching import Backoff
from rag_core.embedders.cache import VectorCache
from rag_core.embedders.cached import CachedEmbedder
from rag_core.embedders.estimate import PRICES, Estimate, estimate_tokens


@pytest.fixture(params=sorted(NAMES))
def provider(request):
    return request.param


# -- keys -----------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [401, 403, 400, 429, 500, "drop", "json"])
def test_the_key_is_never_logged_stored_or_shown(provider, fault, tmp_path, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    faults = [Fault(fault, message=f"Incorrect API key provided: {KEY}")] * 4
    with embedding_server(Fault(200), *faults) as server:
        embedder = opened(provider, server)
        cached = CachedEmbedder(embedder, VectorCache(tmp_path / "cache.sqlite3"))
        cached.embed_documents(["a"])
        with pytest.raises(ModelError) as caught:
            cached.embed_query("b")
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    shown = "".join(traceback.format_exception(caught.value))
    printed = "".join(capfd.readouterr())
    for text in (caplog.text, shown, repr(embedder), repr(vars(embedder)), str(cached), printed):
        assert KEY not in text
    assert KEY.encode() not in stored
    assert b"text-embedding" not in stored  # nor anything else in plain text


def test_an_address_with_a_password_is_shown_without_it():
    embedder = open_embedder("openai:m", base_url="http://me:hunter2@127.0.0.1:9/v1", api_key=KEY,
                             backoff=Backoff(attempts=1))  # fmt: skip
    with pytest.raises(ModelError, match=r"127\.0\.0\.1:9/v1") as caught:
        embedder.embed_query("a")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("provider", "setting"), [("openai", "OPENAI_API_KEY"), ("cohere", "COHERE_API_KEY")]
)
def test_keys_come_from_the_environment_and_are_asked_for_by_name(provider, setting, monkeypatch):
    monkeypatch.delenv("CO_API_KEY", raising=False)
    with pytest.raises(SettingsError) as caught:
        open_embedder(NAMES[provider]).embed_query("a")
    assert setting in caught.value.hint
    assert "all-MiniLM-L6-v2" in caught.value.hint
    with embedding_server() as server:
        monkeypatch.setenv(setting, f" {KEY}\n")  # as people paste it
        opened(provider, server, api_key=None).embed_query("a")
        assert len(server.requests) == 1


def test_a_key_that_cannot_be_one_is_not_shown(provider):
    with embedding_server() as server, pytest.raises(SettingsError) as caught:
        opened(provider, server, api_key="schlüssel-geheim").embed_query("a")
    assert "geheim" not in str(caught.value)


def test_a_server_of_ones_own_needs_no_key():
    with embedding_server() as server, pytest.raises(ModelError, match="refused the key"):
        opened("openai", server, api_key=None).embed_query("a")
    assert len(server.requests) == 1


# -- prices and names -----------------------------------------------------------------------


def test_what_it_will_cost_is_known_before_and_called_an_estimate():
    small = open_embedder("openai:text-embedding-3-small")
    assert small.estimate(["x" * 4000] * 1000) == Estimate(1_000_000, 0.02, exact=False)
    assert open_embedder("cohere:embed-v4.0").estimate(["x" * 4]).price_usd == 0.12 / 1e6
    assert open_embedder("openai:mine", base_url="http://x").estimate(["x"]).price_usd is None
    assert all(0 < price < 1 for price in PRICES.values())


def test_an_estimate_asks_nobody_and_leaves_out_what_is_known(tmp_path):
    with embedding_server() as server:
        mine = open_embedder("openai:mine", base_url=server.url + "/v1", api_key=KEY)
        cached = CachedEmbedder(mine, VectorCache(tmp_path / "cache.sqlite3"))
        assert cached.estimate(["four", "eight---", "four"]) == Estimate(3, None, exact=False)
        assert server.requests == []
        cached.embed_documents(["four"])
        assert cached.estimate(["four", "eight---"]) == Estimate(2, None, exact=False)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 1), ("word", 1), ("words", 2), ("日本語", 3), ("ab日", 2), ("\ud800", 1)],
)
def test_tokens_are_estimated_by_a_rule(text, tokens):
    assert estimate_tokens(text) == tokens


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("opnai:text-embedding-3-small", {}, "did you mean openai:.*known are cohere, openai"),
        ("azure:x", {}, "known are cohere, openai, sentence-transformers"),
        ("openai:", {}, "needs the name"),
        ("openai:text-embedding-3-small", {"dimensions": 1537}, "1 to 1536"),
        ("openai:text-embedding-3-small", {"dimensions": 0}, "1 to 1536"),
        ("openai:text-embedding-ada-002", {"dimensions": 512}, "cannot shorten"),
        ("cohere:embed-v4.0", {"dimensions": 300}, "not 300"),
        ("cohere:embed-english-v3.0", {"dimensions": 512}, "not 512"),
        ("openai:m", {"requests_per_minute": 0}, "above 0"),
        ("openai:m", {"timeout": -1}, "above 0"),
    ],
)
def test_what_cannot_work_is_refused_at_once(name, options, said):
    with pytest.raises(ValueError, match=said):
        open_embedder(name, **options)


@pytest.mark.parametrize("name", ["C:\\models\\mine", "./odd:folder", "/srv/a:b"])
def test_a_path_with_a_colon_is_a_path(name):
    assert open_embedder(name).name == name


def test_a_prefix_names_the_local_models_too():
    assert open_embedder("sentence-transformers:all-MiniLM-L6-v2").name == "all-MiniLM-L6-v2"
    assert set(EMBEDDERS) == {"sentence-transformers", "openai", "cohere", "words"}


def test_without_the_cohere_package_the_pip_line_is_told(monkeypatch):
    real = builtins.__import__

    def without_cohere(name, *rest, **named):
        if name.split(".")[0] == "cohere":
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without_cohere)
    embedder = open_embedder("cohere:embed-v4.0", api_key=KEY)
    with pytest.raises(MissingDependencyError, match=r"pip install -r requirements-cohere\.txt"):
        embedder.embed_query("a")
