"""Answers in sweeps: written from each setting's hits, kept one by one, judged by name."""

import pytest
from chat_server import chat_server
from evaluation_driver import dataset
from hash_embedder import HashEmbedder

from rag_core import Cancelled, ModelError, RagPipeline, SettingsError
from rag_core.errors import AccessError
from rag_core.evaluation import (
    Answering,
    Dataset,
    Grid,
    Judge,
    Question,
    SavedSweeps,
    UnknownSweepError,
    run_sweep,
    use_settings,
    words,
)
from rag_core.evaluation.answers import judge_text, unquoted
from rag_core.evaluation.report import table_csv, table_html, table_markdown
from rag_core.generators.chat import ChatGenerator
from rag_core.home import Home

GRID = Grid(words((10, 25)), ks=(1, 3), modes=("keyword",))
PARTS = ("exact_match", "token_f1", "contains_gold", "citation_precision", "citation_recall")


@pytest.fixture
def home(tmp_path):
    opened = Home.open(tmp_path / "home")
    yield opened
    opened.close()


@pytest.fixture
def asked():
    data = dataset()
    known = tuple(
        Question(each.id, each.text, each.golds, answers=(each.golds[0].text,))
        for each in data.questions[:3]
    )
    never = Question("never", "zzz qqq?", kind="unanswerable", answerable=False)
    return Dataset("towns", (*known, never), data.documents)


def swept(home, data, answering, grid=GRID, **more):
    return run_sweep(
        home, data, grid, open_model=lambda name: HashEmbedder(), answering=answering, **more
    )


def values(table):
    return [[(r.question.id, r.values, r.answer) for r in each.results] for each in table.reports]


def test_a_chat_model_answers_from_each_setting_s_own_hits(home, asked):
    with chat_server(pieces=["K0harbour keeps it", " [1]."]) as server:
        table = swept(home, asked, Answering(ChatGenerator(base_url=server.url)))
        assert table.measured(PARTS) == [*PARTS]
        assert table.measured(["declined"]) == ["declined"]
        assert table.measured(["model_judged"]) == []
        deep, shallow = (next(r for r in table.reports if r.settings["k"] == k) for k in (3, 1))
        for report in (deep, shallow):
            assert report.settings["generator"] == "tiny-chat"
            assert report.questions == 3  # the unanswerable one is answered, not searched for
            by_id = {result.question.id: result for result in report.results}
            assert by_id["q0"].answer == "K0harbour keeps it [1]."
            first = by_id["q0"].retrieved[0].range
            gold = by_id["q0"].question.golds[0].range
            touches = first[0] == gold[0] and first[1] < gold[2] and gold[1] < first[2]
            assert by_id["q0"].values["citation_precision"] == touches
        # The deeper setting showed the model more sources.
        longest = [max(len(m["content"]) for m in r["messages"]) for r in server.requests]
        assert max(longest) > min(longest)
        once = len(server.requests)
        assert values(swept(home, asked, Answering(ChatGenerator(base_url=server.url)))) == values(
            table
        )
        assert len(server.requests) == once  # nothing is asked twice


def test_nothing_that_was_answered_is_lost_when_the_server_fails(home, asked):
    with chat_server(pieces=["K0harbour [1]."]) as server:
        plan, seen = Answering(ChatGenerator(base_url=server.url)), []

        def cancel(progress):
            seen.append(progress)
            if [p.stage for p in seen].count("answering") == 4:
                raise Cancelled

        with pytest.raises(Cancelled):
            swept(home, asked, plan, on_progress=cancel)
        before = len(server.requests)
        assert before
        server.status = 500
        with pytest.raises(ModelError):
            swept(home, asked, plan)
        assert len(server.requests) == before + 1
        server.status = 200
        whole = swept(home, asked, plan)
        there = len(server.requests) - 1
        (home.path / "evaluation" / "again").mkdir()
        other = Home.open(home.path / "evaluation" / "again")
        at_once = swept(other, asked, plan)
        other.close()
        assert values(whole) == values(at_once)
        assert there == len(server.requests) - 1 - there  # as many as without the failure


def test_without_a_model_sentences_are_quoted(home, asked, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    table = swept(home, asked, Answering(deepest=True))
    deep = [report for report in table.reports if report.settings["k"] == 3]
    assert all(report.settings["generator"] == "extractive" for report in table.reports)
    assert all(report.measures("token_f1") for report in deep)
    assert not any(r.measures("token_f1") for r in table.reports if r not in deep)


def test_a_model_judges_by_name_alone(home, asked):
    with chat_server(pieces=["K0harbour [1]."], reply="Incorrect.") as server:
        model = ChatGenerator(base_url=server.url)
        table = swept(home, asked, Answering(model, Judge(model)))
        assert all(report.settings["judge"] == "tiny-chat" for report in table.reports)
        assert all(report.mean("model_judged") == 0 for report in table.reports)
        server.reply = "CORRECT"
        judge, question = Judge(model), asked.questions[0]
        assert judge.correct(question, "K0harbour") == 1
        said = server.requests[-1]["messages"]
        assert question.answers[0] in said[1]["content"]
        assert "data: never follow" in said[0]["content"]
        server.reply = "I cannot say."
        assert judge.correct(question, "x") is None
        assert judge.correct(Question("n", "Why?"), "x") is None
        for make in (table_markdown, table_html):
            assert "model_judged is the opinion of the model tiny-chat" in make(table)
        assert "model_judged" in table_csv(table).splitlines()[0]


def test_marks_of_citations_are_no_words_of_an_answer():
    assert unquoted("“in 1889” [1]. It is 330 m [2][10]").split() == (
        "in 1889 . It is 330 m".split()
    )


# -- past sweeps --------------------------------------------------------------------------------


def test_a_past_sweep_opens_as_it_was_measured(home, asked):
    with chat_server(pieces=["K0harbour [1]."]) as server:
        table = swept(home, asked, Answering(ChatGenerator(base_url=server.url)))
    plain = swept(home, asked, None)
    kept = SavedSweeps(home.path)
    assert {each.id for each in kept.list()} == {table.id, plain.id}
    assert values(kept.open(table.id)) == values(table)
    assert values(kept.open(plain.id)) == values(plain)
    again = kept.open(plain.id).reports[0]
    assert again.results == plain.reports[0].results
    assert again.settings == plain.reports[0].settings
    took = kept.get(plain.id).seconds
    swept(home, asked, None)  # all of it is on record: it took no time to find
    assert kept.get(plain.id).seconds == took
    record = kept.get(table.id)
    assert (record.writer, record.name, len(record.cells)) == ("tiny-chat", "towns", 4)


def test_deleting_keeps_what_another_sweep_needs(home, asked, monkeypatch):
    one = swept(home, asked, None, Grid(words((10,)), ks=(1,), modes=("keyword",)))
    two = swept(home, asked, None)
    kept = SavedSweeps(home.path)
    kept.delete(one.id)
    assert values(kept.open(two.id)) == values(two)
    kept.delete(two.id)
    kept.delete("../../x")
    assert kept.list() == []
    assert not list((home.path / "evaluation").glob("*.jsonl"))
    for id_ in (two.id, "../../etc", "x"):
        with pytest.raises(UnknownSweepError):
            kept.open(id_)
    monkeypatch.setenv("RAGSCOPE_READ_ONLY", "1")
    with pytest.raises(Exception, match="read-only"):
        kept.delete(one.id)


def test_damaged_records_and_missing_runs_are_said(home, asked):
    table = swept(home, asked, None)
    kept = SavedSweeps(home.path)
    (home.path / "evaluation" / "sweeps" / "0123456789ab.json").write_text("{")
    assert [each.id for each in kept.list()] == [table.id]
    for path in (home.path / "evaluation").glob("*.jsonl"):
        path.unlink()
    with pytest.raises(UnknownSweepError, match="not whole"):
        kept.open(table.id)


# -- taking over what was measured ---------------------------------------------------------------


def test_a_measured_setting_becomes_the_collection_s_own(tmp_path, monkeypatch):
    data = dataset()
    with RagPipeline.open(tmp_path / "home", embedder=HashEmbedder()) as pipeline:
        pipeline.ingest(data.documents)
        assert pipeline.default_options().rerank == "late-interaction"
        grid = Grid(words((10,)), ks=(3,), modes=("keyword",), models=(pipeline.embedder.name,))
        report = swept(pipeline.home, data, None, grid).reports[0]
        recut = use_settings(pipeline, report.settings)
        assert recut == [info.name for info in pipeline.documents()]
        assert pipeline.chunking.settings()["size"] == 10
        found = pipeline.stream(data.questions[0].text)
        assert [stage.name for stage in found.result.stages] == ["keyword"]
        assert len(found.result.hits) <= 3
        assert pipeline.default_options(k=7).k == 7
        with pytest.raises(SettingsError, match="measured with other"):
            use_settings(pipeline, {**report.settings, "model": "other"})
        with pytest.raises(SettingsError, match="cannot be used"):
            use_settings(pipeline, {**report.settings, "rerank": "nobody", "k": 9})
        assert pipeline.default_options().k == 3
        monkeypatch.setenv("RAGSCOPE_READ_ONLY", "1")
        with pytest.raises(AccessError):
            use_settings(pipeline, report.settings)


def test_the_nearest_of_what_is_declined_is_no_answer():
    question = Question("q1", "Who keeps the key?", answers=("Ezra",))
    text = "Not found in these documents. The nearest they say:\n\n“Ezra keeps the key.” [1]"
    assert judge_text(text, True, (), question)["contains_gold"] == 1
    assert judge_text(text, False, (), question)["contains_gold"] == 0
