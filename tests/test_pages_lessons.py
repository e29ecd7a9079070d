"""Lessons, presenter mode and the audience's page through Streamlit's own test driver."""

from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from rag_core import Document
from rag_core.lessons import LESSONS, STAGE, Reveal, Row, View
from rag_core.lessons.scenes import Scene
from rag_core.search_lab.saved import SavedQueries
from ui import navigation, services
from ui.similarity_lab.work import room
from ui.stage import reveal_panel, shared
from ui.stage.invite import audience_link, qr_png
from ui.stage.show import Clock, Shared, Show, clock_text

ROOT = Path(__file__).resolve().parent.parent


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


def run(page: str = "lessons", **query) -> AppTest:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    at.run()
    for name, value in query.items():
        at.query_params[name] = value
    at.switch_page(f"pages/{page}_page.py").run()
    assert not at.exception
    assert not at.error
    return at


def press(at: AppTest, key: str) -> AppTest:
    at.button(key=key).click().run()
    assert not at.exception
    return at


def said(at: AppTest) -> str:
    kinds = (at.title, at.header, at.subheader, at.markdown, at.caption, at.info, at.success)
    return "\n".join(str(element.value) for kind in (*kinds, at.warning) for element in kind)


def fill(collection: str = "default") -> None:
    services.pipeline(collection).ingest(
        [Document.from_text(f"{name}.txt", f"{name} and rope. " * 60) for name in ("boat", "cart")]
    )


@pytest.mark.parametrize("number", range(1, len(LESSONS) + 1))
def test_each_lesson_opens_by_its_link_and_hides_its_answer(number):
    at = run(lesson=str(number))
    assert at.title[0].value == f"{number} · {LESSONS[number - 1].title}"
    assert "Why" not in [element.value for element in at.subheader]
    assert len(at.radio(key=f"vote-{number}").options) == len(LESSONS[number - 1].choices)


@pytest.mark.parametrize("lesson", ["0", "9", "x", "-1", ""])
def test_a_spoilt_link_opens_the_first(lesson):
    assert run(lesson=lesson).title[0].value.startswith("1 ·")


def test_steps_stop_at_both_ends():
    at = run(lesson="7")
    press(at, "next_lesson")
    assert at.title[0].value.startswith("8 ·")
    assert at.query_params["lesson"] in ("8", ["8"])
    assert at.button(key="next_lesson").disabled
    press(at, "previous_lesson")
    assert at.title[0].value.startswith("7 ·")


def test_predict_then_reveal_then_why():
    at = run(lesson="2")
    at.radio(key="vote-2").set_value(1).run()
    press(at, "reveal_lesson")
    assert "You predicted" in said(at)
    assert LESSONS[1].why in said(at)
    assert at.radio(key="vote-2").disabled
    assert len(at.dataframe[0].value) == 4


def test_one_session_has_one_vote_and_others_count_too():
    ann, bob = run(lesson="1"), run(lesson="1")
    ann.radio(key="vote-1").set_value(0).run()
    ann.radio(key="vote-1").set_value(2).run()
    bob.radio(key="vote-1").set_value(2).run()
    assert shared.votes().counts(1, 4) == (0, 0, 2, 0)
    press(ann, "reveal_lesson")
    assert "2 votes" in said(ann)


def test_the_vote_is_still_there_after_another_lesson():
    at = run(lesson="1")
    at.radio(key="vote-1").set_value(1).run()
    press(press(at, "next_lesson"), "previous_lesson")
    assert at.radio(key="vote-1").value == 1


def test_the_page_of_a_search_lesson_asks_for_the_samples_first():
    at = run(lesson="5")
    press(at, "reveal_lesson")
    assert at.button(key="load_stage")
    assert STAGE not in services.collections()
    fill(STAGE)
    at.run()
    assert at.button(key="open_page")


@pytest.mark.parametrize("number", range(1, len(LESSONS) + 1))
def test_each_lesson_leads_to_a_page_that_takes_its_settings(number):
    fill(STAGE)
    at = run(lesson=str(number))
    press(at, "reveal_lesson")
    press(at, "open_page")
    assert not at.error
    view = LESSONS[number - 1].view
    for key, value in view.query:
        found = at.query_params.get(key)
        if found is not None:  # a value that is the default leaves the link
            assert value in ([found] if isinstance(found, str) else found)


def test_every_view_is_of_a_known_page():
    for lesson in LESSONS:
        assert (ROOT / navigation.FILES[lesson.view.page]).is_file()


def test_presenter_mode_by_link_has_its_tools():
    at = run(present="true")
    assert at.toggle(key="present").value is True
    assert at.button(key="clock").label == "0:00"
    assert not at.button(key="reset_stage").disabled
    assert at.code[0].value.endswith("/audience")
    at.toggle(key="present").set_value(False).run()
    assert "clock" not in [button.key for button in at.button]


def test_the_audience_follows_and_votes():
    waiting = run("audience")
    assert "Nobody is presenting" in said(waiting)
    presenter = run(lesson="2", present="true")
    press(presenter, "start_sharing")
    waiting.run()
    assert "2 · Embeddings" in said(waiting)
    assert LESSONS[1].why not in said(waiting)
    waiting.radio(key="vote-2").set_value(2).run()
    assert "Your vote counts" in said(waiting)
    press(presenter, "next_lesson")
    waiting.run()
    assert "3 · Chunking" in said(waiting)
    press(press(presenter, "previous_lesson"), "reveal_lesson")
    waiting.run()
    assert LESSONS[1].why in said(waiting)
    assert waiting.radio(key="vote-2").disabled
    press(presenter, "stop_sharing")
    waiting.run()
    assert "Nobody is presenting" in said(waiting)


def test_the_audience_sees_a_search_and_searches_itself():
    fill(STAGE)
    presenter = run(present="true")
    press(presenter, "start_sharing")
    query = (("q", "boat"), ("methods", "keyword"))
    owner = presenter.session_state["voter"]
    assert shared.show().share(owner, Shared(STAGE, view=View("search", query), title="Search"))
    at = run("audience")
    assert "boat\\.txt" in said(at)
    at.text_input(key="audience_query").set_value("cart")
    press(at, "audience_search")
    assert "cart\\.txt" in said(at)
    assert SavedQueries(services.pipeline(STAGE).home.settings, STAGE).list() == []


def test_the_audience_has_no_button_but_search():
    fill()
    at = run("audience")
    assert [button.key for button in at.button] == ["audience_search"]
    assert not at.sidebar.selectbox


def test_a_viewer_cannot_present(monkeypatch):
    at = run(present="true")
    monkeypatch.setenv("RAGSCOPE_READ_ONLY", "1")
    press(at, "start_sharing")
    assert shared.show().current() is None
    assert "nobody can present" in str([error.value for error in at.error])


def test_the_second_presenter_has_to_take_over():
    first, second = run(present="true"), run(present="true", lesson="4")
    press(first, "start_sharing")
    second.run()
    assert "start_sharing" not in [button.key for button in second.button]
    press(second, "take_over_now")
    assert shared.show().current().lesson == 4
    first.run()
    assert shared.show().current().lesson == 4


def test_notes_have_no_sidebar_and_follow():
    at = run(notes="3")
    assert "Notes 3" in said(at)
    assert LESSONS[2].notes[0] in said(at)
    assert not at.sidebar.selectbox
    press(run(lesson="6", present="true"), "start_sharing")
    at.run()
    assert "Notes 6" in said(at)


def test_reset_takes_one_click_and_leaves_other_collections_alone(monkeypatch):
    loaded = []
    monkeypatch.setattr(services, "load_samples", loaded.append)
    fill()
    fill(STAGE)
    at = run(lesson="2", present="true")
    at.radio(key="vote-2").set_value(1).run()
    press(at, "clock")
    press(at, "reveal_lesson")
    press(at, "reset_stage")
    assert loaded == [STAGE]
    assert services.pipeline(STAGE).documents() == []  # what is no sample is gone
    assert len(services.pipeline("default").documents()) == 2
    assert sum(shared.votes().counts(2, 4)) == 0
    assert room().guesses() == []
    assert shared.show().clock.seconds() == 0
    assert at.title[0].value.startswith("1 ·")
    press(at, "next_lesson")
    assert at.radio(key="vote-2").value is None
    assert LESSONS[1].why not in said(at)


def test_warm_up_computes_every_answer_and_says_when_ready(monkeypatch):
    computed = []
    monkeypatch.setattr(shared, "reveal", computed.append)
    at = run(present="true")
    press(at, "warm_up")
    assert computed == list(range(1, len(LESSONS) + 1))
    assert "Ready" in said(at)


def test_scenes_are_stepped_through_page_by_page():
    at = run(present="true")
    press(at, "fill_scenes")
    titles = []
    for _ in range(3):
        press(at, "next_scene")
        titles.append(at.title[0].value)
    assert titles == ["Similarity", "Similarity", "Chunking"]
    press(at, "previous_scene")
    assert at.title[0].value == "Similarity"
    assert "2 of 8" in said(at)


def test_a_view_names_its_collection_though_the_sidebar_still_counts_as_drawn():
    # As when the clock, which looks every second, asks for a run at the moment of the step
    fill(STAGE)
    at = run()
    at.session_state["way_to"] = ("search", (("collection", STAGE), ("q", "boat")))
    at.switch_page("pages/open_page.py").run()
    assert not at.exception
    assert at.title[0].value == "Search"
    assert at.selectbox(key="collection").value == STAGE
    assert at.query_params["collection"] == STAGE
    assert at.text_input(key="q").value == "boat"


def test_a_scene_of_a_collection_that_is_gone_opens_in_the_one_that_is_on():
    fill()
    shared.scenes().add(Scene("Boat", View("search", (("collection", "gone"), ("q", "boat")))))
    at = run(present="true")
    press(at, "next_scene")
    assert at.selectbox(key="collection").value == "default"
    assert at.text_input(key="q").value == "boat"


def test_bars_too_short_for_their_number_have_it_beside_them():
    rows = tuple(Row(f"{value}", value) for value in (0.0, -0.1, 5.0))
    (bar,) = reveal_panel.bars(Reveal(0, "", "cosine", rows)).data
    assert list(bar.text) == ["0", "-0.100", "5"]
    assert list(bar.textposition) == ["outside", "outside", "inside"]


def test_a_scene_is_added_by_its_address_and_removed():
    at = run(present="true")
    for address in ("http://x/nowhere", "http://127.0.0.1:8501/search?q=rope&methods=keyword"):
        at.text_input(key="scene_title").set_value("Rope")
        at.text_input(key="scene_address").set_value(address)
        press(at, "add_scene")
    [scene] = shared.scenes().list()
    assert scene.view == View("search", (("q", "rope"), ("methods", "keyword")))
    press(at, "remove-scene-1")
    assert shared.scenes().list() == []


def test_the_page_in_between_opens_nothing_by_itself():
    assert "Nothing to open" in said(run("open"))


def test_only_the_presenter_shares():
    show = Show()
    assert show.take("ann")
    assert not show.take("bob")
    assert not show.share("bob", Shared("default", lesson=1))
    assert not show.share("", Shared("default", lesson=1))
    assert show.share("ann", Shared("default", lesson=1))
    show.end("bob")
    assert show.current() == Shared("default", lesson=1)
    assert show.take("bob", over=True)
    show.end("bob")
    assert show.current() is None


def test_the_clock_runs_pauses_and_goes_on():
    now = [100.0]
    clock = Clock(lambda: now[0])
    clock.toggle()
    now[0] += 65
    clock.toggle()
    now[0] += 1_000
    assert (clock.seconds(), clock.running) == (65, False)
    clock.toggle()
    now[0] += 3_600
    assert [clock_text(value) for value in (0, 65, clock.seconds())] == ["0:00", "1:05", "1:01:05"]


@pytest.mark.parametrize(
    ("address", "link"),
    [
        ("http://10.0.0.5:8501", "http://10.0.0.5:8501/audience"),
        ("https://talk.example/app/", "https://talk.example/app/audience"),
        ("10.0.0.5:8501", None), ("javascript:alert(1)", None), ("http://", None), ("", None),
        ("http://[::1", None),
    ],
)  # fmt: skip
def test_the_link_of_the_audience(address, link):
    assert audience_link(address) == link


def test_the_code_is_a_picture():
    assert qr_png("http://10.0.0.5:8501/audience").startswith(b"\x89PNG")
