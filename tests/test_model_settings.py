"""Who answers: the choice, its key, and the dialog through Streamlit's own test driver."""

import logging
from contextlib import closing
from pathlib import Path

import pytest
import streamlit as st
from chat_server import chat_server
from streamlit.testing.v1 import AppTest

from rag_core import AccessError, Document, ModelError, SettingsError
from rag_core.access import acting_as
from rag_core.conversations import Conversations
from rag_core.generators.addresses import PUBLIC_OPENAI, env_key, host, same_address
from rag_core.generators.chat import ChatGenerator
from rag_core.generators.choice import ModelChoice, choice_from_env, say
from rag_core.generators.settings import ChatSettings, find_local_servers
from rag_core.prompts import SYSTEM_PROMPT
from rag_core.transcripts import as_json, as_markdown
from rag_core.turns import NewTurn
from ui import services

ROOT = Path(__file__).resolve().parent.parent
SECRET = "sk-never-to-be-seen-0123456789"

# -- the choice -----------------------------------------------------------------------------


def test_the_environment_says_who_answers(monkeypatch):
    assert choice_from_env().label == "quoted, without a model"
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    assert choice_from_env().label == "gpt-4o-mini at OpenAI"
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:11434/v1")
    monkeypatch.setenv("RAGSCOPE_CHAT_MODEL", "llama3.2")
    assert choice_from_env().label == "llama3.2 at 127.0.0.1:11434"
    assert SECRET not in repr(choice_from_env())


def test_the_environment_s_key_goes_to_the_environment_s_address_alone(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    assert env_key(PUBLIC_OPENAI + "/") == SECRET
    assert env_key("http://evil.example/v1") == ""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:11434/v1")
    assert env_key("http://127.0.0.1:11434/v1/") == SECRET
    assert env_key(PUBLIC_OPENAI) == ""
    # Nor does the package take it from the environment behind our back.
    with pytest.raises(ModelError, match="needs a key"):
        ModelChoice("openai").chat().ask([], max_tokens=1)


def test_a_server_without_a_key_is_sent_none_of_ours(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    with chat_server() as server:
        choice = ModelChoice("server", ChatSettings("m", server.url))
        assert say(choice, [], max_tokens=1) == ("m", "rewritten")
    assert server.keys == ["Bearer none"]


def test_openai_is_openai_whatever_the_environment_says(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    assert ModelChoice("openai").settings.base_url == PUBLIC_OPENAI
    assert isinstance(ModelChoice("openai").chat(), ChatGenerator)
    assert ModelChoice("openai").chat().window > 100_000


def test_a_viewer_may_not_name_a_server_but_use_the_environment_s(monkeypatch):
    choice = ModelChoice("server", ChatSettings("m", "http://127.0.0.1:11434/v1"))
    with acting_as("viewer"):
        with pytest.raises(AccessError, match="address of a chat server"):
            choice.chat()
        with pytest.raises(AccessError, match="look for servers"):
            find_local_servers()
        monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:11434/v1/")
        assert choice.chat() is not None
        assert ModelChoice().chat() is None


def test_an_address_holds_no_password_and_is_not_empty():
    with pytest.raises(SettingsError, match="no address"):
        ModelChoice("server")
    with pytest.raises(SettingsError, match="name and a password"):
        ChatSettings("m", "http://me:secret@127.0.0.1/v1")
    assert host("http://me:secret@127.0.0.1:80/v1") == "127.0.0.1:80"
    assert host("http://[broken") == "http://[broken"
    assert same_address("http://a/v1", " http://a/v1/ ")


# -- the dialog -----------------------------------------------------------------------------


@pytest.fixture
def _fresh_server(monkeypatch, hash_embedder):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("rag_core.collection_settings.open_embedder", lambda *_: hash_embedder)
    st.cache_resource.clear()
    st.cache_data.clear()
    yield
    for opened in list(services.pipeline("default").home._open.values()):
        while opened._users > 0:
            opened.close()
    st.cache_resource.clear()


SCRIPT = """
import streamlit as st
from ui.chat import model_settings
model_settings.dialog()  # open all along: the driver knows no fragments
made = model_settings.generator()
st.caption(model_settings.label())
st.caption(f"made {getattr(made, 'name', 'by the environment')}")
"""


def opened(kind: str) -> AppTest:
    at = AppTest.from_string(SCRIPT, default_timeout=60).run()
    at.get_by_key("model_kind").set_value(kind).run()
    assert not at.exception
    return at


def said(at: AppTest) -> str:
    kinds = (at.markdown, at.caption, at.info, at.warning, at.error, at.success)
    return "\n".join(str(one.value) for kind in kinds for one in kind).replace("\\", "")


def drawn(at: AppTest) -> str:
    """Everything that is sent to the page, field by field."""
    return "\n".join(str(getattr(one, "proto", "")) for one in at._tree)


@pytest.mark.usefixtures("_fresh_server")
class TestDialog:
    def test_it_begins_with_the_environment(self, monkeypatch):
        monkeypatch.setenv("OPENAI_API_KEY", SECRET)
        monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:11434/v1")
        monkeypatch.setenv("RAGSCOPE_CHAT_MODEL", "llama3.2")
        at = AppTest.from_string(SCRIPT, default_timeout=60).run()
        assert at.get_by_key("model_kind").value == "server"
        assert at.text_input(key="model_address").value == "http://127.0.0.1:11434/v1"
        assert at.selectbox(key="model_name_server").value == "llama3.2"
        assert at.text_input(key="model_key_server").placeholder == "set by the environment"
        assert "llama3.2 at 127.0.0.1:11434" in said(at)
        assert SECRET not in drawn(at)

    def test_an_environment_that_cannot_be_right_is_said_and_can_be_put_right(self, monkeypatch):
        monkeypatch.setenv("OPENAI_BASE_URL", "localhost:11434/v1")
        at = AppTest.from_string(SCRIPT, default_timeout=60).run()
        assert "a server whose address cannot be right" in said(at)
        assert "OPENAI_BASE_URL is set to it" in said(at)
        at.get_by_key("model_kind").set_value("server").run()
        with chat_server() as server:
            at.text_input(key="model_address").set_value(server.url).run()
            at.button(key="model_use").click().run()
            assert f"at {host(server.url)}" in said(at)
        assert not at.exception

    def test_a_server_is_listed_tried_and_used_and_its_key_never_shown(self, caplog):
        caplog.set_level(logging.DEBUG)
        at = opened("server")
        with chat_server(models=["b", "a"], reply="ready") as server:
            at.text_input(key="model_address").set_value(server.url).run()
            at.button(key="model_list_server").click().run()
            assert "offers 2 models" in said(at)
            assert at.selectbox(key="model_name_server").options == ["a", "b"]
            at.selectbox(key="model_name_server").set_value("b").run()
            at.text_input(key="model_key_server").set_value(SECRET).run()
            assert at.text_input(key="model_key_server").value == ""
            assert at.text_input(key="model_key_server").placeholder == "set for this session"
            at.button(key="model_try").click().run()
            assert "b said “ready”" in said(at)
            assert server.keys == [f"Bearer {SECRET}"]
            assert "quoted, without a model" in said(at)  # nothing changes before it is confirmed
            at.button(key="model_use").click().run()
            assert f"b at {host(server.url)}" in said(at)
            assert "made b" in said(at)
            at.text_input(key="model_address").set_value("http://127.0.0.1:1/v1").run()
            assert at.text_input(key="model_key_server").placeholder.startswith("none")
        assert not at.exception
        assert SECRET not in drawn(at)
        assert SECRET not in caplog.text
        assert not [name for name in at.query_params if SECRET in str(at.query_params[name])]
        at.button(key="model_environment").click().run()
        assert "quoted, without a model" in said(at)

    @pytest.mark.parametrize(
        ("behaviour", "shown"),
        [
            ({"status": 401}, "refused the key"),
            ({"status": 404}, "does not know this model"),
            ({"status": 429, "headers": {"Retry-After": "7"}}, "Wait 7 s"),
            ({"reply": ""}, "empty answer"),
        ],
    )
    def test_a_try_that_fails_says_what_to_do(self, behaviour, shown):
        at = opened("server")
        with chat_server(message=f"wrong key {SECRET}", **behaviour) as server:
            at.text_input(key="model_address").set_value(server.url).run()
            at.button(key="model_try").click().run()
        assert shown in said(at)
        assert SECRET not in drawn(at)
        at.get_by_key("model_kind").set_value("openai").run()  # of other settings it says nothing
        assert not at.error

    def test_a_server_that_is_gone_and_one_that_is_none(self):
        at = opened("server")
        assert not at.error
        at.text_input(key="model_address").set_value("127.0.0.1:1").run()
        assert "no address of a server" in said(at)
        at.text_input(key="model_address").set_value("http://127.0.0.1:1/v1").run()
        at.button(key="model_list_server").click().run()
        assert "cannot be reached" in said(at)

    def test_openai_without_a_key_says_so_without_asking_anybody(self):
        at = opened("openai")
        at.button(key="model_try").click().run()
        assert "OpenAI needs a key" in said(at)

    def test_local_servers_are_offered_and_none_is_said_clearly(self, monkeypatch):
        at = opened("server")
        ports = "rag_core.generators.settings.find_local_servers.__defaults__"
        monkeypatch.setattr(ports, ({"Ollama": 1},))
        at.button(key="model_look").click().run()
        assert "No chat server answered" in said(at)
        with chat_server(models=["tiny-chat"]) as server:
            port = int(host(server.url).split(":")[1])
            monkeypatch.setattr(ports, ({"Ollama": port},))
            at.button(key="model_look").click().run()
            at.button(key=f"model_take_{server.url}").click().run()
            assert at.text_input(key="model_address").value == server.url
            assert at.selectbox(key="model_name_server").value == "tiny-chat"
        assert not at.exception

    def test_numbers_and_rules_reach_the_model_and_the_default_is_a_click_away(self):
        at = opened("server")
        with chat_server() as server:
            at.text_input(key="model_address").set_value(server.url).run()
            at.slider(key="model_temperature_server").set_value(0.7).run()
            at.number_input(key="model_tokens_server").set_value(77).run()
            at.number_input(key="model_window_server").set_value(9000).run()
            at.text_area(key="model_rules_server").set_value("Be kind.").run()
            at.button(key="model_use").click().run()
            chosen = at.session_state["model_choice"].settings
            assert (chosen.temperature, chosen.max_tokens, chosen.window) == (0.7, 77, 9000)
            assert chosen.system_prompt == "Be kind."
            at.button(key="model_default_server").click().run()
            assert at.text_area(key="model_rules_server").value == SYSTEM_PROMPT

    def test_quoting_can_be_chosen_against_the_environment(self, monkeypatch):
        monkeypatch.setenv("OPENAI_API_KEY", SECRET)
        at = opened("extractive")
        at.button(key="model_use").click().run()
        assert "quoted, without a model" in said(at)
        assert "made extractive" in said(at)

    def test_the_session_s_model_answers_and_its_key_is_in_no_file(self, caplog):
        caplog.set_level(logging.DEBUG)
        pipeline = services.pipeline("default")
        pipeline.ingest([Document.from_text("boat.txt", "The boat carries salt.")])
        with chat_server() as server:
            settings = ChatSettings("m", server.url, SECRET)
            answer = pipeline.answer("boat salt", generator=ModelChoice("server", settings).chat())
            assert (answer.text, answer.model) == ("Hello there [1].", "m")
        assert SECRET not in repr(answer)
        with closing(Conversations(pipeline.home.path)) as conversations:
            talk = conversations.start("default")
            conversations.add(talk, NewTurn.of("boat salt", answer))
            told = conversations.conversation(talk), conversations.turns(talk)
            assert SECRET not in as_markdown(*told) + as_json(*told)
        kept = [path for path in pipeline.home.path.rglob("*") if path.is_file()]
        assert kept
        assert not [path for path in kept if SECRET.encode() in path.read_bytes()]
        assert SECRET not in caplog.text
