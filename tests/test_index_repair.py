"""What is missing, orphaned or corrupt is found and mended; a backup comes back whole or not."""

import json
import shutil
import sqlite3
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from click.testing import CliRunner
from hash_embedder import HashEmbedder
from test_home import file_size_limit, owned_elsewhere
from test_index_manager import document, ids, in_catalog, prose

from rag_core import RagPipeline
from rag_core.cli import main
from rag_core.errors import HomeError, HomeInUseError
from rag_core.index_manager import IndexManager, backup, restore
from rag_core.index_manager import space as space_module


@pytest.fixture
def home(tmp_path):
    with RagPipeline.open(tmp_path / "home", embedder=HashEmbedder()) as pipeline:
        pipeline.ingest([document(f"doc{n}") for n in range(4)])
    return tmp_path / "home"


@pytest.fixture
def pipeline(home):
    with RagPipeline.open(home, embedder=HashEmbedder()) as pipeline:
        yield pipeline


def kinds(report):
    return sorted({problem.kind for problem in report.problems})


def mended(pipeline):
    manager = IndexManager(pipeline)
    report = manager.repair()
    assert report.after.clean, report.after.problems
    assert manager.verify().clean
    assert ids(pipeline.store()) == in_catalog(pipeline)
    assert pipeline.search("doc2 part", mode="vector").hits
    return report


def chunk_of(pipeline):
    return pipeline.chunks(pipeline.documents()[0].id)[0]


def test_a_whole_home_is_clean_and_repairing_it_changes_nothing(pipeline):
    before = pipeline.embedder.inner.embedded
    assert mended(pipeline).mended == 0
    assert pipeline.embedder.inner.embedded == before


def lose(pipeline, chunk):
    pipeline.store().delete([chunk.id])


def add_orphan(pipeline, chunk):
    from dataclasses import replace

    other = replace(chunk, id="f" * 20)
    pipeline.store().upsert([other], pipeline.embedder.embed_documents([chunk.text]))


def change_text(pipeline, chunk):
    from dataclasses import replace

    other = replace(chunk, text="Something else.")
    pipeline.store().upsert([other], pipeline.embedder.embed_documents([chunk.text]))


def change_vector(pipeline, chunk):
    pipeline.store().upsert([chunk], np.full((1, 64), 5, dtype=np.float32))


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        (lose, "missing"),
        (add_orphan, "orphan"),
        (change_text, "corrupt"),
        (change_vector, "corrupt"),
    ],
)
def test_a_wrong_record_in_the_store_is_found_and_mended(pipeline, damage, kind):
    damage(pipeline, chunk_of(pipeline))
    found = IndexManager(pipeline).verify()
    assert kinds(found) == [kind]
    assert len(found.problems) == 1
    assert mended(pipeline).mended == 1


def test_a_deleted_chroma_folder_is_found_and_mended(home):
    shutil.rmtree(home / "chroma")
    with RagPipeline.open(home, embedder=HashEmbedder()) as pipeline:
        assert kinds(IndexManager(pipeline).verify()) == ["missing"]
        report = mended(pipeline)
        assert report.embedded == len(in_catalog(pipeline)) > 0
        assert pipeline.embedder.inner.embedded == 0  # all of it was in the cache


def test_a_damaged_chroma_database_is_set_aside_and_made_again(home):
    (home / "chroma" / "chroma.sqlite3").write_bytes(b"rubbish" * 5000)
    with RagPipeline.open(home, embedder=HashEmbedder()) as pipeline:
        assert kinds(IndexManager(pipeline).verify()) == ["store"]
        report = mended(pipeline)
    assert report.set_aside.endswith("chroma-damaged-1")
    assert (home / "chroma-damaged-1" / "chroma.sqlite3").read_bytes().startswith(b"rubbish")


def test_chunks_that_the_catalog_lost_are_made_from_the_original(home):
    db = sqlite3.connect(home / "catalog.sqlite3")
    db.execute("DELETE FROM chunks WHERE position = 0 AND document_id IN "
               "(SELECT id FROM documents WHERE name = 'doc1.txt')")  # fmt: skip
    db.commit()
    db.close()
    with RagPipeline.open(home, embedder=HashEmbedder()) as pipeline:
        assert "document" in kinds(IndexManager(pipeline).verify())
        mended(pipeline)
        assert pipeline.search("doc1 part 0", mode="keyword").hits


def test_a_lost_original_is_said_and_nothing_is_made_worse(pipeline):
    sha256 = pipeline.documents()[0].sha256
    (pipeline.home.path / "originals" / sha256[:2] / sha256).unlink()
    report = IndexManager(pipeline).repair()
    assert kinds(report.after) == ["original"]
    assert len(pipeline.documents()) == 4
    assert pipeline.search("doc0").hits


def test_the_x_ray_sees_what_is_wrong(pipeline):
    manager = IndexManager(pipeline)
    manager.update([document("twin1", "The same words."), document("twin2", "The same words.")])
    whole = manager.xray()
    assert whole.healthy
    assert (whole.documents, whole.chunks, whole.asked) == (
        6,
        len(in_catalog(pipeline)),
        whole.chunks,
    )
    assert len(whole.duplicates) == 1
    assert len(whole.duplicates[0]) == 2
    assert whole.models == {HashEmbedder().fingerprint: whole.chunks}
    assert len(whole.chunkers) == 1
    assert whole.bytes["store"] > 0
    assert whole.last_write == max(info.added_at for info in pipeline.documents())
    chunk = chunk_of(pipeline)
    lose(pipeline, chunk)
    folder = pipeline.home.path / "chroma" / "5cff029e-3145-4e29-8e20-ea7083e706b5"
    folder.mkdir()
    found = manager.xray()
    assert found.missing == (chunk.id,)
    assert found.orphaned_folders == (folder.name,)
    assert not found.healthy
    assert manager.xray(most=3).asked == 3
    space_module.reclaim(pipeline)
    assert not folder.exists()


def test_a_model_that_changes_silently_is_caught(pipeline):
    manager = IndexManager(pipeline)
    first = manager.check_drift()
    assert not first.drifted
    assert first.lowest > 0.9999
    inner, other = pipeline.embedder.inner, HashEmbedder(64, "changed")
    inner.embed_documents = other.embed_documents
    second = manager.check_drift()
    assert second.drifted
    assert second.fingerprint == first.fingerprint
    assert manager.drift_history() == [first, second]


# -- a folder kept in step ------------------------------------------------------------------------


def test_a_folder_is_kept_in_step(pipeline, tmp_path):
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("First.")
    (folder / "sub" / "b.txt").write_text("Second.")
    manager = IndexManager(pipeline)
    plan = manager.plan_sync(folder)
    assert plan.added == ("a.txt", "sub/b.txt")
    assert len(pipeline.documents()) == 4
    manager.sync(folder)
    assert manager.plan_sync(folder).unchanged == ("a.txt", "sub/b.txt")
    (folder / "a.txt").write_text("Changed.")
    (folder / "sub" / "b.txt").unlink()
    (folder / "c.txt").write_text("Third.")
    plan = manager.plan_sync(folder)
    assert (plan.added, plan.replaced, plan.removed) == (("c.txt",), ("a.txt",), ("sub/b.txt",))
    report = manager.sync(folder)
    assert [file.status for file in report.files] == ["added", "replaced"]
    names = {info.name for info in pipeline.documents()}
    assert names == {"a.txt", "c.txt", *(f"doc{n}.txt" for n in range(4))}


def test_a_folder_that_lost_everything_removes_nothing_unless_it_is_said(pipeline, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.txt").write_text("First.")
    manager = IndexManager(pipeline)
    manager.sync(folder)
    (folder / "a.txt").unlink()
    from rag_core.errors import SettingsError

    with pytest.raises(SettingsError, match="holds none"):
        manager.sync(folder)
    assert len(pipeline.documents()) == 5
    manager.sync(folder, empty=True)
    assert len(pipeline.documents()) == 4


# -- backups --------------------------------------------------------------------------------------


def test_a_backup_comes_back_whole_without_embedding(pipeline, tmp_path):
    texts = {info.name: pipeline.document(info.id) for info in pipeline.documents()}
    done = backup(pipeline.home.path, tmp_path / "b.zip")  # while it is open
    assert done.files >= 6
    assert list(tmp_path.glob("*.part")) == []
    restore(tmp_path / "b.zip", tmp_path / "again")
    with RagPipeline.open(tmp_path / "again", embedder=HashEmbedder()) as again:
        mended(again)
        assert {info.name: again.document(info.id) for info in again.documents()} == texts
        assert again.embedder.inner.embedded == 0


def test_a_folder_that_holds_something_is_not_overwritten(home, tmp_path):
    backup(home, tmp_path / "b.zip")
    with pytest.raises(HomeError, match="not empty"):
        restore(tmp_path / "b.zip", home)
    report = restore(tmp_path / "b.zip", home, replace=True)
    assert report.set_aside == str(home) + "-before-1"
    with RagPipeline.open(home, embedder=HashEmbedder()) as pipeline:
        assert len(pipeline.documents()) == 4


def test_a_folder_in_use_is_not_replaced(home, tmp_path):
    backup(home, tmp_path / "b.zip")
    with owned_elsewhere(home), pytest.raises(HomeInUseError):
        restore(tmp_path / "b.zip", home, replace=True)


def rewritten(source, target, change):
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        manifest = json.loads(old.read("manifest.json"))
        files = {name: old.read(name) for name in manifest["files"]}
        change(manifest, files)
        for name, data in files.items():
            new.writestr(name, data)
        new.writestr("manifest.json", json.dumps(manifest))


def flip(manifest, files):
    name = next(name for name in files if name.startswith("originals"))
    files[name] = files[name][:-1] + b"!"


def escape(manifest, files):
    files["../outside.txt"] = b"x"
    manifest["files"]["../outside.txt"] = manifest["files"]["catalog.sqlite3"]


def unlisted(manifest, files):
    files["more.txt"] = b"x"


def newer(manifest, files):
    manifest["format"] = 99


def unfold(manifest, files):
    name = next(name for name in files if name.startswith("originals"))
    files[name] = b"0" * 5_000_000


def without_catalog(manifest, files):
    del files["catalog.sqlite3"], manifest["files"]["catalog.sqlite3"]


@pytest.mark.parametrize("change", [flip, escape, unlisted, newer, unfold, without_catalog])
def test_a_bad_backup_is_refused_and_leaves_nothing(home, tmp_path, change):
    backup(home, tmp_path / "b.zip")
    rewritten(tmp_path / "b.zip", tmp_path / "bad.zip", change)
    with pytest.raises(HomeError, match=r"bad\.zip"):
        restore(tmp_path / "bad.zip", tmp_path / "again")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.zip", "bad.zip", "home"]


@pytest.mark.parametrize("content", [b"", b"no zip at all", b"PK\x03\x04 cut off"])
def test_what_is_no_backup_is_said(tmp_path, content):
    (tmp_path / "bad.zip").write_bytes(content)
    with pytest.raises(HomeError, match="no whole backup"):
        restore(tmp_path / "bad.zip", tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_a_full_disk_leaves_no_half_backup(home, tmp_path):
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from rag_core.errors import HomeError; from rag_core.index_manager import backup\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "try: backup(Path(sys.argv[1]), Path(sys.argv[2]))\n"
        "except HomeError as error: print(error.message)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(home), str(tmp_path / "b.zip")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "could not be written" in run.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home"]


# -- the commands ---------------------------------------------------------------------------------


def run(*args, code=0):
    result = CliRunner().invoke(main, [*map(str, args), "--json"])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout) if result.stdout.startswith("{") else result.stderr


def test_the_commands_do_it_all(tmp_path, monkeypatch):
    monkeypatch.setattr("rag_core.collection_settings.open_embedder", lambda name: HashEmbedder())
    folder, home = tmp_path / "folder", tmp_path / "home"
    folder.mkdir()
    (folder / "a.txt").write_text(prose("a"))
    assert run("sync", folder, "--dry-run", "--home", home)["added"] == ["a.txt"]
    assert run("sync", folder, "--home", home)["files"][0]["status"] == "added"
    assert run("verify", "--home", home)["clean"]
    assert run("rebuild", "--home", home)["chunks"] > 0
    assert run("verify", "--home", home)["clean"]
    assert run("backup", tmp_path / "b.zip", "--home", home)["files"] >= 3
    shutil.rmtree(home / "chroma")
    assert kinds_of(run("verify", "--home", home, code=1)) == {"missing"}
    assert run("repair", "--home", home)["clean"]
    assert run("verify", "--home", home)["clean"]
    assert "not empty" in run("restore", tmp_path / "b.zip", "--home", home, code=3)
    run("restore", tmp_path / "b.zip", "--home", tmp_path / "again")
    assert run("repair", "--home", tmp_path / "again")["clean"]


def kinds_of(found):
    return {problem["kind"] for problem in found["problems"]}


# -- damage to the folder itself ------------------------------------------------------------------


def test_a_deleted_index_folder_inside_chroma_is_found_and_mended(tmp_path):
    with RagPipeline.open(tmp_path, embedder=HashEmbedder()) as pipeline:
        pipeline.chunking.use("fixed", size=20, overlap=0, unit="characters")
        pipeline.ingest([document("doc2", prose("doc2", 700))])
    for folder in (tmp_path / "chroma").iterdir():
        if folder.is_dir():
            assert list(folder.iterdir())  # with fewer chunks Chroma writes nothing there
            shutil.rmtree(folder)
    with RagPipeline.open(tmp_path, embedder=HashEmbedder()) as pipeline:
        assert not IndexManager(pipeline).verify().clean
        assert mended(pipeline).embedded > 1000
        assert pipeline.embedder.inner.embedded == 0


def test_a_full_disk_stops_a_rebuild_and_the_old_index_goes_on(pipeline):
    manager = IndexManager(pipeline)
    before = in_catalog(pipeline)
    largest = max(p.stat().st_size for p in pipeline.home.path.rglob("*") if p.is_file())
    with file_size_limit(largest):
        progress = manager.rebuild(HashEmbedder(512, "wide")).wait(60)
    assert progress.state == "failed"
    assert progress.hint
    assert pipeline.search("doc2 part", mode="vector").hits
    assert in_catalog(pipeline) == before
    assert manager.verify().clean
    assert manager.rebuild(HashEmbedder(512, "wide")).wait(60).state == "done"
    assert manager.verify().clean
