"""The walls: what may import what, what importing costs, and what no file may do."""

import ast
import subprocess
import sys
import types
from pathlib import Path

import pytest

import rag_core

ROOT = Path(__file__).parents[1]
CORE = ROOT / "rag_core"
HEAVY = {
    "torch",
    "transformers",
    "sentence_transformers",
    "chromadb",
    "faiss",
    "openai",
    "cohere",
    "psycopg",
    "qdrant_client",
    "pinecone",
    "streamlit",
    "plotly",
    "pandas",
    "pypdf",
    "docx",
}

GROUND = {"access", "datatypes", "errors", "protocols"}
# A leaf may import the ground, and only what stands here besides.
LEAVES = {
    "ann": {"similarity"},
    "answers": {"prompts"},
    "bm25": {"terms"},
    "catalog": {"catalog_rows", "database", "uploads"},
    "catalog_rows": set(),
    "changed": {"catalog_rows"},
    "chunk_report": {"embedders"},
    "chunkers": {"embedders", "graphemes", "sentences", "similarity"},
    "conversations": {"database", "making", "turns"},
    "database": set(),
    "diversity": set(),
    "document_record": {"catalog_rows"},
    "embedders": {"quantized"},
    "figures": set(),
    "filters": set(),
    "findings": set(),
    "folders": set(),
    "followups": {"sentences", "terms"},
    "fusion": set(),
    "generators": {"late_interaction", "prompts", "reader", "relevance", "sentences", "terms"},
    "giving_way": set(),
    "graphemes": set(),
    "indexes": {"catalog_rows", "database"},
    "keyword": {"bm25", "filters", "terms"},
    "late_interaction": {"quantized", "similarity"},
    "loaders": set(),
    "making": set(),
    "moving": set(),
    "originals": set(),
    "page_image": set(),
    "prompts": set(),
    "quota": set(),
    "quotations": set(),
    "rank_flow": set(),
    # The reader stands on the packaged embedding model's lower layers and tokenizer.
    "quantized": set(),
    "reader": {"embedders"},
    "referee": {"answers", "figures", "late_interaction", "quotations", "sentences", "terms"},
    "relevance": set(),
    "reports": set(),
    # A reranker makes text encodable as the embedders do, before the same tokenizers.
    "rerankers": {"embedders", "late_interaction"},
    "sentences": {"graphemes"},
    "shared_marks": {"database"},
    "similarity": set(),
    "spreadsheets": set(),
    "stores": {"filters", "giving_way", "similarity"},
    "terms": set(),
    "transcripts": {"conversations", "turns"},
    "turns": {"making"},
    "uploads": {"database"},
    "waiting": set(),
}
# What puts leaves together: each may import every leaf, and whatever stands before it.
ROOMS = (
    "retrieval",
    "tipping",
    "explain",
    "collection_settings",
    "home",
    "store_choice",
    "shared_documents",
    "ingestion",
    "live_keywords",
    "parts",
    "trace",
    "pipeline",
    "store_moves",
    "costs",
    "jobs",
    "index_manager",
    "evaluation",
    "chunk_lab",
    "similarity_lab",
    "search_lab",
    "two_lanes",
    "lessons",
    "terminal",
    "cli_options",
    "cli_stores",
    "cli_index",
    "cli_figures",
    "cli_evaluate",
    "cli",
    "rag_core",
    "__main__",
)
GROUND_MAY = {"access": {"errors"}, "datatypes": set(), "errors": set(), "protocols": {"datatypes"}}


def sources(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def imported(path: Path) -> set[str]:
    """Return the dotted names of the modules a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def room_of(path: Path) -> str:
    first = path.relative_to(CORE).parts[0].removesuffix(".py")
    return "rag_core" if first == "__init__" else first


def rooms_imported(path: Path) -> set[str]:
    known = {room_of(source) for source in sources(CORE)}
    parts = [name.split(".") for name in imported(path)]
    rooms = {part[1] for part in parts if part[0] == "rag_core" and len(part) > 1} & known
    return rooms - {room_of(path)}


def allowed(room: str) -> set[str]:
    if room in GROUND:
        return GROUND_MAY[room]
    if room in LEAVES:
        return GROUND | LEAVES[room]
    return GROUND | set(LEAVES) | set(ROOMS[: ROOMS.index(room)])


@pytest.mark.parametrize("path", sources(CORE), ids=lambda path: str(path.relative_to(CORE)))
def test_imports_in_rag_core_follow_the_table(path):
    room = room_of(path)
    assert room in GROUND | set(LEAVES) | set(ROOMS), f"give {room!r} its place in this test"
    assert rooms_imported(path) - allowed(room) == set()


def test_the_table_of_leaves_has_no_circle():
    left = dict(LEAVES)
    while free := [room for room, needs in left.items() if not needs & set(left)]:
        for room in free:
            del left[room]
    assert left == {}


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("rag_core", {"ui", "pages", "app", "streamlit", "plotly", "pandas", "tests"}),
        ("ui", {"pages", "app", "tests"}),
        ("pages", {"app", "tests"}),
    ],
)
def test_imports_point_one_way(folder, forbidden):
    wrong = {
        str(path.relative_to(ROOT)): names
        for path in sources(ROOT / folder)
        if (names := {name.split(".")[0] for name in imported(path)} & forbidden)
    }
    assert wrong == {}


# -- what importing costs -------------------------------------------------------------------

LOADED = "import sys, {0}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"


@pytest.mark.parametrize("module", ["rag_core", "rag_core.cli"])
def test_importing_loads_nothing_heavy(module):
    run = subprocess.run(
        [sys.executable, "-c", LOADED.format(module)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert set(run.stdout.split()) & HEAVY == set()
    assert run.stderr == ""


def test_the_public_names_are_sorted_and_all_there():
    names = {
        name
        for name, value in vars(rag_core).items()
        if not name.startswith("_")
        and not isinstance(value, types.ModuleType)
        and name != "annotations"
    }
    constants_first = sorted(rag_core.__all__, key=lambda name: (not name.isupper(), name))
    assert rag_core.__all__ == constants_first
    assert set(rag_core.__all__) == names


# -- what no file may do --------------------------------------------------------------------


def mistakes(tree: ast.AST) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            found.append(f"line {node.lineno}: assert vanishes under -O")
        if isinstance(node, ast.Call) and name_of(node.func) in ("print", "eval", "exec"):
            found.append(f"line {node.lineno}: {name_of(node.func)}")
        if isinstance(node, ast.ExceptHandler) and too_wide(node):
            found.append(f"line {node.lineno}: catches everything and goes on")
    return found


def name_of(node: ast.AST | None) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def too_wide(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    names = set(map(name_of, kinds))
    raises = any(isinstance(node, ast.Raise) and node.exc is None for node in handler.body)
    return handler.type is None or "Exception" in names or ("BaseException" in names and not raises)


# They hand what a call in another thread raised to the thread that waits for it.
MAY_CATCH_ALL = {"embedders/batching.py", "waiting.py"}


@pytest.mark.parametrize("path", sources(CORE), ids=lambda path: str(path.relative_to(CORE)))
def test_no_file_of_the_library_prints_asserts_or_swallows(path):
    found = mistakes(ast.parse(path.read_text(encoding="utf-8")))
    if path.relative_to(CORE).as_posix() in MAY_CATCH_ALL:
        found = [mistake for mistake in found if "catches everything" not in mistake]
    assert found == []


@pytest.mark.parametrize(
    ("code", "bad"),
    [
        ("try:\n  x\nexcept Exception:\n  pass", True),
        ("try:\n  x\nexcept (ValueError, Exception):\n  raise", True),
        ("try:\n  x\nexcept:\n  raise", True),
        ("try:\n  x\nexcept BaseException:\n  pass", True),
        ("try:\n  x\nexcept BaseException:\n  undo()\n  raise", False),
        ("try:\n  x\nexcept OSError:\n  pass", False),
        ("print(1)", True),
        ("assert x", True),
    ],
)
def test_the_check_itself_sees_what_it_should(code, bad):
    assert bool(mistakes(ast.parse(code))) is bad
