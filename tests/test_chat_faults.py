"""What a chat server can do wrong, through the real openai package; settings and local servers."""

import time

import pytest
from chat_server import chat_server

from rag_core import Chunk, Document, ModelError, SearchHit, SearchResult, SettingsError
from rag_core.answers import AnswerStream
from rag_core.generators.chat import ChatGenerator
from rag_core.generators.settings import ChatSettings, find_local_servers, list_models
from rag_core.prompts import build_prompt

SECRET = "sk-very-secret"


def asked(server, **settings):
    text = "The tower was built in 1889."
    chunk = Chunk.cut(Document.from_text("a.txt", text), 0, 0, len(text))
    prompt = build_prompt("When?", [SearchHit(chunk, 1, 1.0)])
    generator = ChatGenerator(base_url=server.url, model="m", api_key=SECRET, **settings)
    return AnswerStream(prompt, SearchResult("When?", prompt.sources), generator)


def failing(stream):
    with pytest.raises(ModelError) as caught:
        _ = stream.answer
    assert caught.value.hint
    assert SECRET not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("behaviour", "said", "hint"),
    [
        ({"status": 401}, "refused the key", "key"),
        ({"status": 404}, "does not know", "/v1"),
        ({"status": 429, "headers": {"Retry-After": "17"}}, "too many", "17 s"),
        ({"status": 429}, "too many", "a moment"),
        ({"status": 500}, "500", "again"),
        ({"status": 400, "message": "exceeds the context length"}, "too long", "fewer sources"),
        ({"status": 400}, "400", "settings"),
        ({"status": 401, "message": SECRET}, "refused", "key"),
        ({"pieces": []}, "empty answer", "again"),
        ({"raw": b"data: {not json\n\n"}, "cannot be read", "OpenAI-compatible"),
        ({"raw": b"data: [1, 2]\n\n"}, "cannot be read", "OpenAI-compatible"),
        ({"raw": b"<html>hello</html>"}, "half-way", "again"),
        ({"raw": b'data: {"error": {"message": "out of memory"}}\n\n'}, "failed", "again"),
    ],
)
def test_each_fault_is_said_with_a_next_step(behaviour, said, hint):
    with chat_server(**behaviour) as server:
        error = failing(asked(server))
    assert said in error.message
    assert hint in error.hint


def test_a_server_that_is_slow_is_given_up():
    with chat_server(pieces=["one", "two"], delay=2.0) as server:
        stream = asked(server, timeout=0.3)
        assert "did not answer" in failing(stream).message
        assert stream.text == "one"


def test_a_stream_that_breaks_keeps_its_text_and_its_times():
    with chat_server(break_after=1, delay=0.05) as server:
        stream = asked(server)
        assert "half-way" in failing(stream).message
    assert stream.text == "Hello"
    assert stream.stages[-1].name == "generate"
    assert stream.stages[-1].seconds > 0


def test_settings_make_the_model_and_never_show_the_key():
    with chat_server(models=["b", "a"]) as server:
        settings = ChatSettings(
            "m", server.url, SECRET, temperature=0.5, max_tokens=9, system_prompt="Be kind."
        )
        assert SECRET not in repr(settings)
        assert list_models(settings) == ["a", "b"]
        generator = settings.generator()
        prompt = build_prompt("?", [], system_prompt=generator.system_prompt)
        assert "".join(generator.stream(prompt)) == "Hello there [1]."
    (request,) = server.requests
    assert (request["temperature"], request["max_tokens"]) == (0.5, 9)
    assert request["messages"][0]["content"] == "Be kind."
    assert server.keys == [f"Bearer {SECRET}"]


@pytest.mark.parametrize(
    "wrong", [{"temperature": 3}, {"max_tokens": 0}, {"base_url": "ftp://x"}, {"window": -1}]
)
def test_settings_that_cannot_work_are_refused(wrong):
    with pytest.raises(SettingsError):
        ChatSettings(**wrong)


def test_local_servers_are_found_quickly_and_others_left_out():
    with chat_server() as server:
        port = int(server.url.split(":")[2].split("/")[0])
        started = time.perf_counter()
        (found,) = find_local_servers({"Ollama": port, "nobody": 1})
    assert time.perf_counter() - started < 3
    assert (found.name, found.base_url, found.models) == ("Ollama", server.url, ("tiny-chat",))


def test_a_model_that_thinks_first_is_asked_in_the_words_it_takes():
    refused = {
        "max_tokens": "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
        "'max_completion_tokens' instead.",
        "temperature": "Unsupported value: 'temperature' does not support 0.0 with this model.",
    }
    with chat_server(refused=refused) as server:
        generator = ChatSettings("m", server.url, max_tokens=77).generator()
        prompt = build_prompt("?", [])
        assert "".join(generator.stream(prompt)) == "Hello there [1]."
        assert "".join(generator.stream(prompt)) == "Hello there [1]."
        generator.close()
    assert [request.get("max_completion_tokens") for request in server.requests] == [None, 77, 77]
    assert [request.get("temperature") for request in server.requests] == [0.0, None, None]


def test_another_bad_request_is_not_asked_twice():
    with chat_server(refused={"temperature": "no"}) as server:
        assert "status 400" in failing(asked(server)).message
    assert len(server.requests) == 1
