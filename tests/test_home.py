"""The data folder: originals, database, catalog, uploads, and who owns it."""

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from rag_core.catalog import Model
from rag_core.database import FORMAT, Database
from rag_core.datatypes import Chunk, Document
from rag_core.errors import Cancelled, HomeError, HomeInUseError
from rag_core.home import Home, home_from_env, reading_catalog
from rag_core.originals import Originals

ROOT = Path(__file__).parents[1]


@pytest.fixture
def home(tmp_path):
    home = Home.open(tmp_path / "home")
    home.catalog.add_collection("c")
    yield home
    home.close()


@contextmanager
def file_size_limit(size: int):
    """Make the system refuse to let any file grow beyond `size`, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def commit(home, name, text, size=4, **more):
    """Put a document cut into pieces of `size` characters through upload and commit."""
    document = Document.from_text(name, text, **more)
    chunks = [
        Chunk.cut(document, n, start, min(start + size, len(text)), {"n": n})
        for n, start in enumerate(range(0, len(text), size))
    ]
    upload = home.uploads.accept("c", name, f"sha-{text}", len(text))
    home.catalog.announce("c", [chunk.id for chunk in chunks])
    home.catalog.commit("c", document, chunks, upload=upload, chunker={"size": size}, seconds=0.5)
    return document, chunks


# -- originals ------------------------------------------------------------------------------


@pytest.fixture
def originals(tmp_path):
    return Originals(tmp_path / "originals")


def files_of(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("originals/*/*"))


def test_equal_files_are_kept_once_and_come_back_as_they_were(originals, tmp_path):
    data = bytes(range(256)) * 10
    sha256 = originals.put(data)
    assert originals.put(data) == sha256
    assert originals.get(sha256) == data
    assert files_of(tmp_path) == [sha256]


def test_a_deleted_original_is_gone_and_a_second_delete_does_nothing(originals, tmp_path):
    sha256 = originals.put(b"x")
    originals.delete(sha256)
    originals.delete(sha256)
    assert files_of(tmp_path) == []
    with pytest.raises(HomeError, match="cannot be read") as caught:
        originals.get(sha256)
    assert "Upload the file again" in caught.value.hint


@pytest.mark.parametrize("damage", [b"", b"hellO", b"hello and more"])
def test_a_damaged_original_is_noticed_and_repaired_by_the_same_file(originals, tmp_path, damage):
    sha256 = originals.put(b"hello")
    (path,) = tmp_path.glob("originals/*/*")
    path.write_bytes(damage)
    with pytest.raises(HomeError, match="damaged"):
        originals.get(sha256)
    originals.put(b"hello")
    assert originals.get(sha256) == b"hello"


def test_a_sweep_removes_what_a_crash_left_and_keeps_what_is_used(originals, tmp_path):
    used, unused = originals.put(b"used"), originals.put(b"unused")
    partial = tmp_path / "originals" / used[:2] / f"{used}.4242.part"
    partial.write_bytes(b"us")
    originals.sweep({used})
    assert files_of(tmp_path) == [used]
    assert unused != used


def test_a_full_disk_is_said_and_leaves_nothing_that_passes_for_the_file(originals, tmp_path):
    with file_size_limit(1000), pytest.raises(HomeError, match="could not be stored") as caught:
        originals.put(b"x" * 5000)
    assert "Free some space" in caught.value.hint
    assert all(name.endswith(".part") for name in files_of(tmp_path))
    assert originals.get(originals.put(b"x" * 5000)) == b"x" * 5000


def test_files_set_aside_are_kept_and_never_overwrite_each_other(originals, tmp_path):
    for number in (1, 2):
        originals.put(b"%d" % number)
        originals.set_aside()
    kept = {path.read_bytes() for path in tmp_path.glob("originals-kept-*/*/*")}
    assert kept == {b"1", b"2"}
    originals.set_aside()  # nothing there
    assert len(list(tmp_path.glob("originals-kept-*"))) == 2


# -- database -------------------------------------------------------------------------------


def test_another_format_is_refused_and_the_file_stays_as_it_is(tmp_path):
    path = tmp_path / "catalog.sqlite3"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE future (x)")
        other.execute(f"PRAGMA user_version = {FORMAT + 1}")
    other.close()
    before = path.read_bytes()
    with pytest.raises(HomeError, match=f"format {FORMAT + 1}; this version reads format {FORMAT}"):
        Database(path)
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["catalog.sqlite3"]


def test_a_file_that_is_no_database_is_refused_and_stays_as_it_is(tmp_path):
    path = tmp_path / "catalog.sqlite3"
    path.write_bytes(b"this is not SQLite " * 100)
    with pytest.raises(HomeError, match="cannot be used") as caught:
        Database(path)
    assert "damaged" in caught.value.hint
    assert path.read_bytes() == b"this is not SQLite " * 100


def test_damage_met_while_reading_is_said(tmp_path):
    path = tmp_path / "catalog.sqlite3"
    database = Database(path)
    with database.transaction() as db:
        rows = [("c", f"{n:05}") for n in range(5000)]
        db.executemany("INSERT INTO unwanted VALUES (?, ?)", rows)
    database.close()
    data = bytearray(path.read_bytes())
    data[4096 * 15 :] = os.urandom(len(data) - 4096 * 15)  # the schema is in the first pages
    path.write_bytes(data)
    database = Database(path)
    with pytest.raises(HomeError, match="cannot be used") as caught:
        database.rows("SELECT * FROM unwanted ORDER BY chunk_id")
    assert "damaged" in caught.value.hint
    database.close()


def test_a_transaction_is_all_or_nothing(tmp_path):
    database = Database(tmp_path / "catalog.sqlite3")
    with pytest.raises(sqlite3.IntegrityError), database.transaction() as db:
        db.executemany("INSERT INTO unwanted VALUES ('c', ?)", [("1",), ("2",), ("1",)])
    assert database.rows("SELECT * FROM unwanted") == []
    with database.transaction() as db:  # and the next one works
        db.execute("INSERT INTO unwanted VALUES ('c', '2')")
    assert len(database.rows("SELECT * FROM unwanted")) == 1
    database.close()


def test_a_full_disk_ends_a_transaction_whole_and_the_next_one_works(tmp_path):
    database = Database(tmp_path / "catalog.sqlite3")
    rows = [("c", f"{n:0200}") for n in range(20_000)]
    with (
        file_size_limit(200_000),
        pytest.raises(HomeError, match="cannot be used") as caught,
        database.transaction() as db,
    ):
        db.executemany("INSERT INTO unwanted VALUES (?, ?)", rows)
    assert "Free some space" in caught.value.hint
    assert database.rows("SELECT * FROM unwanted") == []
    with database.transaction() as db:
        db.executemany("INSERT INTO unwanted VALUES (?, ?)", rows)
    assert database.rows("SELECT count(*) AS n FROM unwanted")[0]["n"] == 20_000
    database.close()


def test_a_closed_database_says_so(tmp_path):
    database = Database(tmp_path / "catalog.sqlite3")
    database.close()
    with pytest.raises(HomeError, match="has been closed"):
        database.rows("SELECT 1")
    with pytest.raises(HomeError, match="has been closed"), database.transaction():
        pass


def test_a_read_only_database_cannot_be_written(tmp_path):
    Database(tmp_path / "catalog.sqlite3").close()
    database = Database(tmp_path / "catalog.sqlite3", read_only=True)
    with pytest.raises(HomeError, match="readonly"), database.transaction() as db:
        db.execute("INSERT INTO unwanted VALUES ('c', '1')")
    database.close()


# -- catalog --------------------------------------------------------------------------------


def test_a_document_comes_back_as_it_was(home):
    document, chunks = commit(
        home,
        "ü.pdf",
        "Grüße\0 an 𝔸lle",
        metadata={"year": 2020, "draft": True, "ratio": 0.5, "title": "a"},
        pages=((0, 7), (7, 14)),
        notes=("Page 3 has no text.",),
    )
    assert home.catalog.document("c", document.id) == document
    assert home.catalog.document_chunks("c", document.id) == chunks
    assert list(home.catalog.chunks("c")) == chunks
    info = home.catalog.named("c", "ü.pdf")
    assert (info.id, info.characters, info.pages, info.chunks) == (document.id, 14, 2, 4)
    assert (info.notes, info.metadata) == (document.notes, document.metadata)
    assert (info.chunker, info.seconds) == ({"size": 4}, 0.5)


def test_documents_are_listed_by_name_and_collections_are_apart(home):
    for name in ("b", "a", "c"):
        commit(home, name, "text")
    home.catalog.add_collection("other")
    home.catalog.add_collection("other")
    assert [info.name for info in home.catalog.documents("c")] == ["a", "b", "c"]
    assert home.catalog.documents("other") == []
    assert home.catalog.collections() == ["c", "other"]
    assert home.catalog.named("c", "z") is None


def test_a_new_version_replaces_the_old_one_and_says_what_the_store_must_drop(home):
    _, old = commit(home, "a", "one two")
    generation = home.catalog.generation("c")
    new_document, new = commit(home, "a", "one three")
    assert [info.id for info in home.catalog.documents("c")] == [new_document.id]
    assert list(home.catalog.chunks("c")) == new
    assert sorted(home.catalog.unwanted("c")) == sorted(chunk.id for chunk in old)
    assert home.catalog.generation("c") > generation


def test_chunks_that_stay_are_never_unwanted(home):
    _, old = commit(home, "a", "one two three", size=4)
    _, new = commit(home, "a", "one two three", size=8)
    both = {chunk.id for chunk in old} & {chunk.id for chunk in new}
    assert set(home.catalog.unwanted("c")) == {chunk.id for chunk in old} - both
    assert home.catalog.known("c", [chunk.id for chunk in old]) == both


def test_announced_chunks_are_unwanted_until_they_are_committed(home):
    home.catalog.announce("c", ["1", "2"])
    assert home.catalog.unwanted("c") == ["1", "2"]
    home.catalog.removed("c", ["1"])
    assert home.catalog.unwanted("c") == ["2"]
    _, chunks = commit(home, "a", "text")
    assert chunks[0].id not in home.catalog.unwanted("c")
    home.catalog.announce("c", [chunks[0].id])  # being written again: it stays visible
    assert home.catalog.unwanted("c") == ["2"]


def test_a_retired_document_is_gone_and_its_chunks_are_unwanted(home):
    document, chunks = commit(home, "a", "one two")
    home.catalog.retire("c", [document.id])
    assert home.catalog.document("c", document.id) is None
    assert home.catalog.known("c", [chunk.id for chunk in chunks]) == set()
    assert sorted(home.catalog.unwanted("c")) == sorted(chunk.id for chunk in chunks)


def test_a_discarded_upload_is_not_committed(home):
    document = Document.from_text("a", "text")
    upload = home.uploads.accept("c", "a", "sha", 4)
    home.uploads.forget(upload)
    with pytest.raises(Cancelled):
        home.catalog.commit("c", document, [], upload=upload, chunker={}, seconds=0)
    assert home.catalog.documents("c") == []


def test_the_same_content_is_found_by_file_and_by_text(home):
    commit(home, "a", "text")
    commit(home, "b", "text")
    commit(home, "other", "texts")
    assert home.catalog.same_content("c", "sha-text", "-", but="a") == ["b"]
    assert home.catalog.same_content("c", "-", "text", but="z") == ["a", "b"]


def test_originals_are_needed_by_documents_and_by_uploads(home):
    commit(home, "a", "text")
    home.uploads.accept("c", "b", "sha-b", 1)
    assert home.catalog.originals() == {"sha-text", "sha-b"}


def test_the_model_of_a_collection_is_noted(home):
    assert home.catalog.model("c") is None
    assert home.catalog.model("unknown") is None
    home.catalog.set_model("c", Model("f1", "mini", 8))
    assert home.catalog.model("c") == Model("f1", "mini", 8)


def test_a_removed_collection_takes_its_records_with_it(home):
    commit(home, "a", "text")
    home.uploads.accept("c", "b", "sha-b", 1)
    home.catalog.remove_collection("c")
    assert home.catalog.collections() == []
    assert home.catalog.documents("c") == home.uploads.pending("c") == []
    assert home.catalog.originals() == set()


# -- uploads --------------------------------------------------------------------------------


def test_uploads_wait_in_the_order_they_came(home):
    first = home.uploads.accept("c", "b", "1", 10)
    second = home.uploads.accept("c", "a", "2", 20)
    assert home.uploads.pending("c") == [first, second]
    assert home.uploads.pending("other") == []
    home.uploads.forget(first)
    assert home.uploads.pending("c") == [second]


def test_a_second_try_of_the_same_file_is_the_same_upload(home):
    first = home.uploads.accept("c", "a", "1", 10)
    assert home.uploads.accept("c", "a", "1", 10) == first
    assert home.uploads.accept("c", "b", "1", 10) != first
    assert len(home.uploads.pending("c")) == 2


def test_going_back_to_an_earlier_content_comes_last(home):
    for sha256 in ("1", "2", "1"):
        home.uploads.accept("c", "a", sha256, 10)
    assert [upload.sha256 for upload in home.uploads.pending("c")] == ["2", "1"]


def test_a_document_is_noted_with_its_upload(home):
    document = Document.from_text(
        "a", "half \ud800 text", metadata={"year": 1}, pages=((0, 4),), notes=("n",)
    )
    with_it = home.uploads.accept("c", "a", "1", 10, document)
    without = home.uploads.accept("c", "b", "2", 10)
    assert home.uploads.document(with_it) == document
    assert home.uploads.document(without) is None


# -- the owner ------------------------------------------------------------------------------

HOLDER = """
import sys, time
from pathlib import Path
from rag_core.home import Home
Home.open(Path(sys.argv[1]))
print("open", flush=True)
time.sleep(600)
"""


@contextmanager
def owned_elsewhere(path: Path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        assert process.stdout.readline() == "open\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_one_process_shares_one_home(tmp_path):
    first, second = Home.open(tmp_path / "home"), Home.open(tmp_path / "." / "home")
    assert first is second
    first.close()
    first.catalog.add_collection("still-open")
    second.close()
    with pytest.raises(HomeError, match="closed"):
        first.catalog.collections()
    again = Home.open(tmp_path / "home")
    assert again.catalog.collections() == ["still-open"]
    again.close()


def test_threads_that_open_at_once_share_one_home(tmp_path):
    homes = []
    threads = [
        threading.Thread(target=lambda: homes.append(Home.open(tmp_path / "home")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(homes) == 8
    assert len(set(map(id, homes))) == 1
    for home in homes:
        home.close()


def test_a_second_process_is_refused_and_told_who_owns_the_folder(tmp_path):
    with owned_elsewhere(tmp_path) as owner:
        with pytest.raises(HomeInUseError, match=f"process {owner.pid}") as caught:
            Home.open(tmp_path)
        assert "RAGSCOPE_HOME" in caught.value.hint


def test_a_killed_owner_owns_nothing_any_more(tmp_path):
    with owned_elsewhere(tmp_path) as owner:
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        Home.open(tmp_path).close()


def test_a_closed_home_can_be_opened_by_another_process(tmp_path):
    Home.open(tmp_path).close()
    with owned_elsewhere(tmp_path):
        pass


def test_a_folder_that_cannot_be_is_said(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(HomeError, match="cannot be used") as caught:
        Home.open(tmp_path / "file" / "home")
    assert "RAGSCOPE_HOME" in caught.value.hint


def test_a_damaged_catalog_stops_the_opening_and_can_be_tried_again(tmp_path):
    (tmp_path / "catalog.sqlite3").write_bytes(b"rubbish" * 1000)
    for _ in range(2):
        with pytest.raises(HomeError, match="cannot be used"):
            Home.open(tmp_path)
    (tmp_path / "catalog.sqlite3").unlink()
    Home.open(tmp_path).close()


def test_when_the_catalog_is_lost_the_files_are_not(tmp_path):
    home = Home.open(tmp_path)
    home.originals.put(b"the only copy")
    home.close()
    (tmp_path / "catalog.sqlite3").unlink()
    home = Home.open(tmp_path)
    home.originals.sweep(home.catalog.originals())
    home.close()
    (kept,) = tmp_path.glob("originals-kept-1/*/*")
    assert kept.read_bytes() == b"the only copy"


def test_the_folder_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("RAGSCOPE_HOME", "/some/where")
    assert home_from_env() == Path("/some/where")
    monkeypatch.setenv("RAGSCOPE_HOME", "")
    assert home_from_env() == Path(".ragscope")
    monkeypatch.delenv("RAGSCOPE_HOME")
    assert home_from_env() == Path(".ragscope")


# -- reading beside the owner ---------------------------------------------------------------


def test_the_catalog_is_read_beside_the_owner(tmp_path):
    with owned_elsewhere(tmp_path), reading_catalog(tmp_path) as catalog:
        assert catalog.collections() == []


def test_readers_see_what_the_owner_commits(home):
    with reading_catalog(home.path) as catalog:
        assert catalog.documents("c") == []
        commit(home, "a", "text")
        assert [info.name for info in catalog.documents("c")] == ["a"]


def test_reading_creates_and_changes_nothing(tmp_path):
    with reading_catalog(tmp_path / "nowhere") as catalog:
        assert catalog is None
    assert list(tmp_path.iterdir()) == []
    Home.open(tmp_path).close()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with reading_catalog(tmp_path) as catalog:
        assert catalog.collections() == []
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    sqlites_own = {"catalog.sqlite3-shm", "catalog.sqlite3-wal"}
    assert {name: data for name, data in after.items() if name not in sqlites_own} == before
    assert after.get("catalog.sqlite3-wal", b"") == b""
