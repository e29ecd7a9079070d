"""An index over time: updates, versions, and rebuilds beside the index that answers."""

import hashlib
import threading
import time

import numpy as np
import pytest
from hash_embedder import HashEmbedder

from rag_core import RagPipeline, load
from rag_core.chunkers import make_chunker
from rag_core.errors import ModelError, SettingsError
from rag_core.index_manager import FunctionEmbedder, IndexManager
from rag_core.index_manager.space import orphaned_folders

WORDS = "amber birch cedar delta ember fjord grove haven islet jetty kelp larch".split()


def prose(name, sentences=40):
    chosen = [int(d, 16) for d in hashlib.sha256(name.encode()).hexdigest()]
    return " ".join(
        f"{name} part {n} has {WORDS[chosen[n % 64] % 12]} and {WORDS[n % 12]} in row {n * 7}."
        for n in range(sentences)
    )


def document(name, text=None):
    return load(f"{name}.txt", (text or prose(name)).encode())


@pytest.fixture
def pipeline(tmp_path):
    with RagPipeline.open(tmp_path / "home", embedder=HashEmbedder()) as pipeline:
        pipeline.chunking.use("fixed", size=80, overlap=0, unit="characters")
        yield pipeline


@pytest.fixture
def manager(pipeline):
    manager = IndexManager(pipeline)
    manager.update([document(f"doc{n}") for n in range(6)])
    return manager


def ids(store):
    return sorted(chunk.id for chunk in store)


def in_catalog(pipeline):
    return sorted(chunk.id for info in pipeline.documents() for chunk in pipeline.chunks(info.id))


def finished(rebuild):
    progress = rebuild.wait(60)
    assert progress.state == "done", progress
    return progress


# -- the lesson's three ---------------------------------------------------------------------------


def test_updates_are_reflected_in_search(pipeline, manager):
    manager.update([document("new", "A zyzzyva is a weevil.")])
    assert pipeline.search("zyzzyva").hits[0].chunk.metadata["name"] == "new.txt"
    manager.update([document("new", "A quokka is a marsupial.")])
    assert not pipeline.search("zyzzyva", mode="keyword").hits
    assert pipeline.search("quokka", mode="vector").hits[0].chunk.text == "A quokka is a marsupial."
    manager.delete([info.id for info in pipeline.documents() if info.name == "new.txt"])
    assert not pipeline.search("quokka", mode="keyword").hits
    assert "new.txt" not in {h.chunk.metadata["name"] for h in pipeline.search("quokka").hits}


def test_a_rebuild_preserves_every_document(pipeline, manager):
    before = {info.name: pipeline.document(info.id) for info in pipeline.documents()}
    finished(manager.rebuild(HashEmbedder(32, "other").embed_documents, "other", "2"))
    assert {i.name: pipeline.document(i.id) for i in pipeline.documents()} == before
    assert ids(pipeline.store()) == in_catalog(pipeline)
    for info in pipeline.documents():
        for chunk in pipeline.chunks(info.id):
            hits = pipeline.search(chunk.text, mode="vector", k=3).hits
            assert chunk.id in {hit.chunk.id for hit in hits}
    assert manager.verify().clean


def test_a_change_of_model_is_detected(pipeline, manager):
    assert not manager.needs_full_rebuild()
    other = HashEmbedder(64, "other")
    assert manager.needs_full_rebuild(other)
    assert {reason for v in manager.stale(other) for reason in v.reasons} == {"another model"}
    finished(manager.rebuild(other))
    assert not manager.needs_full_rebuild(other)
    assert manager.needs_full_rebuild(HashEmbedder())


# -- updates --------------------------------------------------------------------------------------


@pytest.mark.parametrize("cleared", [False, True])
def test_a_one_word_edit_of_a_long_document_embeds_a_chunk(pipeline, manager, cleared):
    text = "".join(f"Passage {n:03} of the long one".ljust(80, ".") for n in range(500))
    manager.update([document("long", text)])
    if cleared:
        pipeline.home.vectors.clear()
    embedder = pipeline.embedder.inner
    before = embedder.embedded
    report = manager.update([document("long", text.replace("Passage 250", "Message 250"))])
    assert embedder.embedded - before == 1
    assert (report.embedded, report.kept, report.removed) == (1, report.files[0].chunks - 1, 1)
    assert report.kept >= 499
    assert ids(pipeline.store()) == in_catalog(pipeline)
    stamps = [
        stamp.embedded_at
        for info in pipeline.documents()
        if info.name == "long.txt"
        for stamp in pipeline.home.catalog.stamps("default", info.id).values()
    ]
    assert sorted(stamps)[0] == sorted(stamps)[-2] < sorted(stamps)[-1]


def test_another_chunking_makes_stale_above_the_threshold(pipeline, manager):
    pipeline.chunking.use("fixed", size=60, overlap=0, unit="characters")
    manager.update([document(f"more{n}") for n in range(18)])
    assert len(manager.stale()) == 6
    assert {v.reasons for v in manager.stale()} == {("another chunking",)}
    assert manager.needs_full_rebuild()  # 6 of 24 is 25 %
    manager.threshold = 0.25
    assert not manager.needs_full_rebuild()
    assert manager.cost().chunks > sum(info.chunks for info in pipeline.documents())
    assert manager.cost().seconds > 0
    with pytest.raises(ValueError, match="threshold"):
        manager.threshold = 2
    finished(manager.rebuild())
    assert manager.stale() == []


# -- rebuilding -----------------------------------------------------------------------------------


class Slow(HashEmbedder):
    """Waits before every batch, until it is let go."""

    def __init__(self, salt="slow"):
        super().__init__(48, salt)
        self.go = threading.Event()
        self.reached = threading.Event()

    def embed_documents(self, texts, *, on_progress=None):
        self.reached.set()
        while not self.go.wait(0.01):
            on_progress and on_progress(
                __import__("rag_core").protocols.Progress("embedding", 0, 1)
            )
        return super().embed_documents(texts, on_progress=on_progress)


def test_changes_that_come_during_a_rebuild_are_in_the_new_index(pipeline, manager):
    slow = Slow()
    rebuild = manager.rebuild(slow)
    assert slow.reached.wait(10)
    manager.update([document("doc1", "The quokka sleeps."), document("extra", "A zyzzyva flies.")])
    manager.delete([info.id for info in pipeline.documents() if info.name == "doc2.txt"])
    assert pipeline.search("zyzzyva", mode="vector").hits[0].chunk.text == "A zyzzyva flies."
    assert pipeline.embedder.inner is not slow
    with pytest.raises(SettingsError, match="rebuilt already"):
        manager.rebuild(HashEmbedder())
    slow.go.set()
    finished(rebuild)
    pipeline.search("now")
    assert pipeline.embedder.inner is slow
    names = {info.name for info in pipeline.documents()}
    assert "doc2.txt" not in names
    assert {"extra.txt", "doc1.txt"} <= names
    assert pipeline.search("quokka", mode="vector").hits[0].chunk.text == "The quokka sleeps."
    assert ids(pipeline.store()) == in_catalog(pipeline)
    assert manager.verify().clean


def test_every_open_pipeline_sees_the_swap(pipeline, manager):
    with RagPipeline.open(pipeline.home.path, embedder=HashEmbedder()) as second:
        assert second.search("amber").hits
        other = HashEmbedder(16, "other")
        finished(manager.rebuild(other))
        assert second.search("amber", mode="vector").hits
        assert second.embedder.fingerprint == other.fingerprint
        second.ingest([document("late", "A zyzzyva comes late.")])
        assert (
            pipeline.search("zyzzyva", mode="vector").hits[0].chunk.metadata["name"] == "late.txt"
        )


def test_a_pipeline_that_slept_through_many_rebuilds_searches_and_writes(pipeline, manager):
    with RagPipeline.open(pipeline.home.path, embedder=HashEmbedder()) as second:
        assert second.search("amber", mode="vector").hits
        for salt in "abcde":
            finished(manager.rebuild(HashEmbedder(64, salt)))
            manager.forget_kept()
        assert second.search("amber", mode="vector").hits
        second.ingest([document("late", "A zyzzyva comes late.")])
        assert manager.verify().clean


def test_a_rebuild_outlives_the_pipeline_that_began_it(tmp_path):
    slow = Slow()
    with RagPipeline.open(tmp_path, embedder=HashEmbedder()) as first:
        first.ingest([document("a")])
        rebuild = IndexManager(first).rebuild(slow)
        assert slow.reached.wait(10)
    slow.go.set()
    finished(rebuild)
    with RagPipeline.open(tmp_path, embedder=slow) as second:
        assert second.search("amber", mode="vector").hits


def test_an_upload_that_meets_the_swap_is_indexed_with_the_new_model(pipeline, manager):
    other = HashEmbedder(16, "other")
    upload = pipeline.accept("late.txt", b"A zyzzyva comes late.")

    def swap_now(progress):
        if progress.stage == "storing" and manager.running() is None:
            finished(manager.rebuild(other))

    report = pipeline.process(upload, on_progress=swap_now)
    assert report.status == "added"
    assert pipeline.search("zyzzyva", mode="vector").hits[0].chunk.metadata["name"] == "late.txt"
    assert pipeline.unfinished() == []
    assert manager.verify().clean


def test_pause_and_cancel_leave_no_trace(pipeline, manager):
    slow = Slow()
    before = in_catalog(pipeline)
    rebuild = manager.rebuild(slow)
    slow.reached.wait(10)
    rebuild.pause()
    slow.go.set()
    deadline = time.monotonic() + 10
    while rebuild.progress.state != "paused" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert rebuild.progress.state == "paused"
    rebuild.cancel()
    assert rebuild.wait(10).state == "cancelled"
    assert [index.state for index in manager.indexes()] == ["live"]
    assert in_catalog(pipeline) == before
    assert orphaned_folders(pipeline.home.path / "chroma") == []
    assert manager.verify().clean


def test_a_failed_rebuild_is_gone_on_with(pipeline, manager):
    class Failing(HashEmbedder):
        limit = 3

        def embed_documents(self, texts, *, on_progress=None):
            self.limit -= 1
            if self.limit < 0:
                raise SettingsError("No credit left.", hint="Pay.")
            return super().embed_documents(texts, on_progress=on_progress)

    failing = Failing(32, "failing")
    progress = manager.rebuild(failing).wait(30)
    assert (progress.state, progress.error, progress.hint) == ("failed", "No credit left.", "Pay.")
    unfinished = next(index for index in manager.indexes() if index.state == "building")
    assert 0 < unfinished.documents < 6
    paid, failing.limit = failing.embedded, 1000
    finished(manager.rebuild(failing))
    assert failing.embedded - paid < paid * 2
    assert [index.key for index in manager.indexes() if index.state == "live"] == [unfinished.key]
    assert manager.verify().clean


def test_going_back_takes_over_what_changed_since(pipeline, manager):
    other = HashEmbedder(16, "other")
    finished(manager.rebuild(other))
    manager.update([document("doc1", "The quokka sleeps.")])
    manager.delete([info.id for info in pipeline.documents() if info.name == "doc2.txt"])
    finished(manager.rollback())
    assert pipeline.search("quokka", mode="vector").hits[0].chunk.text == "The quokka sleeps."
    assert pipeline.embedder.fingerprint == HashEmbedder().fingerprint
    assert "doc2.txt" not in {info.name for info in pipeline.documents()}
    assert ids(pipeline.store()) == in_catalog(pipeline)
    assert manager.verify().clean


def test_space_is_given_back(pipeline, manager):
    manager.update([document(f"big{n}", prose(f"big{n}", 300)) for n in range(3)])
    chroma = pipeline.home.path / "chroma"
    for salt in "abcd":
        finished(manager.rebuild(HashEmbedder(64, salt)))
    assert len(manager.indexes()) == 2
    assert manager.forget_kept() > 0
    assert [index.state for index in manager.indexes()] == ["live"]
    assert orphaned_folders(chroma) == []
    assert len([path for path in chroma.iterdir() if path.is_dir()]) == 1
    assert manager.verify().clean
    with pytest.raises(SettingsError, match="kept"):
        manager.rollback()


def test_searches_go_on_without_a_failure_through_rebuilds(pipeline, manager):
    stop, failures, count = threading.Event(), [], [0]

    def read():
        while not stop.is_set():
            for mode in ("vector", "hybrid", "keyword"):
                try:
                    if not pipeline.search("doc3 part amber", mode=mode).hits:
                        failures.append(f"{mode} found nothing")
                except BaseException as error:
                    failures.append(repr(error))
                count[0] += 1

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for turn in range(4):
        finished(manager.rebuild(HashEmbedder(16 + turn, "x"), chunker=make_chunker("sentence")))
    stop.set()
    for reader in readers:
        reader.join()
    assert failures == []
    assert count[0] > 20


# -- a function as a model ------------------------------------------------------------------------


def test_a_function_becomes_a_model_with_a_fingerprint():
    one = FunctionEmbedder(lambda texts: [[3.0, 4.0]] * len(texts), "m", "1")
    assert one.dimension == 2
    assert np.allclose(one.embed_query("x"), [0.6, 0.8])
    again = FunctionEmbedder(lambda texts: [[3.0, 4.0]] * len(texts), "m", "1")
    newer = FunctionEmbedder(lambda texts: [[3.0, 4.0]] * len(texts), "m", "2")
    assert one.fingerprint == again.fingerprint != newer.fingerprint


@pytest.mark.parametrize(
    "function",
    [
        lambda texts: [[1.0]],
        lambda texts: [1.0] * len(texts),
        lambda texts: [[0.0, 0.0]] * len(texts),
        lambda texts: [[float("nan")]] * len(texts),
        lambda texts: [["a"]] * len(texts),
    ],
)
def test_a_function_that_does_not_embed_is_said(function):
    with pytest.raises(ModelError, match="'m' returned"):
        FunctionEmbedder(function, "m", "1").embed_documents(["a", "b"])


@pytest.mark.parametrize("scheme", ["faiss", "qdrant"])
def test_other_stores_are_rebuilt_and_gone_back_to(tmp_path, scheme):
    url = (tmp_path / "store").as_uri().replace("file:", f"{scheme}:", 1)
    with RagPipeline.open(tmp_path / "home", embedder=HashEmbedder(), store_url=url) as pipeline:
        manager = IndexManager(pipeline)
        manager.update([document(f"doc{n}") for n in range(3)])
        finished(manager.rebuild(HashEmbedder(32, "other")))
        assert pipeline.search("doc1 part", mode="vector").hits
        assert manager.verify().clean
        manager.update([document("late", "A zyzzyva comes late.")])
        finished(manager.rollback())
        assert pipeline.search("zyzzyva", mode="vector").hits
        manager.forget_kept()
        assert manager.verify().clean
