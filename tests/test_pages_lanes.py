"""The two-lanes page through Streamlit's own test driver: links, races, hidden names, votes."""

import threading
from pathlib import Path

import pytest
import streamlit as st
from chat_server import chat_server
from streamlit.testing.v1 import AppTest

from rag_core import Document
from rag_core.two_lanes import swapped
from ui import services
from ui.lanes_lab import racing

ROOT = Path(__file__).resolve().parent.parent
QUESTION = "Which load does the boat carry, salt?"


@pytest.fixture(autouse=True)
def _fresh_server(monkeypatch, hash_embedder):
    """A server of its own for every test, with a quick embedder in place of the model."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("rag_core.collection_settings.open_embedder", lambda *_: hash_embedder)
    st.cache_resource.clear()
    st.cache_data.clear()
    yield
    for opened in list(services.pipeline("default").home._open.values()):
        while opened._users > 0:
            opened.close()
    st.cache_resource.clear()


@pytest.fixture
def library():
    services.pipeline("default").ingest(
        [
            Document.from_text(
                f"{what}.txt",
                "\n\n".join(
                    f"The {what} number {n} carries {load} to the market. " * 8 for n in range(3)
                ),
            )
            for what, load in [("boat", "salt"), ("cart", "salt"), ("raft", "wool")]
        ]
    )
    return services.pipeline("default")


def opened(**query) -> AppTest:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    at.run()
    for name, value in query.items():
        at.query_params[name] = value
    at.switch_page("pages/lanes_page.py").run()
    assert not at.exception
    return at


def asked(at: AppTest) -> AppTest:
    """Ask both lanes and wait for the end."""
    at.button(key="ask_both").click().run()
    assert at.session_state["lanes_race"].run.wait(60)
    at.run()
    assert not at.exception
    return at


def said(at: AppTest) -> str:
    kinds = (at.markdown, at.caption, at.info, at.subheader, at.error, at.success)
    text = "\n".join(str(element.value) for kind in kinds for element in kind)
    html = "\n".join(str(one.proto.body) for one in at.get("html"))
    return f"{text}\n{html}".replace("\\", "")


def table(at: AppTest, place: int) -> dict:
    """A table's rows by their first column."""
    rows = at.dataframe[place].value.to_dict("records")
    return {next(iter(row.values())): list(row.values())[1:] for row in rows}


def test_an_empty_collection_says_what_to_do():
    assert "Add documents on the Upload page" in said(opened(q=QUESTION))


def test_without_a_question_nothing_can_be_asked(library):
    at = opened()
    assert "Type a question" in said(at)
    assert at.button(key="ask_both").disabled


def test_a_link_sets_both_lanes(library):
    at = opened(q=QUESTION, a_k="2", a_mode="vector", b_k="4", b_cut="sentences", b_rerank="none")
    asked(at)
    first, second = at.session_state["lanes_race"].asked.lanes
    assert first.label == "k 2 · vector · as indexed · late-interaction · quoted"
    assert second.label == "k 4 · keyword · sentences · no reranker · quoted"
    text = said(at)
    assert "k 2 · vector · as indexed · late-interaction" in text
    assert "What it rests on" in text
    assert "were found by both" in text
    figures = table(at, 0)
    assert figures["Passages found"] == ["2", "4"]
    assert figures["Price"] == ["nothing", "nothing"]


def test_names_are_hidden_until_they_are_shown(library):
    at = opened(q=QUESTION, blind="true", seed="1", a_k="2", b_k="4")
    before = asked(at)
    text = said(before)
    assert "Which answer is better?" in text
    for telling in ("k 2", "k 4", "What it took", "did not find it", "found by both"):
        assert telling not in text
    assert not at.dataframe
    at.button(key="show_names").click().run()
    text = said(at)
    order = at.session_state["lanes_race"].order
    assert order == ((1, 0) if swapped(QUESTION, 1) else (0, 1))
    assert text.index("k 2") < text.index("k 4") if order == (0, 1) else True
    assert table(at, 0)["Passages found"] == [("2", "4")[place] for place in order]


@pytest.mark.parametrize("seed", [1, 2])  # one that swaps the lanes, one that does not
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_vote_counts_for_the_lane_that_was_shown_there(library, seed, place):
    assert swapped(QUESTION, seed) is (seed == 2)
    at = asked(opened(q=QUESTION, blind="true", seed=str(seed), a_k="2", b_k="4"))
    at.button(key=f"vote_{place}").click().run()
    assert at.button(key=f"vote_{place}").proto.icon
    at.button(key="show_names").click().run()
    left, right = (1, 0) if swapped(QUESTION, seed) else (0, 1)
    expected = [0, 0, 0]
    expected[{0: 2 * left, 1: 1, 2: 2 * right}[place]] = 1
    assert table(at, 1)[QUESTION] == expected


def test_raised_hands_are_counted_and_the_tally_outlives_the_server(library):
    at = asked(opened(q=QUESTION, blind="true", seed="1"))
    for place, hands in enumerate((7, 1, 3)):
        at.number_input(key=f"hands_{place}").set_value(hands)
    at.button(key="count_hands").click().run()
    assert not at.exception
    assert "11 votes so far" in said(at)
    st.cache_resource.clear()
    at = opened(q="Another question", blind="true")
    first, second = (3, 7) if swapped(QUESTION, 1) else (7, 3)
    assert table(at, 0)[QUESTION] == [first, 1, second]


def test_a_wrong_address_in_the_environment_leaves_quoting(library, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "localhost:11434/v1")
    at = asked(opened(q=QUESTION))
    assert "OPENAI\\_BASE\\_URL" in str(at.sidebar.caption[-1].value)
    assert all(report.answer for report in at.session_state["lanes_race"].reports)


def test_a_chat_lane_needs_a_model_and_says_how_to_get_one(library):
    at = opened(q=QUESTION, b_model="chat model")
    at.button(key="ask_both").click().run()
    assert "no chat model is set up" in said(at)
    assert "Model button" in said(at)


def test_two_models_of_one_server_answer_side_by_side(library, monkeypatch):
    with chat_server(pieces=["Salt", " [1]."]) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("RAGSCOPE_CHAT_MODEL", "one")
        at = asked(opened(q=QUESTION, a_model="chat model", b_model="two"))
        assert [request["model"] for request in server.requests] == ["one", "two"]
    assert table(at, 0)["Answered by"] == ["one", "two"]
    assert "Salt" in said(at)


def test_a_lane_that_fails_leaves_the_other_its_answer(library, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("RAGSCOPE_CHAT_MODEL", "gone")
    at = asked(opened(q=QUESTION, b_model="chat model"))
    assert "cannot be reached" in said(at)
    first, second = at.session_state["lanes_race"].reports
    assert first.answer is not None
    assert second.answer is None


def test_the_page_shows_words_before_the_reply_is_whole(library, monkeypatch):
    """The server goes on only after the page has shown what it sent first."""
    seen, in_time = threading.Event(), []

    class Piecewise(list):
        def __iter__(self):
            yield "Salt"
            in_time.append(seen.wait(60))
            yield ", it says [1]."

    with chat_server(pieces=Piecewise()) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        at = opened(q=QUESTION, a_model="m")
        at.button(key="ask_both").click().run()
        while "Salt" not in said(at) and not in_time:
            at.run()
        assert "it says" not in said(at)
        seen.set()
        assert at.session_state["lanes_race"].run.wait(60)
        at.run()
    assert in_time == [True]
    assert "it says" in said(at)


def test_a_race_is_cancelled(library, monkeypatch):
    with chat_server(pieces=["word "] * 200, delay=0.05) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        at = opened(q=QUESTION, a_model="m")
        at.button(key="ask_both").click().run()
        at.button(key="cancel_race").click().run()
        assert at.session_state["lanes_race"].run.wait(60)
        at.run()
    assert "Stopped." in said(at)
    assert not at.exception


def test_another_collection_begins_anew(library):
    at = asked(opened(q=QUESTION))
    with_race = at.session_state["lanes_race"]
    assert with_race.asked.collection == "default"
    services.pipeline("second")
    at.run()  # offers it
    at.get_by_key("collection").set_value("second").run()
    assert not at.exception
    assert "This collection is empty" in said(at)


@pytest.mark.parametrize(
    "query",
    [
        {"a_k": "0"}, {"a_k": "x"}, {"b_mode": "psychic"}, {"a_cut": "diced"}, {"seed": "-1"},
        {"b_rerank": "dice"}, {"a_model": "<b>x</b>" * 60}, {"blind": "perhaps"},
        {"q": "?" * 5000}, {"a_model": ""},
    ],
)  # fmt: skip
def test_a_spoilt_link_opens_the_page_all_the_same(library, query):
    opened(**{"q": QUESTION, **query})


def test_hostile_names_and_texts_are_shown_as_text():
    services.pipeline("default").ingest(
        [Document.from_text("<img src=x>.txt", "<script>alert(1)</script> salt in a boat. " * 9)]
    )
    at = asked(opened(q="salt boat <b>x</b>"))
    text = "\n".join(str(one.proto.body) for one in at.get("html"))
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert racing.current("default") is None  # outside of a session there is none
