"""Indexing in the background."""

import threading

import pytest
from hash_embedder import HashEmbedder

from rag_core import IngestQueue, ModelError, RagPipeline

LONG = " ".join(f"Sentence number {n} stands here." for n in range(400)).encode()


class Gated(HashEmbedder):
    """Waits before every text until the gate is open."""

    def __init__(self):
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()
        self.waiting = threading.Event()

    def embed_documents(self, texts, *, on_progress=None):
        if not self.gate.is_set():
            self.waiting.set()
            assert self.gate.wait(20)
        return super().embed_documents(texts, on_progress=on_progress)


@pytest.fixture
def embedder():
    return Gated()


@pytest.fixture
def pipeline(tmp_path, embedder):
    with RagPipeline.open(tmp_path / "home", embedder=embedder) as pipeline:
        yield pipeline
        embedder.gate.set()


@pytest.fixture
def queue(pipeline):
    queue = IngestQueue(pipeline)
    yield queue
    queue.cancel()
    pipeline.embedder.inner.gate.set()
    assert queue.wait(20)


def statuses(queue):
    return {file.upload.name: file.report and file.report.status for file in queue.files()}


def test_files_are_indexed_in_the_order_they_came(queue, pipeline):
    names = ["c.txt", "a.txt", "b.txt"]
    queue.submit([(name, f"I am {name}.".encode()) for name in names])
    assert queue.wait(20)
    assert not queue.busy
    assert [file.upload.name for file in queue.files()] == names
    assert [file.state for file in queue.files()] == ["done"] * 3
    assert [info.name for info in sorted(pipeline.documents(), key=lambda i: i.added_at)] == names


def test_progress_only_grows_within_a_stage(queue, pipeline):
    seen = []
    process = pipeline.process

    def watched(upload, *, on_progress):
        def report(progress):
            on_progress(progress)
            seen.append(queue.files()[0])

        return process(upload, on_progress=report)

    pipeline.process = watched
    queue.submit([("a.txt", LONG)])
    assert queue.wait(20)
    stages = list(dict.fromkeys(file.stage for file in seen))
    assert stages.index("reading") < stages.index("chunking")
    assert stages.index("chunking") < stages.index("embedding") < stages.index("storing")
    for stage in stages:
        done = [file.done for file in seen if file.stage == stage]
        assert done == sorted(done)
    assert [file.done for file in seen if file.stage == "embedding"][-1] == seen[-1].total > 8


def test_a_file_waits_while_another_is_worked_on(queue, embedder):
    embedder.gate.clear()
    queue.submit([("a.txt", LONG), ("b.txt", LONG)])
    assert embedder.waiting.wait(20)
    assert [file.state for file in queue.files()] == ["working", "waiting"]
    assert queue.busy
    assert not queue.wait(0.01)
    assert queue.unfinished() == []  # this queue is at work on them


def test_one_file_is_cancelled_and_the_others_go_on(queue, pipeline, embedder):
    embedder.gate.clear()
    queue.submit([(f"{n}.txt", LONG) for n in range(3)])
    assert embedder.waiting.wait(20)
    queue.cancel(queue.files()[1].upload.id)
    embedder.gate.set()
    assert queue.wait(20)
    assert statuses(queue) == {"0.txt": "added", "1.txt": "cancelled", "2.txt": "added"}
    assert [info.name for info in pipeline.documents()] == ["0.txt", "2.txt"]
    assert pipeline.unfinished() == []


def test_all_files_are_cancelled_and_what_is_indexed_stays(queue, pipeline, embedder):
    queue.submit([("done.txt", b"Done.")])
    assert queue.wait(20)
    embedder.gate.clear()
    queue.submit([(f"{n}.txt", LONG) for n in range(3)])
    assert embedder.waiting.wait(20)
    queue.cancel()
    embedder.gate.set()
    assert queue.wait(20)
    assert set(statuses(queue).values()) == {"added", "cancelled"}
    assert [info.name for info in pipeline.documents()] == ["done.txt"]
    assert pipeline.unfinished() == []
    assert sorted(c.id for c in pipeline.store()) == sorted(
        c.id for c in pipeline.chunks(pipeline.documents()[0].id)
    )


def test_a_cancelled_file_can_be_sent_again(queue, embedder):
    embedder.gate.clear()
    queue.submit([("a.txt", LONG)])
    assert embedder.waiting.wait(20)
    queue.cancel()
    embedder.gate.set()
    assert queue.wait(20)
    queue.submit([("a.txt", LONG)])
    assert queue.wait(20)
    assert [file.report.status for file in queue.files()] == ["cancelled", "added"]


def test_cancelling_what_is_done_or_unknown_does_nothing(queue):
    queue.submit([("a.txt", b"Text.")])
    assert queue.wait(20)
    queue.cancel(queue.files()[0].upload.id)
    queue.cancel(4711)
    queue.cancel()
    assert statuses(queue) == {"a.txt": "added"}


def test_done_files_are_cleared_from_the_list(queue, embedder):
    queue.submit([("a.txt", b"Text.")])
    assert queue.wait(20)
    embedder.gate.clear()
    queue.submit([("b.txt", LONG)])
    queue.clear()
    assert [file.upload.name for file in queue.files()] == ["b.txt"]


def test_a_bad_file_is_reported_and_the_next_is_indexed(queue):
    queue.submit([("a.pdf", b"no PDF"), ("b.txt", b"Text.")])
    assert queue.wait(20)
    bad, good = queue.files()
    assert (bad.report.status, good.report.status) == ("failed", "added")
    assert bad.report.hint


def test_what_an_earlier_run_left_is_found_and_finished(queue, pipeline):
    upload = pipeline.accept("left.txt", b"Left by a crash.")
    assert queue.unfinished() == [upload]
    queue.resume([upload])
    queue.resume([upload])
    assert queue.wait(20)
    assert statuses(queue) == {"left.txt": "added"}
    assert queue.unfinished() == []


class Unreachable(HashEmbedder):
    down = True

    def embed_documents(self, texts, *, on_progress=None):
        if self.down:
            raise ModelError("The model cannot be reached.", hint="Check the network.")
        return super().embed_documents(texts, on_progress=on_progress)


def test_what_failed_for_a_reason_that_passes_can_be_resumed(tmp_path):
    embedder = Unreachable()
    with RagPipeline.open(tmp_path, embedder=embedder) as pipeline:
        queue = IngestQueue(pipeline)
        queue.submit([("a.txt", b"Text.")])
        assert queue.wait(20)
        assert statuses(queue) == {"a.txt": "failed"}
        (upload,) = queue.unfinished()
        embedder.down = False
        queue.resume([upload])
        assert queue.wait(20)
        assert statuses(queue) == {"a.txt": "added"}
        assert queue.unfinished() == []


class Broken(HashEmbedder):
    """Has a bug that shows on one text."""

    def embed_documents(self, texts, *, on_progress=None):
        if "bug" in texts[0]:
            raise ZeroDivisionError
        return super().embed_documents(texts, on_progress=on_progress)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_ends_one_file_and_not_the_queue(tmp_path):
    with RagPipeline.open(tmp_path, embedder=Broken()) as pipeline:
        queue = IngestQueue(pipeline)
        queue.submit([("a.txt", b"Good."), ("b.txt", b"bug"), ("c.txt", b"Good again.")])
        assert queue.wait(20)
        assert statuses(queue) == {"a.txt": "added", "b.txt": "failed", "c.txt": "added"}
        assert "did not expect" in queue.files()[1].report.error
        assert [upload.name for upload in queue.unfinished()] == ["b.txt"]


def test_many_threads_and_two_queues_lose_nothing(pipeline):
    queues = [IngestQueue(pipeline), IngestQueue(pipeline)]

    def send(n):
        queues[n % 2].submit([(f"{n}-{i}.txt", f"File {i} of {n}. ".encode()) for i in range(4)])
        queues[n % 2].submit([("same.txt", f"By thread {n}.".encode())])

    threads = [threading.Thread(target=send, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for queue in queues:
        assert queue.wait(60)
        assert {file.report.status for file in queue.files()} <= {"added", "replaced"}
    names = {f"{n}-{i}.txt" for n in range(6) for i in range(4)} | {"same.txt"}
    assert {info.name for info in pipeline.documents()} == names
    assert pipeline.unfinished() == []
    assert pipeline.store().count() == sum(info.chunks for info in pipeline.documents())
