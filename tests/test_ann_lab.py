"""The exact-vs-approximate page without a browser: settings, words, runs, pictures, export."""

import csv
import io
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rag_core import Cancelled, Document, RagPipeline, SettingsError
from rag_core.ann import Comparison, Measurement, exact_answer, random_vectors
from rag_core.protocols import Progress
from ui.ann_lab import charts, tables, words
from ui.ann_lab.export import as_python, results_csv, victims_csv
from ui.ann_lab.problem import chosen_rows, solve
from ui.ann_lab.settings import (
    CLUSTERED,
    Settings,
    check,
    described,
    usual_clusters,
    usual_probes,
    whole_numbers,
)
from ui.background import Run

ROOT = Path(__file__).resolve().parent.parent
SMALL = Settings(
    spread=CLUSTERED, size=600, dimension=32, seed=3, queries=20, n_clusters=16,
    n_probes=(1, 4), efs=(16,),
)  # fmt: skip
QUIET = lambda progress: None  # noqa: E731


def result(method, setting, recall, p50, missed=()):
    return Measurement(method, setting, recall, p50, p50 * 2, 1.0, 1_000_000, (), missed)


def comparison(*results) -> Comparison:
    vectors = random_vectors(50, 4)
    return Comparison(results, exact_answer(vectors, vectors[:1], 3), 50_000, 384, 100)


EXACT = result("flat", None, 1.0, 0.004)


@pytest.fixture
def library(tmp_path, hash_embedder):
    documents = [
        Document.from_text(f"{name}.txt", f"{name} sails and {name} returns. " * 60)
        for name in ("boat", "ship", "raft", "ferry", "tug", "=SUM(A1)")
    ]
    with RagPipeline.open(tmp_path, embedder=hash_embedder) as pipeline:
        pipeline.ingest(documents)
        yield pipeline


# -- settings ---------------------------------------------------------------------------------


def test_lists_of_numbers():
    assert whole_numbers("50, 1;10  10", "n_probe") == (1, 10, 50)
    assert whole_numbers(" ", "ef") == ()
    for wrong in ("0", "-1", "ten", "1.5", "10001", "1e3", "²", "9" * 50):
        with pytest.raises(SettingsError, match="n_probe takes whole numbers"):
            whole_numbers(f"1, {wrong}", "n_probe")
    with pytest.raises(SettingsError, match="at most 12 numbers, not 13"):
        whole_numbers(" ".join(map(str, range(1, 14))), "ef")


def test_what_is_usual_fits():
    assert [usual_clusters(size) for size in (1, 2, 150, 50_000)] == [1, 1, 12, 224]
    assert usual_probes(12) == (1, 2, 4, 8)
    assert usual_probes(1) == (1,)
    for size in (1, 2, 3, 10, 1_000):
        clusters = usual_clusters(size)
        check(Settings(n_clusters=clusters, n_probes=usual_probes(clusters)), size)


@pytest.mark.parametrize(
    ("settings", "size", "said"),
    [
        (Settings(n_clusters=100), 99, "100 clusters .* there are 99"),
        (Settings(n_clusters=20), 500, "n_probe = 50 looks into more clusters than the 20"),
        (Settings(collection="a"), 1, "too few chunks"),
    ],
)
def test_what_cannot_be_measured_is_refused(settings, size, said):
    with pytest.raises(SettingsError, match=said) as raised:
        check(settings, size)
    assert raised.value.hint


def test_without_ivf_clusters_do_not_matter():
    check(Settings(n_clusters=5_000, n_probes=()), 10)


# -- measuring --------------------------------------------------------------------------------


def test_synthetic_vectors_are_measured():
    outcome = solve(SMALL, None, QUIET)
    methods = [(one.method, one.setting) for one in outcome.comparison.results]
    assert methods[0] == ("flat", None)
    assert {("ivf", 1), ("ivf", 4), ("hnsw", 16)} <= set(methods)
    assert outcome.comparison.size == 600
    assert outcome.comparison.results[0].recall == 1


def test_a_collection_is_measured_with_its_own_store(library):
    settings = Settings("default", queries=15, n_clusters=3, n_probes=(1, 3), efs=(64,))
    outcome = solve(settings, library, QUIET)
    by = {one.method: one for one in outcome.comparison.results}
    assert set(by) == {"flat", "ivf", "hnsw", "chroma"}
    assert by["chroma"].recall > 0.95
    assert by["flat"].recall == 1
    assert len(outcome.asked) == min(15, len(outcome.chunks))
    rows = chosen_rows(len(outcome.chunks), 15, 0)
    assert outcome.asked[0] == outcome.chunks[rows[0]].text
    assert all(own not in found for own, found in zip(rows, by["chroma"].found, strict=True))


def test_typed_questions_find_what_the_store_finds(library):
    questions = ("Which boat returns?", "ferry sails")
    settings = Settings("default", questions=questions, n_clusters=2, n_probes=(2,), efs=())
    outcome = solve(settings, library, QUIET)
    [best] = library.search(questions[1], mode="vector", k=1).hits
    row = outcome.comparison.results[0].found[1][0]
    assert outcome.comparison.truth.scores[1, 0] == pytest.approx(best.score, abs=1e-4)
    assert "ferry" in outcome.chunks[row].text  # its chunks are alike: any of them will do
    assert outcome.asked == questions


def test_a_collection_of_one_chunk_is_refused(tmp_path, hash_embedder):
    with RagPipeline.open(tmp_path, embedder=hash_embedder) as pipeline:
        pipeline.ingest([Document.from_text("a.txt", "One boat.")])
        with pytest.raises(SettingsError, match="too few chunks"):
            solve(Settings("default", n_clusters=1, n_probes=(1,)), pipeline, QUIET)


def test_a_run_ends_with_an_outcome():
    run = Run(lambda report: solve(SMALL, None, report))
    assert run.wait(30)
    assert not run.busy
    assert run.outcome.settings == SMALL
    assert run.error is None


def test_a_run_can_be_cancelled_and_the_next_one_gets_its_turn():
    reached = threading.Event()

    def work(report):
        while True:
            report(Progress("asking ivf", 1, 2))
            reached.set()

    first = Run(work)
    assert reached.wait(10)
    second, third = Run(lambda report: solve(SMALL, None, report)), Run(work)
    assert not second.wait(0.3)
    third.cancel()  # while it waits for its turn
    first.cancel()
    for run in (first, second, third):
        assert run.wait(30)
    assert isinstance(first.error, Cancelled)
    assert isinstance(third.error, Cancelled)
    assert second.outcome is not None


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_does_not_leave_a_run_busy():
    def work(report):
        raise KeyError("bug")

    run = Run(work)
    assert run.wait(10)
    assert "did not expect" in run.error.message
    good = Run(lambda report: solve(SMALL, None, report))  # the turn was given back
    assert good.wait(30)
    assert good.error is None


# -- words and pictures -----------------------------------------------------------------------


def test_the_answer_is_the_first_over_90_percent():
    found = comparison(EXACT, result("ivf", 10, 0.9, 0.001), result("ivf", 12, 0.901, 0.002))
    assert words.answer(found) == "n_probe = 12 is the first with recall over 90 %"
    said = " ".join(words.details(found))
    assert "12 of 100 clusters and finds 90.1 % in 2.00 ms, 2.0 times as fast as exact" in said
    assert words.answer(comparison(EXACT)).startswith("No n_probe was given")
    assert words.answer(comparison(EXACT, result("ivf", 9, 0.9, 1))).startswith("No n_probe has")


def test_details_tell_of_graphs_that_stay_below_and_of_the_own_store():
    found = comparison(
        EXACT, result("hnsw", 16, 0.2, 0.001), result("hnsw", 64, 0.5, 0.002),
        result("chroma", None, 0.9999, 0.002),
    )  # fmt: skip
    said = " ".join(words.details(found))
    assert "HNSW stays below: 50.0 % at ef = 64" in said
    assert "Chroma, this collection's own store, finds 99.9 %" in said
    over = comparison(EXACT, result("hnsw", 64, 0.95, 0.008))
    assert "over 90 % at ef = 64: 95.0 % in 8.00 ms, 2.0 times as slow" in words.details(over)[1]


def test_numbers_in_words():
    assert words.milliseconds(0.0000581) == "0.058 ms"
    assert words.milliseconds(0.00289) == "2.89 ms"
    assert words.milliseconds(1.25) == "1,250 ms"
    assert words.percent(1) == "100 %"
    assert words.percent(0.99999) == "99.9 %"
    assert words.gain(1, 1) == "no faster than exact"
    assert words.step(Progress("building hnsw", 3_000, 50_000)) == "Building HNSW 3,000 of 50,000"
    assert words.step(Progress("asking flat", 0, 100)) == "Asking the exact index"
    assert words.step(Progress("starting", 0, 0)) == "Starting"
    assert described(Settings()).startswith("50,000 random vectors of 384 numbers, seed 0, 100")


def test_few_points_a_cluster_are_said():
    small = Comparison((EXACT, result("ivf", 1, 1, 1)), comparison(EXACT).truth, 380, 8, 10)
    assert "38 vectors a cluster are few" in words.doubt(small)
    assert words.doubt(comparison(EXACT, result("ivf", 1, 1, 1))) == ""


def test_the_curve_has_a_line_a_method_and_labels_that_do_not_touch():
    close = [result("hnsw", ef, 1.0, 0.00002 + ef * 1e-8) for ef in (16, 64, 256)]
    found = comparison(EXACT, result("ivf", 1, 0.3, 0.0001), result("ivf", 50, 0.9, 0.002), *close)
    figure = charts.curve(found, ["#111111", "#222222"])
    assert [line.name for line in figure.data] == ["Exact", "IVF", "HNSW"]
    assert figure.layout.xaxis.type == "log"
    assert list(figure.data[1].text) == ["1", "50"]
    assert list(figure.data[2].text) == ["16", "", ""]
    assert list(figure.data[1].x) == [pytest.approx(0.1), pytest.approx(2)]


def test_bars_show_what_was_built():
    store = Measurement("chroma", None, 1, 1, 1, None, None, (), ())
    figure = charts.bars(comparison(EXACT, store), ["#111111"], memory=True)
    assert list(figure.data[0].x) == [1.0]
    assert list(figure.data[0].y) == ["Exact"]


# -- victims and export -----------------------------------------------------------------------


def test_victims_come_with_their_texts(library):
    settings = Settings("default", queries=20, n_clusters=6, n_probes=(1,), efs=())
    outcome = solve(settings, library, QUIET)
    worst = tables.missing(outcome.comparison)[0]
    assert worst.method == "ivf"
    rows = tables.missed(outcome, worst, 5)
    assert [row["True rank"] for row in rows] == sorted(row["True rank"] for row in rows)
    texts = {chunk.text for chunk in outcome.chunks}
    assert all(row["Missed"] in texts and row["Query"] in texts for row in rows)
    assert all(row["Missed"] != row["Query"] or row["Cosine"] > 0.99 for row in rows)
    read = read_csv(victims_csv(outcome))
    assert len(read) == sum(len(m) for one in outcome.comparison.results for m in one.missed)
    assert not any(cell.startswith("=") for row in read for cell in row.values())


def test_results_as_csv():
    found = comparison(EXACT, Measurement("chroma", None, 0.5, 1, 1, None, None, (), ()))
    first, second = read_csv(results_csv(found))
    assert float(first["recall"]) == 1
    assert float(first["p50 seconds"]) == 0.004
    assert (second["build seconds"], second["setting"]) == ("", "")


def read_csv(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))


def test_the_script_measures_the_same():
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", as_python(SMALL)],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    outcome = solve(SMALL, None, QUIET)
    lines = run.stdout.splitlines()
    for line, one in zip(lines, outcome.comparison.results, strict=False):
        assert line.split()[0] == one.method
        assert f"recall {one.recall:.3f}" in line
    assert lines[-1] == f"first n_probe over 90 %: {words.answer(outcome.comparison).split()[2]}"


@pytest.mark.parametrize("questions", [(), ("Which 'boat'?\n", 'a "tug"')])
def test_the_script_of_a_collection_measures_the_same(library, monkeypatch, capsys, questions):
    settings = Settings(
        "default", queries=10, questions=questions, n_clusters=4, n_probes=(2,), efs=()
    )
    outcome = solve(settings, library, QUIET)
    # the same pipeline, because a second process may not open the folder
    opened = RagPipeline.open(library.home.path, embedder=library.embedder)
    monkeypatch.setattr(RagPipeline, "open", lambda **_: opened)
    exec(compile(as_python(settings), "script", "exec"), {})
    for line, one in zip(capsys.readouterr().out.splitlines(), outcome.comparison.results,
                         strict=False):  # fmt: skip
        if one.method != "chroma":
            assert f"recall {one.recall:.3f}" in line
