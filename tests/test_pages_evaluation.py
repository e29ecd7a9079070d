"""The evaluation page: question sets, a real sweep with progress, its panels, bad links."""

import json
from pathlib import Path

import pytest
import streamlit as st
from chat_server import chat_server
from streamlit.testing.v1 import AppTest

from rag_core import Document
from rag_core.conversations import Conversations
from rag_core.evaluation import SavedSweeps
from rag_core.evaluation.datasets.collection import CollectionQuestions
from rag_core.evaluation.questions import Gold, Question
from rag_core.turns import CitedPlace, NewTurn
from ui import services
from ui.evaluation_lab import panels

ROOT = Path(__file__).resolve().parent.parent
TEXT = "".join(
    f"Boat {n} carries {what}. " * 6 + "\n\n" for n, what in enumerate(["salt", "wool"] * 6)
)


@pytest.fixture(autouse=True)
def _fresh_server(monkeypatch, hash_embedder):
    """A server of its own for every test, with a quick embedder in place of the model."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("rag_core.collection_settings.open_embedder", lambda *_: hash_embedder)
    monkeypatch.setattr(
        "ui.evaluation_lab.following.run_sweep",
        lambda home, dataset, grid, **more: _run_sweep(
            home, dataset, grid, open_model=lambda *_: hash_embedder, **more
        ),
    )
    st.cache_resource.clear()
    st.cache_data.clear()
    yield
    for opened in list(services.pipeline("default").home._open.values()):
        while opened._users > 0:
            opened.close()
    st.cache_resource.clear()


def _run_sweep(*given, **more):
    from rag_core.evaluation import run_sweep

    return run_sweep(*given, **more)


def run(**query) -> AppTest:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    at.run()
    for name, value in query.items():
        at.query_params[name] = value
    at.switch_page("pages/evaluation_page.py").run()
    assert not at.exception
    return at


def said(at: AppTest) -> str:
    kinds = (at.markdown, at.caption, at.info, at.warning, at.error, at.success)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def measured(at: AppTest) -> AppTest:
    at.button(key="measure").click().run()
    assert not at.exception
    sweep = at.session_state["sweep"]
    assert sweep.wait(120)
    assert sweep.error is None
    at.run()
    assert not at.exception
    return at


SMALL = {"chunkers": ["recursive"], "sizes": ["50", "100"], "ks": ["1", "3"], "rerankers": ["none"]}


@pytest.mark.parametrize("panel", panels.PANELS)
def test_the_samples_are_measured_and_every_panel_opens(panel):
    at = measured(run(panel=panel, **SMALL))
    assert "is best: ndcg" in said(at)


def test_the_leaderboard_calls_ties_ties():
    at = measured(run(**SMALL, modes=["keyword", "vector"]))
    table = at.dataframe[0].value
    assert len(table) == 2 * 2 * 2
    assert table["Verdict"][0] == "best"
    assert set(table["Verdict"][1:]) <= {"tie", "worse"}
    assert list(table["ndcg"]) == sorted(table["ndcg"], reverse=True)


def test_a_collection_without_questions_says_what_to_do():
    assert "empty" in said(run(questions="Collection's own"))
    services.pipeline("default").ingest([Document.from_text("a.txt", TEXT)])
    assert "no questions of its own" in said(run(questions="Collection's own"))


def test_a_collection_s_own_questions_and_clozes():
    pipeline = services.pipeline("default")
    pipeline.ingest([Document.from_text("a.txt", TEXT)])
    start = TEXT.index("Boat 3")
    gold = Gold("a.txt", start, start + 20, TEXT[start : start + 20])
    CollectionQuestions(pipeline.home.settings, "default").add(
        Question("q1", "What does boat 3 carry?", (gold,))
    )
    assert "is best" in said(measured(run(questions="Collection's own", **SMALL)))
    run(questions="Cloze", **SMALL)


def test_a_file_is_needed_and_a_wrong_one_is_said():
    services.pipeline("default").ingest([Document.from_text("a.txt", TEXT)])
    at = run(questions="File")
    assert "Choose a file" in said(at)
    at.file_uploader(key="question_file").set_value(("q.csv", b"nonsense\n1\n", "text/csv")).run()
    assert not at.exception
    assert at.error


def test_something_must_be_chosen():
    at = run(**SMALL)
    at.get_by_key("ks").set_value([]).run()
    assert "at least one value" in said(at)


@pytest.mark.parametrize(
    "query",
    [{"sizes": "7"}, {"ks": "x"}, {"questions": "Nobody's"}, {"metric": "luck"}, {"panel": "x"}],
)
def test_a_spoilt_link_opens_the_page_all_the_same(query):
    run(**query)


def test_past_sweeps_open_by_link_compare_and_go():
    assert "Nothing has been measured" in said(run(view="Past sweeps"))
    measured(run(**SMALL))
    measured(run(**{**SMALL, "ks": ["3", "5"]}))
    kept = SavedSweeps(services.pipeline("default").home.path)
    latest, first = kept.list()
    at = run(view="Past sweeps", sweep=first.id, panel="Keep")
    assert f"Data {first.data}" in said(at)
    assert at.selectbox(key="past_sweep").value == first.id
    at.selectbox(key="other_sweep").set_value(latest.id).run()
    assert not at.exception
    table = at.dataframe[0].value
    assert set(table["Here is"]) == {"", "a tie"}  # what both measured is the same
    at.button(key="forget_sweep").click().run()
    assert not at.exception
    assert [each.id for each in kept.list()] == [latest.id]
    at = run(view="Past sweeps", sweep="0123456789ab")
    assert "is gone" in said(at)
    assert "is best" in said(at)


def test_a_row_becomes_the_collection_s_settings():
    pipeline = services.pipeline("default")
    pipeline.ingest([Document.from_text("a.txt", TEXT)])
    at = measured(run(**SMALL))
    chosen = at.selectbox(key="setting").options[-1]
    at.selectbox(key="setting").set_value(chosen).run()
    at.button(key="use_settings").click().run()
    assert not at.exception
    assert "cut differently" in said(at)
    report = next(
        r for r in at.session_state["sweep"].outcome.reports if r.settings["label"] == chosen
    )
    assert pipeline.default_options().k == report.settings["k"]
    assert pipeline.chunking.settings()["size"] == report.settings["chunker"]["size"]


def test_a_viewer_can_use_no_settings(monkeypatch):
    at = measured(run(**SMALL))
    monkeypatch.setenv("RAGSCOPE_READ_ONLY", "1")
    at.run()
    assert at.button(key="use_settings").disabled


def test_answers_are_columns_of_the_board(monkeypatch):
    with chat_server(pieces=["Salt [1]."], reply="correct") as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        pipeline = services.pipeline("default")
        pipeline.ingest([Document.from_text("a.txt", TEXT)])
        small = {**SMALL, "sizes": ["50"], "ks": ["1"]}
        at = measured(run(answers="true", judged="true", metric="token_f1", **small))
        table = at.dataframe[0].value
        assert {"token_f1", "citation_recall", "model_judged"} <= set(table.columns)
        assert "the opinion of tiny" in said(at)
        at = measured(run(**small))
        assert "token_f1" not in at.dataframe[0].value.columns


def test_a_failed_question_shows_where_its_passage_was_cut():
    text = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen. " * 9
    pipeline = services.pipeline("default")
    pipeline.ingest([Document.from_text("a.txt", text)])
    gold = Gold("a.txt", 0, 700, text[:700])
    own = CollectionQuestions(pipeline.home.settings, "default")
    own.add(Question("q1", "Nine?", (gold,)))
    at = measured(run(questions="Collection's own", panel="Questions", **SMALL))
    assert "the chunker cut it into" in said(at)
    assert "not retrieved" in said(at)
    assert any("✂" in str(block.proto) for block in at.get("html"))


# -- a collection's own questions -------------------------------------------------------------


def library():
    pipeline = services.pipeline("default")
    pipeline.ingest([Document.from_text("a.txt", TEXT), Document.from_text("b.txt", BOATS)])
    return pipeline, CollectionQuestions(pipeline.home.settings, "default")


BOATS = "The quay was built in 1889. Its keeper is Ada Lind. The lamp burns whale oil at night."


def asked(at, question, answer="", passage=""):
    at.text_input(key="new_question").set_value(question)
    if answer:
        at.text_input(key="new_answer").set_value(answer)
    if passage:
        at.text_area(key="new_passage").set_value(passage)
    at.run()
    at.button(key="add_question").click().run()
    assert not at.exception
    return at


def test_questions_are_written_changed_and_deleted():
    _, own = library()
    at = run(view="Questions")
    assert "four ways" in said(at)
    at.selectbox(key="new_document").set_value("b.txt").run()
    asked(at, "Who keeps it?", "Ada", "keeper is Ada  Lind")
    (question,) = own.list()
    assert question.golds[0].text == "keeper is Ada Lind"
    assert at.text_input(key="new_question").value == ""
    asked(at, "Who painted it?", "Ada", "painted by")
    assert "does not stand in b" in said(at)
    assert at.text_input(key="new_question").value == "Who painted it?"  # nothing typed is lost
    at.toggle(key="new_none").set_value(True).run()
    asked(at, "Who painted it?")
    assert [each.answerable for each in own.list()] == [True, False]
    at.text_input(key=f"text-{question.id}").set_value("Who is the keeper?").run()
    at.button(key="save_question").click().run()
    assert own.list()[0].text == "Who is the keeper?"
    at.button(key="delete_question").click().run()
    assert [each.text for each in own.list()] == ["Who painted it?"]


def test_a_viewer_reads_questions_and_adds_none(monkeypatch):
    _, own = library()
    own.add(Question("q1", "Who?", answerable=False))
    monkeypatch.setenv("RAGSCOPE_READ_ONLY", "1")
    at = run(view="Questions")
    assert "adding takes an editor" in said(at)
    assert len(at.dataframe[0].value) == 1


def test_thumbs_in_chat_are_imported_once():
    pipeline, own = library()
    kept = Conversations(pipeline.home.path)
    start = BOATS.index("Its keeper")
    document = next(info.id for info in pipeline.documents() if info.name == "b.txt")
    text = BOATS[start : start + 23]
    for place in (text, "what is not there any more"):
        cited = CitedPlace(1, document, "b.txt", start, start + 23, place)
        turn = kept.add(kept.start("default"), NewTurn(f"Who? {place[:4]}", "Ada [1].", (cited,)))
        kept.rate(turn.id, 1)
    kept.close()
    at = run(view="Questions", how="From thumbs")
    assert "1 question about what is not" in said(at)
    at.button(key="import_thumbs").click().run()
    assert [each.golds[0].text for each in own.list()] == [text]
    assert "no new thumb" in said(at)


def test_without_a_model_cloze_questions_are_made_and_said_to_be():
    _, own = library()
    at = run(view="Questions", how="Generate", how_many="5")
    assert "cloze" in said(at)
    at.button(key="make_cloze").click().run()
    assert not at.exception
    assert own.list() or "No sentence" in said(at)
    assert {each.kind for each in own.list()} <= {"cloze"}


def test_a_chat_model_makes_questions_that_are_checked(monkeypatch):
    _, own = library()
    reply = json.dumps({"question": "Who keeps it?", "answer": "Ada", "span": "is Ada Lind"})
    with chat_server(reply=f"Here: {reply}") as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        at = run(view="Questions", how="Generate", how_many="5")
        assert "one call each" in said(at)
        at.button(key="generate").click().run()
        made = at.session_state["generating"]
        assert made.wait(60)
        at.run()
        assert not at.exception
    assert [each.golds[0].text for each in own.list()] == ["is Ada Lind"]
    assert "1 question kept" in said(at)
    assert "stands there 0 times" in said(at)  # of the other document


def test_a_passage_is_marked_in_the_text_with_the_chunks_drawn():
    library()
    at = run(view="Questions", how="Mark in the text")
    assert at.button(key="add_marked").disabled
    assert "Select the words" in said(at)


# -- folders of the server ----------------------------------------------------------------------


@pytest.fixture
def paper(tmp_path):
    data = tmp_path / "data"
    (data / "corpora").mkdir(parents=True)
    lines = ["question,references,corpus_id"]
    for number, text in enumerate((TEXT, BOATS * 3)):
        (data / "corpora" / f"c{number}.md").write_text(text)
        spot = [{"content": text[:20], "start_index": 0, "end_index": 20}]
        cell = json.dumps(spot).replace('"', '""')
        lines.append(f'What about {text[:6]}?,"{cell}",c{number}')
    (data / "questions_df.csv").write_text("\n".join(lines))
    return data


def test_the_paper_is_reproduced_by_one_button(paper, monkeypatch, hash_embedder):
    from rag_core.evaluation.paper import ROWS, paper_table

    monkeypatch.setattr(
        "ui.evaluation_lab.paper_view.paper_table",
        lambda home, folder, **more: paper_table(
            home, folder, open_model=lambda *_: hash_embedder, **more
        ),
    )
    at = run(view="Paper")
    assert at.button(key="reproduce").disabled
    at.text_input(key="paper_folder").set_value(str(paper / "corpora")).run()
    at.button(key="reproduce").click().run()
    assert at.session_state["paper"].wait(60)
    at.run()
    assert "there is no corpora" in said(at)
    at.text_input(key="paper_folder").set_value(str(paper)).run()
    at.button(key="reproduce").click().run()
    assert at.session_state["paper"].wait(120)
    at.run()
    assert not at.exception
    table = at.dataframe[0].value
    assert list(table["Chunking"]) == [label for label, _, _ in ROWS]
    assert table["recall, published"][1] == 78.7
    assert table["iou, published"].notna().sum() == 3
    assert "Highest IoU" in said(at)
    assert "not the paper's data" in said(at)
    assert list(at.dataframe[1].value.columns) == ["Chunking", "c0", "c1"]


def test_a_folder_is_an_admin_s_to_read(paper, monkeypatch):
    at = run(questions="Folder", **SMALL)
    assert "Say where" in said(at)
    at.text_input(key="data_folder").set_value(str(paper)).run()
    assert "2 questions each" in said(at)
    at.text_input(key="data_folder").set_value(str(paper / "nowhere")).run()
    assert "A BEIR folder holds" in said(at)
    monkeypatch.setenv("RAGSCOPE_READ_ONLY", "1")
    assert "takes an admin" in said(run(questions="Folder", **SMALL))
    assert "takes an admin" in said(run(view="Paper"))
