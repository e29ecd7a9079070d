"""`python -m rag_core evaluate`, and the measures of answers."""

import json
from pathlib import Path

import pytest
from chat_server import chat_server
from click.testing import CliRunner

from rag_core import RagPipeline, load
from rag_core.cli import main
from rag_core.evaluation import CollectionQuestions, Gold, Question, from_hit
from rag_core.evaluation.answers import (
    citation_precision,
    citation_recall,
    contains_gold,
    exact_match,
    token_f1,
)

TEXTS = {
    "bees.txt": "A hive holds one queen. The bees keep the brood at 35 degrees all summer.",
    "bread.txt": "Sourdough rises for twelve hours. Its starter is fed every morning.",
    "iron.txt": "The tower was finished in 1889. It is made of iron and 330 metres high.",
}
ROWS = [
    {
        "question": "At how many degrees is brood kept?",
        "document": "bees.txt",
        "answer": "35 degrees",
    },
    {
        "question": "How long does sourdough rise?",
        "document": "bread.txt",
        "answer": "twelve hours",
    },
    {"question": "When was the tower finished?", "document": "iron.txt", "answer": "1889"},
]


@pytest.fixture(autouse=True)
def _quick_model(monkeypatch):
    monkeypatch.setenv("RAGSCOPE_EMBEDDER", "words:64")


@pytest.fixture
def files(tmp_path):
    (tmp_path / "docs").mkdir()
    for name, text in TEXTS.items():
        (tmp_path / "docs" / name).write_text(text)
    (tmp_path / "ask.jsonl").write_text("\n".join(map(json.dumps, ROWS)))
    return tmp_path


@pytest.fixture
def mine(files):
    return ["--questions", files / "ask.jsonl", "--documents", files / "docs"]


def run(*arguments):
    return CliRunner().invoke(main, ["evaluate", *map(str, arguments)])


def test_one_setting_is_measured_at_every_k(mine):
    result = run(*mine, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["questions"] == 3
    assert found["level"] == "span"
    assert found["metrics"]["recall@10"]["mean"] == 1
    assert {f"ndcg@{k}" for k in (1, 3, 5, 10)} <= set(found["metrics"])
    assert [row["question"] for row in found["by_question"]] == [row["question"] for row in ROWS]


def test_a_grid_gives_a_leaderboard_and_the_same_again(mine):
    grid = ["--grid", "size=5,20 k=1,2 rerank=none", "--json"]
    found, again = (json.loads(run(*mine, *grid).stdout) for _ in range(2))
    assert len(found["rows"]) == 4
    assert found["rows"] == again["rows"]  # latencies too: they were kept with the runs
    means = [
        max(v["mean"] for k, v in row["metrics"].items() if k[:4] == "ndcg")
        for row in found["rows"]
    ]
    assert found["rows"][0]["tied"]
    assert found["rows"][0]["p"] is None
    assert means[0] == max(means)
    shown = run(*mine, *grid[:2], "--sort", "recall").stdout
    assert shown.count("| best |") == 1
    assert "recursive 20 words, k 1" in shown


@pytest.mark.parametrize(
    ("bars", "code"),
    [
        (["recall@10=1"], 0),
        (["recall@10=1", "precision@10=0.5"], 1),
        (["document hit_rate@10 = .9"], 0),
        (["recall=1.01"], 1),
    ],
)
def test_fail_under(mine, bars, code):
    result = run(*mine, *(part for bar in bars for part in ("--fail-under", bar)))
    assert result.exit_code == code, result.output
    assert ("under" in result.stderr) == bool(code)
    assert "| recall |" in result.stdout  # the figures are shown all the same


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fail-under", "ndcg"], "is not METRIC=VALUE"),
        (["--fail-under", "fame@3=0.5"], "was not measured"),
        (["--report", "x.pdf"], "a report is .md, .csv or .html"),
        (["--samples"], "Give one of"),
        (["--judge"], "--judge goes with --answers"),
        (["--cloze", "3"], "--cloze asks about a collection"),
        (["--grid", "size=none"], "The grid cannot work"),
        (["--grid", "model=nobody:x"], "no such model"),
        (["--sort", "fame", "--grid", "k=1 rerank=none"], "'fame' is not one of"),
    ],
)
def test_wrong_usage_is_exit_code_two(mine, arguments, message):
    result = run(*mine, *arguments)
    assert (result.exit_code, message in result.stderr) == (2, True), result.output


def test_wrong_files_are_told_with_their_line(files):
    (files / "ask.jsonl").write_text('{"question": "a"}\nnonsense')
    result = run("--questions", files / "ask.jsonl", "--documents", files / "docs")
    assert result.exit_code == 1
    assert "Error: ask.jsonl, line 2: this is not JSON" in result.stderr
    assert result.stdout == ""


def test_squad_and_beir(files, tmp_path):
    text = TEXTS["iron.txt"]
    answer = {"text": "1889", "answer_start": text.index("1889")}
    asked = {"id": "1", "question": "When was the tower finished?", "answers": [answer]}
    (tmp_path / "dev.json").write_text(
        json.dumps({"data": [{"title": "T", "paragraphs": [{"context": text, "qas": [asked]}]}]})
    )
    found = json.loads(run("--squad", tmp_path / "dev.json", "--json").stdout)
    assert found["metrics"]["recall@1"]["mean"] == 1
    beir = tmp_path / "beir"
    (beir / "qrels").mkdir(parents=True)
    lines = [json.dumps({"_id": name, "title": "", "text": text}) for name, text in TEXTS.items()]
    (beir / "corpus.jsonl").write_text("\n".join(lines))
    (beir / "queries.jsonl").write_text('{"_id": "1", "text": "sourdough"}')
    (beir / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n1\tbread.txt\t1\n")
    found = json.loads(run("--beir", beir, "--json", "--mode", "keyword").stdout)
    assert found["level"] == "document"
    assert found["metrics"]["ndcg@10"]["mean"] == 1


def test_a_collection_is_measured_by_its_own_questions_or_a_file(files):
    assert run().exit_code == 3  # there is no home yet
    with RagPipeline.open() as pipeline:
        pipeline.ingest([load(name, text.encode()) for name, text in TEXTS.items()])
    nothing = run()
    assert nothing.exit_code == 2
    assert "has no questions" in nothing.stderr
    with RagPipeline.open() as pipeline:
        own = CollectionQuestions(pipeline.home.settings, "default")
        own.add(
            Question("", "brood degrees", (Gold("bees.txt", 24, 45, TEXTS["bees.txt"][24:45]),))
        )
    assert json.loads(run("--json").stdout)["questions"] == 1
    found = json.loads(run("--questions", files / "ask.jsonl", "--json").stdout)
    assert found["questions"] == 3
    grid = json.loads(run("--grid", "k=1,2 size=5 rerank=none", "--json").stdout)
    assert [row["settings"]["chunker"]["size"] for row in grid["rows"]] == [5, 5]
    with RagPipeline.open() as pipeline:  # the sweep left it as it was
        assert {info.chunks for info in pipeline.documents()} == {1}
    assert run("--grid", "default", "--judge").exit_code == 2
    cloze = json.loads(run("--cloze", "2", "--json").stdout)
    assert cloze["name"] == "default, cloze"
    assert all("____" in row["question"] for row in cloze["by_question"])
    with RagPipeline.open() as pipeline:
        hit = pipeline.search("iron tower").hits[0]
        kept = CollectionQuestions(pipeline.home.settings, "default").add(from_hit("iron?", hit))
        name, text = hit.chunk.metadata["name"], hit.chunk.text
        assert kept.golds == (Gold(name, hit.chunk.start, hit.chunk.end, text),)


@pytest.mark.parametrize("suffix", [".md", ".csv", ".html"])
def test_reports_are_written(mine, tmp_path, suffix):
    target = tmp_path / f"report{suffix}"
    assert run(*mine, "--grid", "k=1 rerank=none", "--report", target).exit_code == 0
    assert "recursive 200 words, k 1, hybrid" in target.read_text()
    assert run(*mine, "--report", target).exit_code == 0
    assert "recall" in target.read_text()
    missing = Path(tmp_path / "no" / f"x{suffix}")
    assert run(*mine, "--report", missing).exit_code == 3


# -- answers ------------------------------------------------------------------------------------


def test_answers_by_pencil():
    assert exact_match("The 1889!", ["1890", "1889"]) == 1
    assert exact_match("In 1889", ["1889"]) == 0
    # "in 1889 paris" against "1889": 1 of 3 words, 1 of 1: 2 * 1/3 / (4/3) = 1/2.
    assert token_f1("in 1889, Paris", ["1889", "nothing"]) == pytest.approx(1 / 2)
    assert token_f1("yes yes", ["yes no"]) == pytest.approx(1 / 2)
    assert token_f1("", ["x"]) == 0
    assert token_f1("the", ["a"]) == 1  # both are empty in their normal form
    assert contains_gold("It was in 1889.", ["1889"]) == 1
    assert contains_gold("It was in 18890.", ["1889"]) == 0
    assert contains_gold("anything", ["the"]) == 0


def test_citations_by_pencil():
    gold = [("a", 0, 10), ("b", 0, 10)]
    cited = [("a", 5, 20), ("a", 8, 9), ("a", 10, 12)]
    assert citation_precision(cited, gold) == pytest.approx(2 / 3)
    assert citation_recall(cited, gold) == pytest.approx(1 / 2)
    assert citation_precision([], gold) == 0
    assert citation_recall(cited, []) == 0


def test_a_sweep_answers_and_says_by_whom(mine, monkeypatch):
    asked = [*mine, "--grid", "size=20 k=1,2 rerank=none", "--answers", "--sort", "token_f1"]
    alone = run(*asked)  # this model shows no vectors of tokens, and there is no chat model
    assert (alone.exit_code, "Set a chat model" in alone.stderr) == (4, True)
    with chat_server(pieces=["35 degrees [1]."]) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        found = run(*asked)
        once = len(server.requests)
        server.reply = "CORRECT"
        judged = [run(*asked[:-2], "--judge", "--json") for _ in range(2)]
        first, second = (json.loads(each.stdout)["rows"] for each in judged)
        assert first == second
        assert len(server.requests) == 3 * once  # asked anew for the judge, and then nothing again
    assert first[0]["metrics"]["model_judged"]["mean"] == 1
    assert first[0]["settings"]["judge"] == "tiny-chat"
    assert found.exit_code == 0, found.output
    monkeypatch.delenv("OPENAI_BASE_URL")
    head = next(line for line in found.stdout.splitlines() if line.startswith("| setting"))
    assert [cell.strip() for cell in head.split("|")][2] == "token_f1"
    assert "citation_recall" in head
    assert "model_judged" not in head  # no model was asked
    assert "Answers by tiny-chat." in found.stdout
    wrong = run(*mine, "--grid", "size=20", "--sort", "token_f1")
    assert wrong.exit_code == 2
    unset = run(*mine, "--answers", "--judge")
    assert "There is no chat model" in unset.stderr
