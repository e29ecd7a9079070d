"""Sweeps: what they share, that they resume, and what their tables say."""

import csv
import io
import json
import subprocess
import sys
import tracemalloc
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from evaluation_driver import GRID, dataset
from hash_embedder import HashEmbedder

from rag_core import Cancelled, Chunk, ModelError, RagPipeline, SettingsError, evaluate
from rag_core.datatypes import Document
from rag_core.errors import UnknownDocumentError
from rag_core.evaluation import (
    Dataset,
    Gold,
    Grid,
    Question,
    default_grid,
    load_beir,
    parse_grid,
    run_sweep,
    words,
)
from rag_core.evaluation.memory_index import MemoryIndex
from rag_core.evaluation.paper import ROWS, paper_markdown, paper_table
from rag_core.evaluation.report import (
    inert,
    report_csv,
    report_html,
    report_markdown,
    table_csv,
    table_html,
    table_markdown,
)
from rag_core.home import Home

TESTS = Path(__file__).parent


@pytest.fixture
def home(tmp_path):
    opened = Home.open(tmp_path / "home")
    yield opened
    opened.close()


def swept(home, data=None, grid=GRID, **more):
    more = {"open_model": lambda name: HashEmbedder()} | more
    return run_sweep(home, data or dataset(), grid, **more)


def figures(table):
    """Everything in a table but the seconds."""
    return [
        (
            report.settings,
            report.data,
            [(r.question.id, r.values, r.retrieved, r.stories) for r in report.results],
        )
        for report in table.reports
    ]


def test_a_sweep_measures_every_setting_on_every_question(home):
    table = swept(home)
    assert len(table.reports) == 8
    assert len({report.settings["label"] for report in table.reports}) == 8
    for report in table.reports:
        assert report.questions == 8  # the unanswerable one is not searched
        assert report.level == "span"
        k = report.settings["k"]
        assert all(len(result.retrieved) <= k for result in report.results)
        assert report.mean("recall") == report.mean(f"recall@{k}")
        assert report.mean("tokens") > 0
        assert report.latency_p50 > 0


def test_work_is_shared_and_collections_are_left_alone(home, tmp_path):
    embedders = []

    def open_model(name):
        embedders.append(HashEmbedder())
        return embedders[-1]

    with RagPipeline.open(tmp_path / "home", embedder=HashEmbedder()) as pipeline:
        pipeline.ingest([Document.from_text("mine.txt", "My own words.")])
        before = (home.catalog.collections(), list(home.catalog.chunks("default")))
        chunks = {r.settings["label"].split(",")[0]: r.settings["chunks"]
                  for r in swept(home, open_model=open_model).reports}  # fmt: skip
        assert (home.catalog.collections(), list(home.catalog.chunks("default"))) == before
        assert not (home.path / "chroma").exists() or pipeline.store().count() == 1
    assert len(embedders) == 1
    assert embedders[0].embedded == sum(chunks.values())  # each chunk once, for both modes and ks


def test_a_finished_sweep_runs_nothing_again(home):
    first = swept(home)
    asked = []
    again = swept(home, on_progress=asked.append)
    assert asked == []
    assert figures(again) == figures(first)
    wider = swept(home, grid=Grid(words((10, 25)), ks=(1, 2, 3, 5), modes=("hybrid",)),
                  on_progress=asked.append)  # fmt: skip
    assert asked == []  # other k come out of the runs that are there
    assert len(wider.reports) == 8


@pytest.mark.parametrize("stop_after", [1, 5, 9, 20, 33])
def test_a_cancelled_sweep_resumes_to_the_identical_table(tmp_path, home, stop_after):
    seen = 0

    def cancel(progress):
        nonlocal seen
        seen += 1
        if seen == stop_after:
            raise Cancelled

    with pytest.raises(Cancelled):
        swept(home, on_progress=cancel)
    resumed = figures(swept(home))
    other = Home.open(tmp_path / "other")
    assert resumed == figures(swept(other))
    other.close()


def test_embedding_goes_on_where_it_was_stopped(tmp_path, home):
    model, at_once, seen = HashEmbedder(), HashEmbedder(), 0

    def cancel(progress):
        nonlocal seen
        seen += progress.stage == "embedding"
        if seen == 4:
            raise Cancelled

    long = Dataset("long", dataset().questions, (
        *dataset().documents,
        Document.from_text("long", " ".join(f"Word{n} is new." for n in range(900))),
    ))  # fmt: skip
    grid = Grid(words((5,)), ks=(3,))
    with pytest.raises(Cancelled):
        swept(home, long, grid, open_model=lambda name: model, on_progress=cancel)
    assert model.embedded > 0
    swept(home, long, grid, open_model=lambda name: model)
    other = Home.open(tmp_path / "other")
    swept(other, long, grid, open_model=lambda name: at_once)
    other.close()
    assert model.embedded == at_once.embedded


def test_a_beir_folder_is_read_line_by_line_and_its_import_resumes(tmp_path, home):
    folder = tmp_path / "beir"
    (folder / "qrels").mkdir(parents=True)
    words_ = [f"word{n}" for n in range(160)]
    with (folder / "corpus.jsonl").open("w") as file:
        for n in range(1_500):
            text = " ".join(words_[n % 7 :: 1 + n % 3]) + f" number{n}."
            file.write(json.dumps({"_id": f"d{n}", "title": f"T{n}", "text": text}) + "\n")
    size = (folder / "corpus.jsonl").stat().st_size
    (folder / "queries.jsonl").write_text('{"_id": "q", "text": "number77"}\n')
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq\td77\t1\n")
    tracemalloc.start()
    data = load_beir(folder)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(data.documents) == 1_500
    assert peak < 3 * size  # the documents and their names; never the file beside its lines
    model, at_once, asked = HashEmbedder(), HashEmbedder(), []

    def cancel(progress):
        asked.append(progress)
        if len([p for p in asked if p.stage == "embedding"]) == 20:
            raise Cancelled

    grid = Grid(words((400,)), ks=(1,), modes=("hybrid",))
    with pytest.raises(Cancelled):
        swept(home, data, grid, open_model=lambda name: model, on_progress=cancel)
    before = model.embedded
    assert 0 < before < 1_500
    assert "of 1,500 texts" in asked[-1].name
    table = swept(home, load_beir(folder), grid, open_model=lambda name: model)
    other = Home.open(tmp_path / "other")
    assert figures(swept(other, data, grid, open_model=lambda name: at_once)) == figures(table)
    other.close()
    assert model.embedded == at_once.embedded  # nothing twice


@pytest.mark.kill
@pytest.mark.parametrize("point", ["1", "12", "30", "append:1", "append:700"])
def test_a_killed_sweep_resumes_to_the_identical_table(tmp_path, point):
    program = [sys.executable, str(TESTS / "evaluation_driver.py"), str(tmp_path / "home"), point]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True, cwd=TESTS.parent,
                          env={"PYTHONPATH": f"{TESTS.parent}", "PATH": ""}) as run:  # fmt: skip
        assert run.stdout.readline() == f"at {point}\n"
        run.kill()
    home, other = Home.open(tmp_path / "home"), Home.open(tmp_path / "other")
    asked = []
    resumed = swept(home, on_progress=asked.append)
    assert figures(resumed) == figures(swept(other))
    kept = [path.read_bytes() for path in (home.path / "evaluation").glob("*.jsonl")]
    assert len(kept) == 1
    assert len([json.loads(line) for line in kept[0].splitlines()]) == 1 + 4
    if point == "30":  # the three runs before were not made again
        assert 0 < len([p for p in asked if p.stage == "searching"]) <= 9 + 9
    home.close()
    other.close()


def test_a_damaged_line_is_a_run_to_be_made_again(home):
    first = figures(swept(home))
    (path,) = (home.path / "evaluation").glob("*.jsonl")
    lines = path.read_bytes().splitlines()
    lines[2] = lines[2][:200] + b"\xff\x00" + lines[2][202:]
    lines[3] = b'{"key": 1}'
    path.write_bytes(b"\n".join([*lines, b""]))
    asked = []
    assert figures(swept(home, on_progress=asked.append)) == first
    assert max(p.done for p in asked) == 32
    assert min(p.done for p in asked) == 16
    assert len(path.read_bytes().splitlines()) == 7


def test_results_of_other_data_and_other_models_are_not_taken(home):
    swept(home)
    asked = []
    data = dataset()
    changed = Dataset(data.name, data.questions, (*data.documents, Document.from_text("x", "New.")))
    swept(home, changed, on_progress=asked.append)
    assert asked
    asked.clear()
    swept(home, open_model=lambda name: HashEmbedder(salt="2"), on_progress=asked.append)
    assert asked


def test_progress_counts_questions_and_guesses_the_time_left(home):
    seen = []
    swept(home, on_progress=seen.append)
    assert {progress.total for progress in seen} == {4 * 8}
    assert seen[-1].done == 32
    assert [p.done for p in seen] == sorted(p.done for p in seen)
    assert seen[0].seconds_left is None
    assert seen[-1].seconds_left == 0
    assert any(p.seconds_left > 0 for p in seen[1:] if p.seconds_left is not None)


def test_a_sweep_needs_documents_and_a_fitting_model(home):
    with pytest.raises(SettingsError, match="No question of this set"):
        swept(home, Dataset("x", dataset().questions))

    class Plain:
        name, fingerprint, dimension = "plain", "f", 8

        def embed_documents(self, texts, *, on_progress=None):
            return np.eye(8, dtype=np.float32)[[len(text) % 8 for text in texts]]

        def embed_query(self, text):
            return np.eye(8, dtype=np.float32)[0]

    grid = Grid(words((25,)), ks=(1,), rerankers=("late-interaction",))
    with pytest.raises(ModelError, match="does not show the vectors"):
        swept(home, grid=grid, open_model=lambda name: Plain())


# -- the table ---------------------------------------------------------------------------------


def test_the_leaderboard_is_sorted_and_names_ties(home):
    table = swept(home)
    rows = table.leaderboard("recall")
    means = [row.interval.mean for row in rows]
    assert means == sorted(means, reverse=True)
    assert rows[0].tied
    assert rows[0].against_best is None
    for row in rows[1:]:
        assert row.tied == (row.against_best.verdict == "tie")
        assert row.against_best.difference.mean == pytest.approx(row.interval.mean - means[0])
    front = table.pareto("recall")
    assert [r.mean("tokens") for r in front] == sorted(r.mean("tokens") for r in front)
    for report in table.reports:
        if report not in front:
            assert any(
                other.mean("recall") >= report.mean("recall")
                and other.mean("tokens") <= report.mean("tokens")
                for other in front
            )
    ids, labels, values = table.heatmap()
    assert (len(ids), len(labels), len(values[0])) == (8, 8, 8)
    with pytest.raises(ValueError, match="unknown metric 'fame'; measured are ndcg@1"):
        table.leaderboard("fame")


def test_changed_questions_are_those_whose_metric_differs(home):
    one, *_, other = swept(home).reports
    better, worse = one.changed(other, "ndcg")
    mine, theirs = one.by_question("ndcg"), other.by_question("ndcg")
    assert {r.question.id for r, _ in better} == {i for i in mine if mine[i] > theirs[i]}
    assert {r.question.id for r, _ in worse} == {i for i in mine if mine[i] < theirs[i]}
    assert {r.question.id for r in one.failed()} == {
        i for i, value in one.by_question("recall").items() if value < 1
    }


# -- grids ----------------------------------------------------------------------------------------


def test_the_default_grid_is_that_of_the_lesson():
    settings = default_grid().settings()
    assert len(settings) == 18
    assert {s.chunking["size"] for s in settings} == {200, 500, 1000}
    assert {s.chunking["unit"] for s in settings} == {"words"}
    assert {s.k for s in settings} == {3, 5, 10}
    assert {s.rerank for s in settings} == {None, "late-interaction"}
    assert settings[0].label == "recursive 200 words, k 3, hybrid"
    assert parse_grid(["default"]) == default_grid()


def test_grids_are_read():
    grid = parse_grid(
        ["chunker=fixed,semantic size=60", "overlap=10 k=4 mode=vector,keyword rerank=none"]
    )
    assert [dict(chunker) for chunker in grid.chunkers] == [
        {"name": "fixed", "size": 60, "unit": "words", "overlap": 10},
        {"name": "semantic", "maximum": 60, "unit": "words", "minimum": 10},
    ]
    assert (grid.ks, grid.modes, grid.rerankers) == ((4,), ("vector", "keyword"), (None,))
    assert [dict(c) for c in parse_grid(["chunker=sentence"]).chunkers] == [{"name": "sentence"}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("size", "not key=value"),
        ("colour=red", "not key=value"),
        ("k=", "not key=value"),
        ("k=0", "at least 1"),
        ("k=two", "two"),
        ("mode=psychic", "unknown mode"),
        ("rerank=luck", "unknown reranker"),
        ("chunker=axe", "unknown chunker"),
        ("size=10 overlap=20", "overlap"),
    ],
)
def test_grids_that_cannot_work_say_so(text, message):
    with pytest.raises(SettingsError, match=message):
        parse_grid([text])


def test_the_index_in_memory_is_exact_and_keeps_ties_in_order():
    index = MemoryIndex(2)
    rows = [Chunk(id_, "d" + id_, 0, 0, 1, id_, {"n": n}) for n, id_ in enumerate("dcba")]
    vectors = np.array([[1, 0], [0, 1], [1, 0], [1, 0]], dtype=np.float32)
    index.upsert(rows, vectors)
    asked = np.array([1, 0], dtype=np.float32)
    assert [hit.chunk.id for hit in index.query(asked, 2)] == ["a", "b"]
    assert [(h.chunk.id, h.score, h.rank) for h in index.query(asked, 9)][-1] == ("c", 0.0, 4)
    assert [hit.chunk.id for hit in index.query(asked, 1, {"n": {"$lt": 2}})] == ["d"]
    rng = np.random.default_rng(5)
    many = MemoryIndex(4)
    points = rng.normal(size=(50, 4)).astype(np.float32)
    chunks = [Chunk(f"c{n:02d}", "d", n, 0, 1, "x") for n in range(50)]
    many.upsert(chunks, points)
    best = np.argsort(-(points @ points[0]))[:7]
    assert [hit.chunk.id for hit in many.query(points[0], 7)] == [f"c{row:02d}" for row in best]
    index.delete_document("da")
    index.delete(["b", "never"])
    assert (index.count(), sorted(c.id for c in index)) == (2, ["c", "d"])
    assert [c.id for c in index.get(["d", "a"])] == ["d"]
    assert list(index.vectors(["c", "a"])) == ["c"]
    index.close()
    assert index.query(asked, 2) == []


# -- evaluating a collection, and taking figures along ------------------------------------------


@pytest.fixture
def pipeline(tmp_path):
    with RagPipeline.open(tmp_path / "own", embedder=HashEmbedder()) as opened:
        opened.ingest(dataset().documents)
        yield opened


def test_a_pipeline_is_measured_as_it_is(pipeline):
    report = evaluate(pipeline, dataset(), ks=(1, 3))
    assert report.questions == 8
    assert (report.ks, report.level, report.skipped) == ((1, 3), "span", ())
    for result in report.results:
        found = pipeline.search(result.question.text, k=3)
        assert [hit.chunk_id for hit in result.retrieved] == [h.chunk.id for h in found.hits]
    assert report.mean("recall@1") <= report.mean("recall@3") <= 1
    tokens = evaluate(pipeline, dataset(), ks=(1, 3), unit="tokens")
    assert tokens.mean("chunk iou") != report.mean("chunk iou")
    assert tokens.mean("ndcg") == report.mean("ndcg")


def test_questions_about_other_documents_are_left_out(pipeline):
    lost = Question("lost", "?", (Gold("else.txt", 0, 3, "The"),))
    report = evaluate(pipeline, [*dataset().questions, lost], ks=(3,))
    assert (report.questions, report.skipped) == (
        8,
        ("lost: it is about else.txt, which is not there",),
    )
    with pytest.raises(UnknownDocumentError, match="None of the questions"):
        evaluate(pipeline, [lost])
    with pytest.raises(ValueError, match="ks must be"):
        evaluate(pipeline, dataset(), ks=(0,))


def test_documents_are_judged_where_no_passage_is_known(pipeline):
    asked = [Question("1", "K0harbour", documents={"d0.txt": 2.0, "d1.txt": 1.0})]
    report = evaluate(pipeline, asked, ks=(2,))
    assert report.level == "document"
    names = dict.fromkeys(hit.document for hit in report.results[0].retrieved)
    assert report.mean("precision@2") == sum(n in ("d0.txt", "d1.txt") for n in [*names][:2]) / 2
    assert "chunk recall@2" not in report.metrics


def test_answers_are_judged(pipeline):
    never = Question("never", "zzz qqq", kind="unanswerable", answerable=False)
    data = dataset()
    known = Question("k", data.questions[0].text, data.questions[0].golds, answers=("K0harbour",))
    report = evaluate(pipeline, [known, never], ks=(3,), answers=True)
    by_id = {result.question.id: result for result in report.results}
    assert set(by_id["never"].values) == {"declined"}
    wanted = {"exact_match", "token_f1", "contains_gold", "citation_precision", "citation_recall"}
    assert wanted <= set(by_id["k"].values)
    assert by_id["k"].answer


HOSTILE = "=1+1 <script>alert(1)</script> | `x` [a](http://b) \n# **c**"


@pytest.fixture
def hostile(home):
    data = dataset()
    first = data.questions[0]
    questions = (Question("<b>", HOSTILE, first.golds, answers=("x",)), *data.questions[1:])
    return swept(home, Dataset(HOSTILE, questions, data.documents))


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen, self.loads = set(), []

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        self.loads += [v for k, v in attrs if k in ("src", "href") or k.startswith("on")]


def test_html_shows_hostile_text_and_loads_nothing(hostile):
    for text in (table_html(hostile), report_html(hostile.reports[0])):
        tags = Tags()
        tags.feed(text)
        assert not tags.seen & {"script", "a", "img", "b", "iframe", "link"}
        assert tags.loads == []
        assert "&lt;script&gt;" in text
        assert "default-src 'none'" in text
        assert text.count("<details>") == 8  # every question's story


def test_csv_holds_no_formula_and_every_question(hostile):
    rows = list(csv.DictReader(io.StringIO(report_csv(hostile.reports[0]))))
    assert len(rows) == 8
    assert rows[0]["question"] == f"'{HOSTILE}"
    assert float(rows[1]["recall@1"]) in (0.0, 1.0)
    board = list(csv.DictReader(io.StringIO(table_csv(hostile, "recall"))))
    assert len(board) == 8
    assert float(board[0]["recall"]) == hostile.leaderboard("recall")[0].interval.mean


def test_markdown_obeys_nothing_in_a_question(hostile):
    for text in (table_markdown(hostile), report_markdown(hostile.reports[-1])):
        title, *lines = text.splitlines()
        assert title.startswith("# =1+1 \\<script\\>")
        assert "\\# \\*\\*c\\*\\*" in title
        rows = [line for line in lines if line.startswith("|")]
        assert len({row.replace("\\|", "").count("|") for row in rows}) == 1
    assert inert("a\n|b") == "a \\|b"


# -- the paper's table --------------------------------------------------------------------------


def test_the_papers_table_runs_on_its_layout(tmp_path, home, embedder):
    data = tmp_path / "data"
    (data / "corpora").mkdir(parents=True)
    source, lines = dataset(), ["question,references,corpus_id"]
    for number, document in enumerate(source.documents[:2]):
        (data / "corpora" / f"c{number}.md").write_text(document.text)
        end = document.text.index(".") + 1
        cell = json.dumps([{"content": document.text[:end], "start_index": 0, "end_index": end}])
        lines.append(
            f'{source.questions[number].text},"{cell.replace(chr(34), chr(34) * 2)}",c{number}'
        )
    (data / "questions_df.csv").write_text("\n".join(lines))
    rows = paper_table(home, data, open_model=lambda name: embedder)
    assert [row.label for row in rows] == [label for label, _, _ in ROWS]
    assert rows[0].published == {
        "recall": 75.7,
        "precision": 6.5,
        "precision omega": 31.2,
        "iou": 6.5,
    }
    assert rows[1].published == {
        "recall": 78.7,
        "precision": 4.9,
        "precision omega": 21.9,
        "iou": 4.9,
    }
    assert rows[2].published == {
        "recall": 75.2,
        "precision": 7.2,
        "precision omega": 33.6,
        "iou": 7.2,
    }
    for row in rows:
        assert 0 < row.measured["recall"][0] <= 100
        assert set(row.corpora) == {"c0", "c1"}
        mean = sum(values["iou"] for values in row.corpora.values()) / 2
        assert mean == pytest.approx(row.measured["iou"][0])
    assert "(published 75.7)" in paper_markdown(rows)
