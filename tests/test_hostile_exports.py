"""Every hostile string through the loaders, the store and every export: data, and nothing else."""

import ast
import csv
import io
import json
import os
import re
import unicodedata
import zipfile
from html.parser import HTMLParser

import numpy as np
import pytest
from click.testing import CliRunner
from hash_embedder import HashEmbedder
from hostile_strings import KINDS, PATTERNS, STRINGS, encodable, of_kind
from markdown_it import MarkdownIt

from rag_core import Document, RagPipeline, evaluate, pipeline
from rag_core.ann import compare
from rag_core.chunk_lab.cutting import Choice
from rag_core.chunk_lab.export import as_csv, as_jsonl
from rag_core.chunk_lab.export import as_python as chunks_python
from rag_core.cli import main
from rag_core.conversations import Conversations
from rag_core.errors import HomeError, RagError
from rag_core.evaluation import Dataset, Gold, Question
from rag_core.evaluation.report import report_csv, report_html, report_markdown
from rag_core.index_manager.backup import backup, restore
from rag_core.search_lab.export import as_python as searches_python
from rag_core.search_lab.export import hits_csv, stages_json
from rag_core.search_lab.lanes import search_lanes
from rag_core.similarity_lab.export import as_python as matrix_python
from rag_core.similarity_lab.export import map_csv, matrix_csv, pairs_csv
from rag_core.similarity_lab.pairs import all_pairs
from rag_core.spreadsheets import neutral
from rag_core.transcripts import as_json, as_markdown, feedback_lines
from rag_core.turns import CitedPlace, NewTurn
from ui.ann_lab.export import victims_csv
from ui.ann_lab.problem import Outcome
from ui.ann_lab.settings import Settings

TEXTS = [encodable(text) for text in STRINGS]
SHORT = [text for text in TEXTS if len(text) < 500]


def test_the_corpus_is_large_and_no_string_is_there_twice():
    assert len(STRINGS) >= 200
    assert len(set(PATTERNS)) == len(PATTERNS)
    assert all(re.search(r"hx\d{3}", text) for text in STRINGS)
    assert min(KINDS.count(kind) for kind in set(KINDS)) >= 5


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    home = tmp_path_factory.mktemp("hostile") / "home"
    with RagPipeline.open(home, embedder=HashEmbedder()) as one:
        one.ingest([Document.from_text(text[:200], f"boat {text} boat") for text in SHORT[::5]])
        one.ingest([Document.from_text("all.txt", "\n\nboat ".join(SHORT))])
        yield one


def cells(table: bytes | str) -> list[str]:
    text = table.decode("utf-8-sig") if isinstance(table, bytes) else table
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert len({len(row) for row in rows}) == 1  # no text made a row or a column of its own
    return [cell for row in rows for cell in row]


def is_formula(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        seen = [c for c in cell if unicodedata.category(c) not in ("Cc", "Cf", "Zs", "Zl", "Zp")]
        return cell[:1] in tuple("\t\r\n") or "".join(seen[:1]) in tuple("=+-@＝＋－＠")
    return False


class Elements(HTMLParser):
    """What a browser would make of a text: elements and their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs

    handle_startendtag = handle_starttag


def assert_inert(markdown: str) -> None:
    found = Elements(MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown))
    structure = {"h1", "h2", "p", "ul", "li", "em", "table", "thead", "tbody", "tr", "th", "td"}
    assert found.tags <= structure
    assert [name for name, _ in found.attributes if name != "style"] == []


def assert_no_commands(shown: str) -> None:
    bad = {c for c in shown if unicodedata.category(c) == "Cc" and c not in "\n\t"}
    assert bad == set()
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", shown)


def test_csv_has_no_formulas(opened):
    lanes = search_lanes(opened, "boat", ["vector", "keyword"], opened.default_options(k=50))
    document = Document.from_text("=1.txt", "\n".join(SHORT))
    chunks = opened.chunks(opened.documents()[-1].id)
    vectors = HashEmbedder().embed_documents(SHORT[:60])
    settings = Settings()
    outcome = Outcome(
        settings, compare(vectors, vectors[:5], n_clusters=8, n_probes=[1]),
        chunks=tuple(chunks[:1] * 60), asked=tuple(SHORT[:5]),
    )  # fmt: skip
    pairs = all_pairs(SHORT[:25], np.eye(25, dtype=np.float32))
    tables = [
        hits_csv(lanes),
        as_csv(document, chunks, [1] * len(chunks)),
        matrix_csv(SHORT[:40], np.eye(40, dtype=np.float32)),
        pairs_csv(SHORT[:25], pairs),
        map_csv(SHORT, SHORT, SHORT, np.zeros((len(SHORT), 2), dtype=np.float32)),
        victims_csv(outcome),
    ]
    for table in tables:
        assert [cell for cell in cells(table) if is_formula(cell)] == []
    for text in of_kind("formulas"):
        assert str(neutral(text)) in (text, f"'{text}")
        assert not is_formula(str(neutral(text)))


def test_json_gives_back_what_went_in(opened):
    lanes = search_lanes(opened, "boat", ["keyword"], opened.default_options(k=5))
    for text in STRINGS:
        assert json.loads(stages_json(encodable(text), lanes))["query"] == encodable(text)
    document = Document.from_text("x", "\n".join(TEXTS))
    chunks = opened.chunks(opened.documents()[-1].id)
    lines = as_jsonl(document, chunks, [1] * len(chunks)).decode().split("\n")[:-1]
    assert [json.loads(line)["text"] for line in lines] == [chunk.text for chunk in chunks]


def test_scripts_hold_texts_as_literals(opened):
    lanes = search_lanes(opened, "boat", ["keyword"], opened.default_options(k=5))
    for text in STRINGS:
        scripts = [
            searches_python(text, "default", lanes),
            matrix_python([text, "b"], text, "cosine"),
            chunks_python(Document(id="i", name=text, text=text), Choice("fixed", 9, 0), {}, text),
        ]
        for script in scripts:
            found = [each.value for each in ast.walk(ast.parse(script))
                     if isinstance(each, ast.Constant)]  # fmt: skip
            assert text in found


@pytest.fixture
def conversations(tmp_path):
    kept = Conversations(tmp_path)
    for text in SHORT:
        talk = kept.start("default", text)
        place = CitedPlace(1, text, text, 0, 9, text)
        said = NewTurn(text, f"{text}\n\n{text}", (place,), text, error=text)
        kept.rate(kept.add(talk, said).id, 1, text)
    yield kept
    kept.close()


def test_transcripts_are_inert(conversations):
    for talk in conversations.list():
        turns = conversations.turns(talk.id)
        assert_inert(as_markdown(talk, turns))
        assert json.loads(as_json(talk, turns))["turns"][0]["note"] == turns[0].note
    lines = feedback_lines(conversations).split("\n")[:-1]
    assert sorted(json.loads(line)["note"] for line in lines) == sorted(SHORT)


def test_reports_are_inert(opened):
    document = next(info for info in opened.documents() if info.name == "all.txt")
    questions = [
        Question(f"{n}{text[:80]}", f"boat {text}", (Gold("all.txt", 0, 4, text),),
                 answers=(text,), kind=text)
        for n, text in enumerate(SHORT[::4])
    ]  # fmt: skip
    data = Dataset("<b>=1</b>", tuple(questions), (opened.document(document.id),))
    report = evaluate(opened, data.questions, ks=(3,), answers=True)
    page = report_html(report)
    found = Elements(page)
    allowed = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "table", "thead",
               "tbody", "tr", "th", "td", "details", "summary", "blockquote", "ol", "li", "svg",
               "rect", "circle", "line", "text", "div", "span", "caption"}  # fmt: skip
    assert found.tags <= allowed
    assert [v for k, v in found.attributes if re.search(r"hx\d{3}", f"{k}{v}")] == []
    assert [k for k, _ in found.attributes if k.startswith("on") or k in ("src", "href")] == []
    assert "default-src 'none'" in page
    assert [cell for cell in cells(report_csv(report)) if is_formula(cell)] == []
    assert_inert(report_markdown(report))


def test_a_terminal_obeys_nothing(opened, monkeypatch):
    home = opened.home.path
    monkeypatch.setattr(pipeline, "open_embedder", lambda *_: HashEmbedder())

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(main, [*arguments, "--home", str(home)])
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert_no_commands(result.output)
        return result.output

    assert "hx000" in run("documents")
    for kind in ("terminal", "unicode", "formulas"):
        said = " boat ".join(map(encodable, of_kind(kind)))
        run("search", "--", said.replace("\x00", ""))
    run("ask", "What of the boat?")
    names = (encodable(text).replace("\x00", "") for text in of_kind("terminal", "paths"))
    run("delete", "--yes", "--", *names)


def test_no_name_becomes_a_path(tmp_path):
    """Whatever a file is called, it is stored inside the home, under the hash of its content."""
    home = tmp_path / "deep" / "er" / "home"
    with RagPipeline.open(home, embedder=HashEmbedder()) as one:
        before = everything_but(tmp_path, home)
        for number, text in enumerate(STRINGS):
            upload = one.accept(text, f"boat {number}".encode())
            assert len(upload.name) < 5_000
            assert not upload.name.startswith("/")
            assert ".." not in upload.name.split("/")
            assert not {c for c in upload.name if unicodedata.category(c) in ("Cc", "Cs")}
        stored = [path for path in (home / "originals").rglob("*") if path.is_file()]
        assert stored
        assert all(re.fullmatch(r"[0-9a-f]{64}", path.name) for path in stored)
        assert everything_but(tmp_path, home) == before
        for collection in of_kind("paths"):
            if not re.fullmatch(r"[\w.-]+", collection):
                with pytest.raises((RagError, ValueError)):
                    RagPipeline.open(home, collection=collection, embedder=one.embedder)
        assert everything_but(tmp_path, home) == before


def everything_but(folder, home) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*") if home not in (path, *path.parents))


def test_a_backup_holds_no_name_that_leads_out_of_it(opened, tmp_path):
    report = backup(opened.home.path, tmp_path / "b.zip")
    with zipfile.ZipFile(report.path) as archive:
        names = archive.namelist()
    assert all(re.fullmatch(r"[a-z.0-9_/-]+", name) and ".." not in name for name in names)


@pytest.mark.parametrize("name", ["../out.txt", "/tmp/out.txt", "a/../../out.txt", "..\\out.txt"])
def test_a_forged_backup_writes_nothing_outside(opened, tmp_path, name):
    target = tmp_path / "b.zip"
    backup(opened.home.path, target)
    with zipfile.ZipFile(target) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        files = {each: archive.read(each) for each in manifest["files"]}
    first = next(iter(files))
    files[name] = files[first]
    manifest["files"][name] = manifest["files"][first]
    with zipfile.ZipFile(target, "w") as archive:
        for each, data in files.items():
            archive.writestr(each, data)
        archive.writestr("manifest.json", json.dumps(manifest))
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(HomeError):
        restore(target, tmp_path / "in" / "home")
    assert not (tmp_path / "in" / "home").exists()
    assert [each for each in sorted(os.listdir(tmp_path)) if each != "in"] == before
    assert not any("out.txt" in each for each in os.listdir(tmp_path / "in"))
