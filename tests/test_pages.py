"""Every page through Streamlit's own test driver: cold, empty, filled, failing."""

import os
import re
import threading
from pathlib import Path

import pytest
import streamlit as st
from streamlit.runtime.scriptrunner import StopException
from streamlit.testing.v1 import AppTest

from rag_core import IngestQueue
from ui import navigation, services

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted((ROOT / "pages").glob("*_page.py"))
BRIDGE = ROOT / "samples" / "library" / "bridge-history.txt"


@pytest.fixture(autouse=True)
def _fresh_server(monkeypatch, embedder):
    """A server of its own for every test; the model is shared, as loading it takes seconds."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("rag_core.collection_settings.open_embedder", lambda *_: embedder)
    st.cache_resource.clear()
    st.cache_data.clear()
    yield
    services.warm_up.clear()  # waits for those that have begun
    for opened in list(services.pipeline("default").home._open.values()):
        while opened._users > 0:
            opened.close()
    st.cache_resource.clear()


def run(page: str = "", **query) -> AppTest:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    for name, value in query.items():
        at.query_params[name] = value
    at.run()
    if page:
        at.switch_page(f"pages/{page}_page.py").run()
    assert not at.exception
    return at


def indexed(*names: str) -> IngestQueue:
    queue = services.queue("default")
    queue.submit([(name, (ROOT / "samples" / "library" / name).read_bytes()) for name in names])
    assert queue.wait(120)
    return queue


def texts(at: AppTest) -> str:
    kinds = (at.markdown, at.caption, at.title, at.subheader, at.error)
    html = [element.proto.body for element in at.get("html")]
    return "\n".join([str(element.value) for kind in kinds for element in kind] + html)


def test_the_empty_overview_says_what_to_do_next():
    at = run()
    assert "This collection is empty" in texts(at)
    assert at.button(key="load_samples").label == "Load the sample library"


def test_one_click_loads_the_samples():
    at = run()
    at.button(key="load_samples").click().run()
    assert services.queue("default").wait(180)
    at.run()
    assert not at.exception
    documents = next(metric for metric in at.metric if metric.label == "Documents")
    assert documents.value == str(len(list((ROOT / "samples" / "library").iterdir())))


def test_the_empty_upload_page():
    at = run("upload")
    assert "Nothing is indexed" in texts(at)


def test_upload_lists_what_became_of_each_file():
    queue = indexed(BRIDGE.name)
    queue.submit([("empty.txt", b""), ("copy.txt", BRIDGE.read_bytes())])
    assert queue.wait(60)
    at = run("upload")
    said = texts(at)
    assert "bridge\\-history\\.txt" in said
    assert "0 bytes" in said
    assert "Same content as bridge\\-history\\.txt" in said
    assert len(at.dataframe[0].value) == 2


def test_nothing_is_indexed_again_by_reruns_and_other_tabs():
    indexed(BRIDGE.name)
    at = run("upload")
    before = services.pipeline("default").home.catalog.generation("default")
    at.run()
    other = run("upload")
    other.run()
    assert services.pipeline("default").home.catalog.generation("default") == before
    assert len(services.queue("default").files()) == 1


def test_unfinished_files_can_be_finished():
    services.pipeline("default").accept("left.txt", b"A file that a crash left behind.")
    at = run("upload")
    assert "1 file unfinished" in texts(at)
    at.button(key="finish").click().run()
    assert services.queue("default").wait(60)
    at.run()
    assert [info.name for info in services.pipeline("default").documents()] == ["left.txt"]
    assert "unfinished" not in texts(at)


def test_unfinished_files_can_be_discarded():
    services.pipeline("default").accept("left.txt", b"A file that a crash left behind.")
    at = run("upload")
    at.button(key="discard").click().run()
    assert services.pipeline("default").unfinished() == []


def test_chat_without_documents_leads_to_upload():
    at = run("chat")
    assert "Nothing to ask yet" in texts(at)


def test_chat_answers_with_citations():
    indexed(BRIDGE.name)
    at = run("chat")
    at.chat_input[0].set_value("Who paid for the bridge at Sandovey?").run()
    assert not at.exception
    assert "Sandovey" in texts(at)
    assert at.button(key="cite-0-0").label.startswith("\\[1\\]")
    at.run()
    assert "Sandovey" in texts(at)


def test_a_citation_opens_its_source_with_the_place_marked():
    indexed(BRIDGE.name)
    at = run("chat")
    at.chat_input[0].set_value("Who paid for the bridge at Sandovey?").run()
    at.button(key="cite-0-0").click().run()
    assert not at.exception
    assert "<mark" in texts(at)


def test_a_link_asks_its_question():
    indexed(BRIDGE.name)
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    at.query_params["q"] = "Who paid for the bridge at Sandovey?"
    at.run()
    at.switch_page("pages/chat_page.py").run()
    assert not at.exception
    assert "Who paid for the bridge" in texts(at)


def test_an_answer_that_fails_keeps_the_question_and_offers_a_retry(monkeypatch):
    indexed(BRIDGE.name)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    at = run("chat")
    at.chat_input[0].set_value("Who paid for the bridge?").run()
    assert not at.exception
    assert "cannot be reached" in texts(at)
    assert "Who paid for the bridge?" in texts(at)
    assert at.button(key="retry-0").label == "Ask again"


def test_a_stopped_answer_keeps_its_question_and_what_came(monkeypatch):
    def stops(self):
        yield "Half an "
        raise StopException  # what the stop button or a changed page does in the middle of a run

    indexed(BRIDGE.name)
    at = run("chat")
    with monkeypatch.context() as patch:
        patch.setattr("rag_core.answers.AnswerStream.__iter__", stops)
        at.chat_input[0].set_value("Who paid for the bridge?").run()
    at = at.run()
    assert "Who paid for the bridge?" in texts(at)
    assert "Half an" in texts(at)
    assert "Stopped before the answer was whole" in texts(at)
    assert at.button(key="retry-0").label == "Ask again"


def test_no_suggestions_are_offered_for_other_documents():
    services.queue("default").submit([("mine.txt", b"My own text.")])
    assert services.queue("default").wait(60)
    at = run("chat")
    assert "Answers come with numbered citations" in texts(at)
    assert len(at.pills) == 0


def test_the_sidebar_follows_the_queue(monkeypatch):
    started, go_on = threading.Event(), threading.Event()

    def slow(self, texts, *, on_progress=None):
        started.set()
        go_on.wait(30)
        return embed(self, texts, on_progress=on_progress)

    kind = type(services.pipeline("default").embedder)
    embed = kind.embed_passages
    monkeypatch.setattr(kind, "embed_passages", slow)
    services.queue("default").submit([("mine.txt", b"My own text.")])
    assert started.wait(30)
    at = run("chat")
    bars = [bar.proto.text for bar in at.sidebar.get("progress")]
    go_on.set()
    assert services.queue("default").wait(60)
    assert bars == ["Indexing, 0 of 1 file"]
    assert not run("chat").sidebar.get("progress")


def test_a_new_collection_is_chosen_and_a_bad_name_is_explained():
    at = run()
    at.text_input(key="new_collection").set_value("ab")
    at.button(key="create_collection").click().run()
    assert "cannot be called" in texts(at)
    at.text_input(key="new_collection").set_value("second")
    at.button(key="create_collection").click().run()
    assert not at.exception
    assert at.selectbox(key="collection").value == "second"


def test_an_unknown_collection_in_the_link_falls_back():
    at = run(collection="nope-nope")
    assert at.selectbox(key="collection").value == "default"


def test_a_folder_in_use_is_explained(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("RAGSCOPE_HOME", str(tmp_path / "file" / "home"))
    at = run()
    assert "cannot be used" in texts(at)
    monkeypatch.setenv("RAGSCOPE_HOME", str(tmp_path / "home"))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_the_rules_of_a_page(page):
    source = page.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 150
    assert re.match(r'"""[^\n]+"""\n', source)
    assert "st.session_state[" not in source
    assert "unsafe_allow" not in source
    assert "except Exception" not in source
    assert "st.cache" not in source
    widgets = r"st\.(?:button|selectbox|text_input|chat_input|pills|toggle|slider|file_uploader|"
    widgets += r"form_submit_button|number_input|segmented_control|radio|checkbox|multiselect)\("
    for match in re.finditer(widgets, source):
        depth, end = 1, match.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(source[end], 0)
            end += 1
        assert "key=" in source[match.start() : end], source[match.start() : end]


def test_the_frame():
    source = (ROOT / "app.py").read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 80
    files = {**navigation.FILES, **{url: f"pages/{file}" for url, file, _ in navigation._HIDDEN}}
    assert set(files.values()) == {f"pages/{page.name}" for page in PAGES}
    assert all(file == f"pages/{url}_page.py" for url, file in files.items())


def test_time_is_not_spent_on_what_the_first_page_does_not_need():
    import subprocess
    import sys

    script = (
        "import sys; import ui.services, ui.sidebar, ui.indexing, ui.overview;"
        "print([m for m in ('torch','chromadb','openai','sentence_transformers') "
        "if m in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert found.stdout.strip() == "[]"


def test_upload_names_the_documents_that_were_cut_in_another_way():
    indexed(BRIDGE.name)
    assert "cut differently" not in texts(run("upload"))
    services.pipeline("default").chunking.use("sentence", size=5)
    said = texts(run("upload"))
    assert "1 document cut differently" in said
    assert "sentence" in said
