"""The command line, in this process and in real ones."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from chat_server import chat_server
from click.testing import CliRunner
from test_home import owned_elsewhere

from rag_core import RagPipeline, load, pipeline
from rag_core.cli import main
from rag_core.terminal import one_line, plain

ROOT = Path(__file__).parents[1]
FILES = {
    "tower.txt": "The tower was built in 1889. It is made of iron and 330 metres high.",
    "food/bread.md": "Sourdough bread rises for twelve hours. Its starter is fed every morning.",
    "food/deep/bees.txt": "A hive holds one queen. The bees keep the brood at 35 degrees.",
    "ferry.csv": "route,leaves\nnorth,7:40\nsouth,9:15\n",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture(autouse=True)
def _one_model(monkeypatch, embedder):
    """Commands in this process share the real model, so that each need not load it again."""
    monkeypatch.setattr(pipeline, "open_embedder", lambda *args: embedder)


@pytest.fixture
def home():
    return Path(os.environ["RAGSCOPE_HOME"])


@pytest.fixture
def filled(home, embedder):
    with RagPipeline.open(home, embedder=embedder) as opened:
        opened.ingest([load(name, text.encode()) for name, text in FILES.items()])
    return home


def run(*arguments, **more):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], **more)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def run_json(*arguments):
    result = run(*arguments, "--json")
    return json.loads(result.stdout), result


def command(*arguments):
    return [sys.executable, "-m", "rag_core", *map(str, arguments)]


def run_process(*arguments, **more):
    more = {"encoding": "utf-8", **more}
    return subprocess.run(command(*arguments), capture_output=True, cwd=ROOT, timeout=120, **more)


# -- help -----------------------------------------------------------------------------------


def test_the_help_names_the_commands_and_the_exit_codes():
    result = run("--help")
    for name in ("ingest", "search", "ask", "documents", "delete"):
        assert re.search(rf"^  {name} ", result.output, re.MULTILINE)
    for code, words in [(0, "done"), (1, "failed"), (2, "usage"), (3, "in use"), (4, "model")]:
        assert re.search(rf"^ *{code}  .*{words}", result.output, re.MULTILINE)


def keys_of(value):
    if isinstance(value, list):
        return set().union(*map(keys_of, value))
    if isinstance(value, dict):
        free = ("scores", "metadata")  # their keys are the data's
        inner = (keys_of(item) for key, item in value.items() if key not in free)
        return set(value).union(*inner)
    return set()


def test_every_key_of_the_json_stands_in_the_help(filled, folder):
    commands = {
        "ingest": [folder, "--collection", "second"],
        "search": ["ferry"],
        "ask": ["When was the tower built?"],
        "documents": [],
        "delete": ["tower.txt", "--yes"],
    }
    for name, arguments in commands.items():
        found, _ = run_json(name, *arguments)
        words = set(re.findall(r"\w+", run(name, "--help").output.partition("JSON:")[2]))
        assert keys_of(found) - words == set(), name
        assert keys_of(found)


def test_wrong_usage_ends_with_2(folder):
    assert run("search").exit_code == 2
    assert run("search", "x", "--mode", "magic").exit_code == 2
    assert run("search", "x", "-k", "0").exit_code == 2
    assert run("ingest", "/no/such/file").exit_code == 2
    assert run("frobnicate").exit_code == 2
    assert run("documents", "--home", folder / "tower.txt").exit_code == 2
    assert run("ingest", folder, "--collection", "a b").exit_code == 2


# -- ingest ---------------------------------------------------------------------------------


def test_folders_are_read_with_their_subfolders(folder, home):
    result = run("ingest", folder)
    assert result.exit_code == 0
    assert len(re.findall(r"^added ", result.stdout, re.MULTILINE)) == 4
    assert result.stderr == ""
    listed, _ = run_json("documents")
    assert [found["name"] for found in listed["documents"]] == sorted(FILES)
    again, result = run_json("ingest", folder, folder / "tower.txt")
    assert [file["status"] for file in again["files"]] == ["unchanged"] * 4
    assert (result.exit_code, again["failed"]) == (0, 0)


def test_what_is_skipped_in_a_folder_is_said(tmp_path, home):
    (tmp_path / ".hidden.txt").write_text("hidden")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "notes.txt").write_text("hidden too")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    (tmp_path / "gone.txt").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.txt")
    found, result = run_json("ingest", tmp_path)
    assert {(Path(s["name"]).name, s["reason"]) for s in found["skipped"]} == {
        (".hidden.txt", "hidden"),
        ("picture.png", "unknown type"),
        ("gone.txt", "no regular file"),
        ("pipe.txt", "no regular file"),
    }
    assert (found["files"], result.exit_code) == ([], 0)
    assert "picture.png  (unknown type)" in run("ingest", tmp_path).stderr


def test_a_file_that_is_named_is_never_skipped(tmp_path):
    (tmp_path / ".hidden.txt").write_text("Read me all the same.")
    (tmp_path / "odd.xyz").write_text("What is this?")
    found, result = run_json("ingest", tmp_path / ".hidden.txt", tmp_path / "odd.xyz")
    assert [file["status"] for file in found["files"]] == ["added", "failed"]
    assert found["skipped"] == []
    assert found["failed"] == result.exit_code == 1
    assert ".xyz" in found["files"][1]["error"]
    assert found["files"][1]["hint"]


def test_one_bad_file_does_not_stop_the_others(tmp_path, monkeypatch):
    (tmp_path / "a.pdf").write_text("no PDF")
    (tmp_path / "b.txt").write_text("Good.")
    (tmp_path / "c.txt").write_text("Too long. " * 200)
    monkeypatch.setenv("RAGSCOPE_MAX_MB", "0.001")
    result = run("ingest", tmp_path)
    assert result.exit_code == 1
    assert "added      b.txt  (1 chunk)" in result.stdout
    assert "failed     a.pdf" in result.stderr
    assert "RAGSCOPE_MAX_MB" in result.stderr


def test_a_bad_setting_is_wrong_usage(tmp_path, monkeypatch):
    monkeypatch.setenv("RAGSCOPE_MAX_MB", "many")
    (tmp_path / "b.txt").write_text("Good.")
    result = run("ingest", tmp_path)
    assert result.exit_code == 2
    assert "RAGSCOPE_MAX_MB" in result.stderr


def test_two_files_of_one_name_are_refused_before_anything_is_done(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "notes.txt").write_text(name)
    result = run("ingest", tmp_path / "one", tmp_path / "two")
    assert result.exit_code == 2
    assert "notes.txt" in result.stderr
    assert run_json("documents")[0]["documents"] == []
    assert run("ingest", tmp_path).exit_code == 0
    names = [found["name"] for found in run_json("documents")[0]["documents"]]
    assert names == ["one/notes.txt", "two/notes.txt"]


def test_the_data_folder_itself_is_left_out(tmp_path):
    (tmp_path / "a.txt").write_text("Text.")
    home = tmp_path / "data"
    for _ in range(2):
        found, _ = run_json("ingest", tmp_path, "--home", home)
        assert [file["name"] for file in found["files"]] == ["a.txt"]


def test_the_same_content_and_notes_are_shown(tmp_path):
    (tmp_path / "a.txt").write_text("The very same words.")
    (tmp_path / "b.txt").write_text("The very same words.")
    assert "indexed as a.txt" in run("ingest", tmp_path).stderr


def test_what_an_earlier_run_left_is_finished_first(home, embedder, tmp_path):
    with RagPipeline.open(home, embedder=embedder) as opened:
        opened.accept("left.txt", b"Left by a crash.")
    (tmp_path / "new.txt").write_text("New.")
    found, _ = run_json("ingest", tmp_path)
    assert [file["name"] for file in found["files"]] == ["left.txt", "new.txt"]


# -- search and ask -------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["vector", "keyword", "hybrid"])
def test_search_prints_the_passages(filled, mode):
    result = run("search", "How hot is the brood of the bees?", "--mode", mode, "-k", "1")
    assert result.exit_code == 0
    first, second = result.stdout.splitlines()
    assert re.fullmatch(r"1\. bees\.txt, characters 0-\d+  score -?\d+\.\d{4}", first)
    assert second.strip() == FILES["food/deep/bees.txt"]


def test_search_as_json(filled):
    found, _ = run_json("search", "bread", "-k", 2, "--rerank", "late-interaction")
    assert (found["query"], found["mode"], len(found["hits"])) == ("bread", "hybrid", 2)
    hit = found["hits"][0]
    assert (hit["rank"], hit["name"], hit["page"]) == (1, "bread.md", None)
    assert hit["text"] == FILES["food/bread.md"][hit["start"] : hit["end"]]
    assert [s["name"] for s in found["stages"]][-2:] == ["fusion", "rerank"]


def test_a_filter_narrows_the_search(filled):
    found, _ = run_json("search", "the", "--mode", "vector", "--where", '{"format": "csv"}')
    assert {hit["name"] for hit in found["hits"]} == {"ferry.csv"}


@pytest.mark.parametrize("where", ["{", "[1]", '{"year": {"$near": 1}}', "{}", "[" * 100_000])
def test_a_malformed_filter_is_wrong_usage(filled, where):
    result = run("search", "x", "--where", where)
    assert result.exit_code == 2
    assert "--where" in result.stderr


def test_an_unknown_reranker_is_wrong_usage(filled):
    result = run("search", "x", "--rerank", "coin-toss")
    assert result.exit_code == 2
    assert "late-interaction" in result.stderr


def test_nothing_found_is_no_failure(filled):
    result = run("search", "xylophone", "--mode", "keyword")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "Nothing found.\n")


def test_ask_answers_and_cites(filled):
    result = run("ask", "When was the tower built?")
    assert result.exit_code == 0
    assert "“The tower was built in 1889.” [1]" in result.stdout
    assert re.search(r"^\[1\] tower\.txt, characters 0-28$", result.stdout, re.MULTILINE)


def test_ask_as_json(filled):
    found, _ = run_json("ask", "When was the tower built?")
    assert (found["found"], found["model"]) == (True, "extractive")
    citation = found["citations"][0]
    assert (citation["number"], citation["name"]) == (1, "tower.txt")
    assert citation["text"] == "The tower was built in 1889."


def test_ask_writes_while_the_model_does(filled):
    with chat_server(pieces=["First ", "second ", "[1]."], delay=1.0) as server:
        process = subprocess.Popen(
            command("ask", "When was the tower built?"),
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "OPENAI_BASE_URL": server.url},
        )
        with process.stdout:
            assert process.stdout.read(6) == b"First "
            came = time.monotonic()
            rest = process.stdout.read().decode()
        assert process.wait() == 0
    assert time.monotonic() - came > 1.0
    assert rest.startswith("second [1].\n")
    assert "tiny-chat" in rest


def test_a_model_that_cannot_be_had_ends_with_4(filled, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    result = run("ask", "When was the tower built?")
    assert result.exit_code == 4
    assert "127.0.0.1:9" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_store_that_cannot_be_had_ends_with_4(filled):
    for path in sorted((filled / "chroma").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    (filled / "chroma").rmdir()
    (filled / "chroma").write_text("in the way")
    result = run("search", "x", "--mode", "vector")
    assert result.exit_code == 4
    assert "Chroma" in result.stderr


# -- documents and delete -------------------------------------------------------------------


def test_documents_are_listed(filled):
    result = run("documents")
    assert [line.split()[1] for line in result.stdout.splitlines()] == [
        "bees.txt",
        "bread.md",
        "ferry.csv",
        "tower.txt",
    ]
    found, _ = run_json("documents")
    assert found["documents"][3]["characters"] == len(FILES["tower.txt"])


def test_listing_creates_no_folder(home):
    found, result = run_json("documents")
    assert (found, result.exit_code) == ({"collection": "default", "documents": []}, 0)
    assert str(home) in result.stderr
    assert not home.exists()


@pytest.mark.parametrize(
    "arguments", [["search", "x"], ["ask", "x"], ["delete", "x", "--yes"]], ids=lambda a: a[0]
)
def test_a_missing_folder_is_said_and_not_created(home, arguments):
    result = run(*arguments)
    assert result.exit_code == 3
    assert str(home) in result.stderr
    assert not home.exists()


def test_an_unknown_collection_is_said(filled):
    assert "no collection 'nope'" in run("documents", "--collection", "nope").stderr


def test_documents_are_deleted_by_name_and_by_id(filled):
    found, _ = run_json("documents")
    ids = {document["name"]: document["id"] for document in found["documents"]}
    gone, result = run_json("delete", "tower.txt", ids["bread.md"], ids["tower.txt"], "--yes")
    assert gone["deleted"] == [
        {"id": ids["tower.txt"], "name": "tower.txt"},
        {"id": ids["bread.md"], "name": "bread.md"},
    ]
    assert result.exit_code == 0
    left = [document["name"] for document in run_json("documents")[0]["documents"]]
    assert left == ["bees.txt", "ferry.csv"]


@pytest.mark.parametrize(("reply", "code", "left"), [("y\n", 0, 3), ("n\n", 1, 4), ("", 1, 4)])
def test_delete_asks_first(filled, reply, code, left):
    result = run("delete", "tower.txt", input=reply)
    assert result.exit_code == code
    assert "Delete tower.txt?" in result.stderr
    assert len(run_json("documents")[0]["documents"]) == left


def test_an_unknown_document_deletes_nothing(filled):
    result = run("delete", "ferry.csv", "towers.txt", "--yes")
    assert result.exit_code == 1
    assert "'towers.txt'" in result.stderr
    assert "tower.txt" in result.stderr.splitlines()[1]
    assert len(run_json("documents")[0]["documents"]) == 4


def test_a_damaged_catalog_ends_with_3(filled):
    (filled / "catalog.sqlite3").write_bytes(b"rubbish" * 1000)
    for arguments in (["documents"], ["search", "x"]):
        result = run(*arguments)
        assert result.exit_code == 3
        assert "damaged" in result.stderr


# -- what a document may hold ---------------------------------------------------------------

EVIL = "\x1b]0;owned\x07\x1b[2Jred \u202eevil \x9b31m tower built in 1889."


def test_escape_sequences_never_reach_the_terminal(tmp_path):
    (tmp_path / "a\x1b[31m\u202eb.txt").write_text(EVIL)
    outputs = [run("ingest", tmp_path)]
    outputs += [run(*words) for words in (["documents"], ["search", "tower"], ["ask", "tower?"])]
    outputs += [run("search", "tower", "--json"), run("delete", "a\x1b", "--yes")]
    outputs += [run("ask", "Was the evil red tower built in 1889?")]
    assert "tower built in 1889" in outputs[-1].stdout
    for result in outputs:
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", result.output)
        assert result.output


def test_plain_keeps_lines_and_letters():
    assert plain("a\tb\nc\x1b[0m\x00é漢") == "a\tb\nc[0mé漢"
    assert one_line(" a\n b\tc ") == "a b c"
    assert one_line("abcdefgh", 5) == "abcd…"


def test_a_terminal_that_knows_few_letters_is_enough(home, embedder):
    with RagPipeline.open(home, embedder=embedder) as opened:
        opened.ingest([load("größe-漢字.txt", b"Text.")])
    few = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    result = run_process("documents", env=few, encoding="latin-1")
    assert (result.returncode, result.stderr) == (0, "")
    assert "größe-??.txt" in result.stdout


# -- real processes -------------------------------------------------------------------------


def test_a_folder_in_use_is_said_but_can_be_listed(filled, folder):
    with owned_elsewhere(filled) as owner:
        for arguments in (["search", "x"], ["ingest", folder], ["delete", "tower.txt", "--yes"]):
            result = run_process(*arguments)
            assert (result.returncode, result.stdout) == (3, "")
            assert f"in use by another process (process {owner.pid})" in result.stderr
            assert "RAGSCOPE_HOME" in result.stderr
            assert "Traceback" not in result.stderr
        listed = run_process("documents", "--json")
        assert listed.returncode == 0
        assert len(json.loads(listed.stdout)["documents"]) == 4


def test_a_reader_that_goes_away_is_no_crash(filled):
    with subprocess.Popen(
        command("documents"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    ) as process:
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()


def read_terminal(fd):
    text = b""
    try:
        while piece := os.read(fd, 4096):
            text += piece
    except OSError:  # Linux says so when the other side closes
        pass
    return text.decode()


def test_the_whole_way_in_processes_of_their_own(folder, home):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command("ingest", folder), stdout=subprocess.PIPE, stderr=theirs, cwd=ROOT
    )
    os.close(theirs)
    drawn = read_terminal(ours)
    os.close(ours)
    with process.stdout:
        said = process.stdout.read().decode()
    assert process.wait() == 0
    # progress is drawn on the terminal, over and over, and taken away
    assert re.search(r"\[-{20}\] 1/4 \w+ \d+% ", drawn)
    assert re.search(r"\[#####-{15}\] 2/4 ", drawn)
    assert drawn.endswith("\r\x1b[K")
    # the results alone go down the pipe
    assert len(said.splitlines()) == 4
    assert "\x1b" not in said
    found = run_process("search", "iron tower", "--json")
    assert (found.returncode, found.stderr) == (0, "")
    assert json.loads(found.stdout)["hits"][0]["name"] == "tower.txt"


def test_ctrl_c_ends_it_and_leaves_the_rest_for_the_next_run(tmp_path, home, embedder):
    files = tmp_path / "files"
    files.mkdir()
    (files / "a.txt").write_text("Short.")
    (files / "b.txt").write_text("A sentence that is embedded. " * 20_000)
    process = subprocess.Popen(
        command("ingest", files),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        # A shell that starts the tests in the background has them ignore Ctrl-C, for good.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    watchdog = threading.Timer(100, process.kill)
    watchdog.start()
    with process.stdout, process.stderr:
        assert process.stdout.readline().startswith(b"added      a.txt")
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        errors = process.stderr.read().decode()
    assert process.wait() == 1
    watchdog.cancel()
    assert "Stopped after 1 of 2 files" in errors
    assert "Traceback" not in errors
    with RagPipeline.open(home, embedder=embedder) as opened:
        assert [info.name for info in opened.documents()] == ["a.txt"]
        assert [upload.name for upload in opened.unfinished()] == ["b.txt"]
