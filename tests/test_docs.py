"""The README says only what is so: every name in it exists, and every name it owes stands in it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rag_core import CHUNKERS, LOADERS, STORES, Chunk, Document

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SOURCES = [
    path.read_text(encoding="utf-8")
    for folder in ("rag_core", "ui", "pages")
    for path in (ROOT / folder).rglob("*.py")
]


def code_blocks(language: str) -> list[str]:
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)
    return [text for said, text in fenced if said == language]


def test_every_path_it_names_exists():
    block = next(text for text in code_blocks("") if "app.py" in text)
    folder = ""
    for line in block.splitlines():
        if not line.strip():
            continue
        names = re.split(r" {2,}", line.strip())[0].split(", ")
        if line.startswith("  "):
            names = [folder + name for name in names]
        else:
            folder = names[0] if names[0].endswith("/") else ""
        for name in names:
            assert (ROOT / name).exists(), name
    for name in re.findall(r"`((?:tests|rag_core|benchmarks|samples|docs)/[\w./]+)`", README):
        assert (ROOT / name).exists(), name


def test_every_module_stands_in_the_map():
    for path in (ROOT / "rag_core").iterdir():
        if path.name.startswith("_"):
            continue
        name = f"{path.name}/" if path.is_dir() else path.name
        assert name in README, name


def test_pictures_exist():
    for name in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README):
        assert (ROOT / name).is_file(), name


def test_every_page_is_described():
    for page in (ROOT / "pages").glob("*_page.py"):
        title = page.stem.removesuffix("_page").replace("_", " ")
        assert re.search(rf"^\| {title}", README, flags=re.MULTILINE | re.IGNORECASE), title


def test_every_chunker_store_and_format_is_named():
    for name in (*CHUNKERS, *STORES):
        assert f"`{name}" in README, name
    for suffix in (".pdf", ".docx", ".html", ".md", ".txt", ".csv", ".json"):
        assert suffix in LOADERS
        assert f"`{suffix}`" in README


def test_every_setting_in_the_code_stands_in_the_readme_and_the_other_way_round():
    pattern = r"\b(?:RAGSCOPE|OPENAI|COHERE|PINECONE)_[A-Z_]+\b"
    used = {name for source in SOURCES for name in re.findall(pattern, source)}
    used.discard("RAGSCOPE_MAX_")  # the common beginning of the loaders' limits
    documented = set(re.findall(pattern, README))
    assert used == documented


def test_the_commands_exist():
    helped = subprocess.run(
        [sys.executable, "-m", "rag_core", "--help"], capture_output=True, text=True, check=True,
        cwd=ROOT,
    ).stdout  # fmt: skip
    for command in re.findall(r"^python -m rag_core (\w+)", README, flags=re.MULTILINE):
        assert re.search(rf"^  {command}\b", helped, flags=re.MULTILINE), command


def test_the_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"\bmake (\w+)", "\n".join(code_blocks("")))):
        assert f"\n{target}:" in makefile, target


def test_the_library_example_runs(tmp_path, capsys):
    example = next(text for text in code_blocks("python") if "RagPipeline" in text)
    example = example.replace("my-data", str(tmp_path / "data"))
    few = tmp_path / "library"  # all of it takes a busy machine a minute
    few.mkdir()
    for name in ("museum-catalogue.json", "lighthouse-logbook.txt"):
        shutil.copy(ROOT / "samples" / "library" / name, few)
    example = example.replace('"samples/library"', repr(str(few)))
    exec(compile(example, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "museum-catalogue.json" in printed


@pytest.mark.parametrize("text", ["", "a\n\n  b c \nd", "one line"])
def test_the_chunker_example_keeps_the_laws(text):
    scope: dict = {}
    example = next(text for text in code_blocks("python") if "LineChunker" in text)
    exec(compile(example, "README.md", "exec"), scope)
    document = Document.from_text("x.txt", text)
    chunks: list[Chunk] = scope["LineChunker"]().chunk(document)
    assert all(document.text[c.start : c.end] == c.text for c in chunks)
    covered = {place for c in chunks for place in range(c.start, c.end)}
    assert all(place in covered for place, char in enumerate(text) if not char.isspace())
